"""Files and folders that are seen under their names only once they are whole and on the disk."""

import fcntl
import os
import re
import shutil
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import srsly

from .errors import Errors, one_line

# How the libraries that are written in Rust report what the system refused.
SYSTEM_ERROR = re.compile(r"os error \d|Os \{ code")
UNFINISHED = ".unfinished"
REPLACED = ".replaced"
# Seconds between two looks at a lock.
POLL = 0.05


def write_folder(target: Path, fill: Callable[[Path], None]) -> None:
    """Write a folder so that it appears under its name only when it is whole and on the disk. A folder that
    has the name already is replaced.

    target (Path): The folder.
    fill (Callable[[Path], None]): Writes the files into the empty folder it is given.
    RAISES (OSError): The disk is full or can't be written to, or a name is not valid Unicode.
    """
    unfinished = target.with_name(target.name + UNFINISHED)
    shutil.rmtree(unfinished, ignore_errors=True)
    unfinished.mkdir(parents=True)
    try:
        fill(unfinished)
        for path in [*unfinished.rglob("*"), unfinished]:
            flush(path)
        replaced = take_name(target)
        unfinished.rename(target)
    except BaseException as error:
        shutil.rmtree(unfinished, ignore_errors=True)
        if isinstance(error, shutil.Error):
            # A list of (from, to, reason).
            raise OSError(error.args[0][0][-1]) from error
        is_systems = isinstance(error, Exception) and SYSTEM_ERROR.search(str(error))
        # Those libraries take no name of a file that isn't valid Unicode.
        if is_systems or isinstance(error, UnicodeEncodeError):
            raise OSError(str(error)) from error
        raise
    flush(target.parent)
    shutil.rmtree(replaced, ignore_errors=True)


def write_file(target: Path, content: str | bytes) -> None:
    """Write a file so that it is never seen half written, and what was there stays if it can't be.

    target (Path): The file; its folder is made where it isn't there.
    content (str | bytes): What to write; text is written as UTF-8.
    RAISES (OSError): X161: the disk is full or can't be written to, or the text is not valid Unicode.
    """
    with writing_errors(target):
        data = content.encode("utf-8") if isinstance(content, str) else content
        target.parent.mkdir(parents=True, exist_ok=True)
        if target.exists() and not (target.is_file() and "/dev" not in map(str, target.absolute().parents)):
            # A pipe, a terminal or what is printed, which can't be replaced.
            target.write_bytes(data)
        else:
            # What a link points to is replaced, and not the link.
            _replace_file(Path(os.path.realpath(target)), data)


def write_json(target: Path, data: Any) -> None:
    """Write plain data as JSON, as `write_file` does."""
    write_file(target, srsly.json_dumps(data, indent=2))


@contextmanager
def writing_errors(path: Path) -> Iterator[None]:
    """Name the file or folder in what goes wrong while it is written.

    path (Path): The file or folder.
    RAISES (OSError): X161: the disk is full or can't be written to, or a text or name is not valid Unicode.
    """
    try:
        yield
    except (OSError, UnicodeEncodeError) as error:
        raise OSError(Errors.X161.format(path=path, error=one_line(error))) from error


@contextmanager
def locked(path: Path, patience: float = 0.0) -> Iterator[int]:
    """Keep a second process out until the block ends, or this process does.

    path (Path): The file of the lock; made where it isn't there. Who has the lock may remove it.
    patience (float): Seconds to wait for another process to end.
    YIELDS (int): Handle of the lock. Processes that inherit it hold the lock too.
    RAISES (ValueError): X008: another process holds the lock. (OSError): X161.
    """
    end = time.monotonic() + patience
    while True:
        with writing_errors(path.parent):
            path.parent.mkdir(parents=True, exist_ok=True)
            lock = path.open("w")
        with lock:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                if time.monotonic() >= end:
                    raise ValueError(Errors.X008.format(folder=path.parent)) from None
                time.sleep(POLL)
            else:
                # The process that had it may have removed the file meanwhile: a third one would make another.
                if _is_at(path, lock.fileno()):
                    yield lock.fileno()
                    return


def _is_at(path: Path, handle: int) -> bool:
    try:
        return os.path.samestat(path.stat(), os.fstat(handle))
    except FileNotFoundError:
        return False


def remove_leftovers(folder: Path) -> None:
    """Remove from a folder what a process that was killed left half written, or hadn't removed yet."""
    for path in folder.iterdir() if folder.is_dir() else ():
        if path.is_dir() and path.name.endswith((UNFINISHED, REPLACED)):
            shutil.rmtree(path, ignore_errors=True)
        elif path.name.endswith(UNFINISHED):
            path.unlink(missing_ok=True)


def take_name(folder: Path) -> Path:
    """Rename a folder that is no longer wanted, so that no half of it can be mistaken for a whole."""
    doomed = folder.with_name(folder.name + REPLACED)
    shutil.rmtree(doomed, ignore_errors=True)
    if folder.exists():
        folder.rename(doomed)
    return doomed


def _replace_file(target: Path, data: bytes) -> None:
    unfinished = target.with_name(target.name + UNFINISHED)
    try:
        unfinished.write_bytes(data)
        if target.exists():
            # What was for one reader alone stays so.
            shutil.copymode(target, unfinished)
        flush(unfinished)
        unfinished.replace(target)
    except BaseException:
        unfinished.unlink(missing_ok=True)
        raise
    flush(target.parent)


def flush(path: Path) -> None:
    """Wait until a file or folder is on the disk."""
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
