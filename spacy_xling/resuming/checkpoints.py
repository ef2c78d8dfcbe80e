"""Checkpoints of a run: each a folder that is either whole or not there."""

import re
import shutil
from collections.abc import Callable
from pathlib import Path

from ..errors import Errors
from ..writing import take_name, write_folder

STEP_FOLDER = re.compile(r"step-(\d+)")


class Checkpoints:
    """The checkpoints of one run, as folders `step-N`.

    A checkpoint is written under another name and renamed once all its files are on the disk, so that a
    process may be killed at any moment and the folders named `step-N` are whole.

    folder (Path): Where they lie; made when the first is written.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def write(self, step: int, fill: Callable[[Path], None]) -> Path:
        """Write a checkpoint, then remove those before it.

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
        for old in self._folders()[:-1]:
            shutil.rmtree(take_name(old), ignore_errors=True)
        return target

    def latest(self) -> Path | None:
        """The folder of the last whole checkpoint, None if there is none."""
        return next(reversed(self._folders()), None)

    def _folders(self) -> list[Path]:
        if not self.folder.is_dir():
            return []
        return sorted((p for p in self.folder.iterdir() if STEP_FOLDER.fullmatch(p.name)), key=step_of)


def step_of(checkpoint: Path) -> int:
    """The step N that a checkpoint, a folder named `step-N`, is of."""
    return int(checkpoint.name.removeprefix("step-"))
