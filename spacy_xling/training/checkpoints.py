"""Checkpoints of a run: each a folder that is either whole or not there."""

import os
import re
import shutil
from pathlib import Path
from typing import Callable, List, Optional

from ..errors import Errors

STEP_FOLDER = re.compile(r"step-(\d+)")
# How the libraries that are written in Rust report what the system refused.
SYSTEM_ERROR = re.compile(r"os error \d|Os \{ code")
UNFINISHED = ".unfinished"
REPLACED = ".replaced"


class Checkpoints:
    """The checkpoints of one run, as folders `step-N`.

    A checkpoint is written under another name and renamed once all its files are on the disk, so that a
    process may be killed at any moment and the folders named `step-N` are whole.

    folder (Path): Where they lie; made when the first is written.
    keep (int): How many of the latest to keep.
    RAISES (ValueError): `keep` is below 1.
    """

    def __init__(self, folder: Path, *, keep: int = 1) -> None:
        if keep < 1:
            raise ValueError(Errors.X608.format(keep=keep))
        self.folder = folder
        self.keep = keep

    def write(self, step: int, fill: Callable[[Path], None]) -> Path:
        """Write a checkpoint, then remove those that are no longer kept.

        step (int): The step it is of.
        fill (Callable[[Path], None]): Writes the files into the empty folder it is given.
        RETURNS (Path): The checkpoint's folder.
        RAISES (OSError): The disk is full or can't be written to; earlier checkpoints are still whole.
        """
        target = self.folder / f"step-{step}"
        try:
            write_folder(target, fill)
        except OSError as error:
            kept = self.latest()
            raise OSError(Errors.X609.format(path=target, error=error, kept=kept or "none")) from error
        for old in self._folders()[: -self.keep]:
            shutil.rmtree(_take_name(old), ignore_errors=True)
        return target

    def latest(self) -> Optional[Path]:
        """The last whole checkpoint.

        RETURNS (Optional[Path]): Its folder, None if there is none.
        """
        return next(reversed(self._folders()), None)

    def _folders(self) -> List[Path]:
        if not self.folder.is_dir():
            return []
        return sorted((p for p in self.folder.iterdir() if STEP_FOLDER.fullmatch(p.name)), key=step_of)


def step_of(checkpoint: Path) -> int:
    """The step that a checkpoint is of.

    checkpoint (Path): A folder named `step-N`.
    RETURNS (int): N.
    """
    return int(checkpoint.name.removeprefix("step-"))


def write_folder(target: Path, fill: Callable[[Path], None]) -> None:
    """Write a folder so that it appears under its name only when it is whole and on the disk. A folder that
    has the name already is replaced.

    target (Path): The folder.
    fill (Callable[[Path], None]): Writes the files into the empty folder it is given.
    RAISES (OSError): The disk is full or can't be written to.
    """
    unfinished = target.with_name(target.name + UNFINISHED)
    shutil.rmtree(unfinished, ignore_errors=True)
    unfinished.mkdir(parents=True)
    try:
        fill(unfinished)
        for path in [*unfinished.rglob("*"), unfinished]:
            _flush(path)
        replaced = _take_name(target)
        unfinished.rename(target)
    except BaseException as error:
        shutil.rmtree(unfinished, ignore_errors=True)
        if isinstance(error, shutil.Error):
            # A list of (from, to, reason).
            raise OSError(error.args[0][0][-1]) from error
        if isinstance(error, Exception) and SYSTEM_ERROR.search(str(error)):
            raise OSError(str(error)) from error
        raise
    _flush(target.parent)
    shutil.rmtree(replaced, ignore_errors=True)


def write_file(target: Path, text: str) -> None:
    """Write a small file so that it is never seen half written.

    target (Path): The file; its folder is made where it isn't there.
    text (str): What to write.
    RAISES (OSError): The disk is full or can't be written to.
    """
    target.parent.mkdir(parents=True, exist_ok=True)
    unfinished = target.with_name(target.name + UNFINISHED)
    unfinished.write_text(text, encoding="utf8")
    _flush(unfinished)
    unfinished.replace(target)
    _flush(target.parent)


def remove_leftovers(folder: Path) -> None:
    """Remove what a process that was killed left half written, or hadn't removed yet.

    folder (Path): Where folders were written to.
    """
    for path in folder.iterdir() if folder.is_dir() else ():
        if path.is_dir() and path.name.endswith((UNFINISHED, REPLACED)):
            shutil.rmtree(path, ignore_errors=True)


def _take_name(folder: Path) -> Path:
    """Rename a folder that is no longer wanted, so that no half of it can be mistaken for a whole."""
    doomed = folder.with_name(folder.name + REPLACED)
    shutil.rmtree(doomed, ignore_errors=True)
    if folder.exists():
        folder.rename(doomed)
    return doomed


def _flush(path: Path) -> None:
    """Wait until a file or folder is on the disk."""
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
