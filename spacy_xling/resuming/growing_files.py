"""Files that grow, and continue growing after a kill.

Bytes are appended to a file and are on the disk before the state says so. The state says how much was read
and how many bytes were written: what a process that was killed wrote after that is taken off again, and the
next one begins where the state says. So nothing is lost, nothing is there twice, and the result is the same,
byte for byte.
"""

import json
import os
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from ..errors import Errors, one_line
from ..types import JsonDict
from ..writing import UNFINISHED, locked, write_json, writing_errors


class State:
    """How far a run has come, in a file beside its results.

    path (Path): The file.
    data (JsonDict): Its content: the "identity" of the run, and its "targets".
    """

    def __init__(self, path: Path, data: JsonDict) -> None:
        self.path = path
        self.data = data

    @staticmethod
    @contextmanager
    def lock(path: Path) -> Iterator[None]:
        """Keep a second process from the files of a run, as long as the block lasts.

        path (Path): The file of the state.
        RAISES (ValueError): X008: another process is at work. (OSError): X161.
        """
        lock = path.with_name(f".{path.name}.lock")
        with locked(lock):
            try:
                yield
            finally:
                lock.unlink(missing_ok=True)

    @classmethod
    def of_run(cls, path: Path, identity: Mapping[str, Any], *, resume: bool) -> "State":
        """The state of a run that begins, or continues.

        path (Path): The file.
        identity (Mapping[str, Any]): What must be the same to continue, as JSON holds it.
        resume (bool): Read the state that is there, if there is one.
        RETURNS (State): The state.
        RAISES (ValueError): X007: it can't be read, or is of another run.
        """
        new = cls(path, {"identity": dict(identity), "targets": {}})
        if not (resume and path.exists()):
            return new
        try:
            found = json.loads(path.read_text(encoding="utf-8"))
            changes = [name for name, value in identity.items() if found["identity"].get(name) != value]
        except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
            raise ValueError(Errors.X007.format(path=path, found=one_line(error))) from error
        if changes:
            raise ValueError(Errors.X007.format(path=path, found="changed: " + ", ".join(changes)))
        return cls(path, found)

    def of(self, name: str) -> JsonDict:
        """How far a target, a file that is written, has come."""
        start = {"records": 0, "texts": 0, "bytes": 0, "finished": False, "counts": {}}
        return self.data["targets"].setdefault(name, start)

    def write(self) -> None:
        """Write it, and wait until it is on the disk."""
        write_json(self.path, self.data)


def unfinished(path: Path) -> Path:
    """Where bytes are appended, until the file is whole and gets its name."""
    return path.with_name(path.name + UNFINISHED)


def append(path: Path, content: bytes, *, at: int) -> None:
    """Append bytes to a file, and wait until they are on the disk.

    path (Path): The file; it is made where it isn't there.
    content (bytes): The bytes.
    at (int): The length of the file in bytes; what stands after that is taken off first.
    RAISES (OSError): X161: it can't be written.
    """
    with writing_errors(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("ab") as file:
            file.truncate(at)
            file.write(content)
            file.flush()
            os.fsync(file.fileno())


def grow(
    path: Path,
    name: str,
    state: State,
    fill: Callable[[Path, JsonDict], None],
    finish: Callable[[Path, Path], None] | None = None,
) -> None:
    """Let a file grow from where it has come to, to its end.

    path (Path): The file that it becomes.
    name (str): Its name in the state.
    state (State): How far all have come.
    fill (Callable[[Path, JsonDict], None]): Appends what is missing to the growing file, whose state it
        is given and keeps up.
    finish (Callable[[Path, Path], None] | None): Makes the file of the growing one, and removes that; None
        renames it.
    RAISES (ValueError): X007: the growing file is shorter than the state says. (OSError): X161.
    """
    done = state.of(name)
    growing = unfinished(path)
    if must_grow(path, name, state):
        fill(growing, done)
        with writing_errors(path):
            (finish or Path.replace)(growing, path)
    done["finished"] = True
    state.write()


def must_grow(path: Path, name: str, state: State) -> bool:
    """Whether `grow`, of the same arguments, has anything to do: False where a run was killed between its two
    last steps. X007 says that the growing file is shorter than the state says.
    """
    growing, expected = unfinished(path), state.of(name)["bytes"]
    if not growing.exists() and path.exists() and expected:
        return False
    written = growing.stat().st_size if growing.exists() else 0
    if written < expected:
        found = f"{written} bytes in {growing.name}, of {expected}"
        raise ValueError(Errors.X007.format(path=state.path, found=found))
    return True
