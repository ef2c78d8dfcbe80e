"""What the shims of this package share, with torch or without: a folder of files, and its bytes."""

import mmap
import tempfile
from abc import ABC, abstractmethod
from collections.abc import Mapping
from pathlib import Path
from typing import Any, cast

import srsly

from ..errors import Errors, one_line
from . import forking  # noqa: F401  (registers what a forked child needs)

# What is in a file, read or mapped.
Content = bytes | mmap.mmap


class FolderShim(ABC):
    """A thinc shim whose state is a folder, written without pickles.

    marker (str): The file that every whole folder has.
    read_errors (tuple): What the libraries raise that read the files.
    is_trainable (bool): Whether it can be trained.
    """

    marker = "config.json"
    read_errors: tuple[type[Exception], ...] = (OSError, KeyError, RuntimeError)
    is_trainable = True

    @property
    @abstractmethod
    def is_initialized(self) -> bool:
        """Whether there is anything to run."""

    @property
    @abstractmethod
    def not_loaded(self) -> str:
        """What to say where there isn't."""

    def require_loaded(self) -> None:
        """Refuse to continue with nothing to run.

        RAISES (ValueError): Nothing was initialized or loaded yet.
        """
        if not self.is_initialized:
            raise ValueError(self.not_loaded)

    @abstractmethod
    def to_folder(self, path: Path) -> None:
        """Write a folder without pickles. An empty one stands for a component that was never initialized."""

    def from_folder(self, path: Path) -> None:
        """Read what `to_folder` wrote. No hub is asked, and no code of the folder is run.

        RAISES (ValueError): It isn't whole, or of another kind.
        """
        if not (path / self.marker).is_file():
            if path.is_dir() and not any(path.iterdir()):
                return
            raise ValueError(Errors.X313.format(path=path, error=f"it has no {self.marker}"))
        try:
            self.load_folder(path)
        # What is said of a file depends on the library that reads it.
        except self.read_errors as error:
            raise ValueError(Errors.X313.format(path=path, error=one_line(error))) from error

    @abstractmethod
    def load_folder(self, path: Path) -> None:
        """Read a folder that has its marker."""

    def to_bytes(self) -> bytes:
        with tempfile.TemporaryDirectory() as folder:
            self.to_folder(Path(folder))
            files = {file.name: file.read_bytes() for file in sorted(Path(folder).iterdir())}
        return cast(bytes, srsly.msgpack_dumps(files))

    def from_bytes(self, bytes_data: bytes) -> Any:
        with tempfile.TemporaryDirectory() as folder:
            write_files(srsly.msgpack_loads(bytes_data), Path(folder))
            self.from_folder(Path(folder))
        return self


def map_file(path: Path) -> Content:
    """The content of a file, mapped: it can be read, though the file be gone.

    RAISES (OSError): The file can't be read.
    """
    with path.open("rb") as file:
        # Nothing can't be mapped.
        return mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) if path.stat().st_size else b""


def write_files(files: Mapping[str, Content], folder: Path) -> None:
    """Write files, whose content is given by name, to a folder, under their plain names."""
    for name, content in files.items():
        (folder / Path(name).name).write_bytes(content)
