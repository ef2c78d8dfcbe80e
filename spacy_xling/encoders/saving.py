"""Writing an encoder where nothing else is."""

from collections.abc import Callable, Sequence
from pathlib import Path

from ..data.files import CHECKPOINT_FILE, is_free, require_apart
from ..errors import Errors, one_line
from ..writing import write_folder


def require_new_folder(path: Path, *, overwrite: bool = False, inputs: Sequence[Path | None] = ()) -> None:
    """Refuse a folder that holds something, so that nothing is lost. Call it before the work begins.

    path (Path): The folder to be written.
    overwrite (bool): It may hold an encoder, which will be replaced.
    inputs (Sequence[Path | None]): Files and folders that are read, of which none may be replaced.
    RAISES (ValueError): It exists, is not an empty folder, and not an encoder to be replaced; X173.
    """
    if not is_free(path, replaces=CHECKPOINT_FILE if overwrite else None):
        raise ValueError(Errors.X706.format(path=path))
    require_apart(path, inputs)


def write_encoder(path: Path, fill: Callable[[Path], None]) -> None:
    """Write an encoder's folder, whole or not at all.

    path (Path): The folder.
    fill (Callable[[Path], None]): Writes the files into the empty folder it is given.
    RAISES (OSError): The disk is full or can't be written to.
    """
    try:
        write_folder(path, fill)
    except OSError as error:
        raise OSError(Errors.X707.format(path=path, error=one_line(error))) from error
