"""The checkpoints that a component holds: loaded when a text first needs them, saved with the pipeline."""

import json
import shutil
import tempfile
from collections.abc import Iterable
from pathlib import Path
from typing import Any, cast

import srsly
from thinc.api import get_torch_default_device

from ..data.files import is_pipeline
from ..errors import Errors, one_line
from ..models import torch_forking  # noqa: F401  (registers what a forked child needs)
from ..models.checkpoint import Precision
from ..models.checkpoint_files import LOADING
from ..models.folder_shim import write_files
from ..models.portable import with_older_name
from .translating import CheckpointEngine, Model, load_checkpoint

INDEX = "index.json"


class HeldEngines:
    """Models by the names of their checkpoints.

    Saved, each lies in a folder of its own, as it came from the hub: its config, tokenizer and weights. The
    folders are numbered, and `index.json` lists the names, for there may be a language in one:

        index.json   {"checkpoints": ["opus-mt-da-en", "opus-mt-de-en"]}
        0, 1         the folders, in the order of the names

    precision (Precision): Of weights and sums.
    is_saved (bool): A pickle holds the models; else they are loaded again by their names.
    """

    def __init__(self, precision: Precision, *, is_saved: bool) -> None:
        self.precision = precision
        self.is_saved = is_saved
        self.engines: dict[str, CheckpointEngine] = {}
        self.is_closed = False

    def get(self, name: str) -> CheckpointEngine:
        """Give the model of a checkpoint, and load it where it isn't held yet.

        name (str): Hub name or folder.
        RETURNS (CheckpointEngine): The model.
        RAISES (ValueError): X813: what is held was saved, and this isn't part of it. Else as
            `load_checkpoint`.
            (ImportError): As `load_checkpoint`.
        """
        if name not in self.engines:
            if self.is_closed:
                raise ValueError(Errors.X813.format(name=name, known=", ".join(self.engines)))
            with LOADING:
                # Another thread may have been faster.
                if name not in self.engines:
                    self.engines[name] = self._load(name)
        return self.engines[name]

    def to_folder(self, path: Path) -> None:
        """Save what is held.

        path (Path): The folder, which may be the one that it was loaded from.
        RAISES (ValueError): X814: there are weights that are pickles.
        """
        self._require_weights()
        path.mkdir(parents=True, exist_ok=True)
        # Under another name first, for files may be those that are mapped.
        with tempfile.TemporaryDirectory(dir=path) as own:
            for number, engine in enumerate(self.engines.values()):
                folder = Path(own) / str(number)
                folder.mkdir()
                write_files(with_older_name(engine.files), folder)
            for old in [old for old in path.iterdir() if old.name.isdigit()]:
                shutil.rmtree(old)
            for new in [new for new in Path(own).iterdir() if new.name.isdigit()]:
                new.rename(path / new.name)
        (path / INDEX).write_text(json.dumps({"checkpoints": list(self.engines)}, indent=2), encoding="utf8")

    def from_folder(self, path: Path) -> None:
        """Load what `to_folder` saved, instead of what is held. No hub is asked, and the files are
        looked at as any others.

        path (Path): The folder.
        RAISES (ValueError): X313: it isn't whole. Else as `load_checkpoint`. (ImportError): As
            `load_checkpoint`.
        """
        try:
            names = json.loads((path / INDEX).read_text(encoding="utf8"))["checkpoints"]
            if not isinstance(names, list) or not all(isinstance(name, str) for name in names):
                raise ValueError(f"{INDEX} has {names!r}")
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise ValueError(Errors.X313.format(path=path, error=one_line(error))) from error
        self._take(names, (path / str(number) for number in range(len(names))))

    def to_bytes(self) -> bytes:
        """What is held as bytes; see `to_folder`."""
        self._require_weights()
        held = [
            [name, {file: bytes(content) for file, content in with_older_name(engine.files).items()}]
            for name, engine in self.engines.items()
        ]
        return cast(bytes, srsly.msgpack_dumps(held))

    def from_bytes(self, data: bytes) -> None:
        """Load what `to_bytes` gave; see `from_folder`."""
        held = srsly.msgpack_loads(data)
        with tempfile.TemporaryDirectory() as place:
            folders = [Path(place) / str(number) for number in range(len(held))]
            for folder, (_, files) in zip(folders, held, strict=True):
                folder.mkdir()
                write_files(files, folder)
            self._take([name for name, _ in held], folders)

    def _take(self, names: Iterable[str], folders: Iterable[Path]) -> None:
        engines = {}
        for name, folder in zip(names, folders, strict=True):
            if not folder.is_dir():
                raise ValueError(Errors.X313.format(path=folder, error="there is no such folder"))
            engines[name] = self._load(str(folder))
            # For messages: it may be loaded from a folder that is gone by then.
            engines[name].tokenizer.name = name
        self.engines = engines

    def _load(self, name: str) -> CheckpointEngine:
        if is_pipeline(Path(name)):
            raise ValueError(Errors.X816.format(name=name))
        device = get_torch_default_device()
        gpu_id = (device.index or 0) if device.type == "cuda" else -1
        return load_checkpoint(Model(name, self.precision, gpu_id))

    def _require_weights(self) -> None:
        for name, engine in self.engines.items():
            if not engine.has_safe_weights:
                raise ValueError(Errors.X814.format(name=name))

    def __getstate__(self) -> dict[str, Any]:
        return {**self.__dict__, "engines": self.to_bytes() if self.is_saved else None}

    def __setstate__(self, state: dict[str, Any]) -> None:
        engines = state.pop("engines")
        self.__dict__.update(state, engines={})
        if engines is not None:
            self.from_bytes(engines)

    def __deepcopy__(self, memo: dict[int, Any]) -> "HeldEngines":
        # No model ever changes.
        copied = HeldEngines(self.precision, is_saved=self.is_saved)
        copied.engines, copied.is_closed = dict(self.engines), self.is_closed
        memo[id(self)] = copied
        return copied
