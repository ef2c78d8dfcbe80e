"""An exported text classifier under ONNX Runtime, without torch.

Its folder holds two graphs, the tokenizer and the settings:

    model.onnx, model.bin   windows of pieces to the evidence of each, and the weights
    head.onnx               the evidence of all windows to the logits of texts
    tokenizer.json          the tokenizer, as the library of that name writes it
    export.json             an `ExportSettings`, and the size of each file
"""

import json
import os
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import numpy.typing as npt
from thinc.api import Optimizer
from thinc.shims.shim import Shim

from ..errors import Errors, one_line, requiring
from ..pieces.padding import PassShape, cheapest_passes, padded_windows
from ..pieces.windows import select_windows, set_window, split_windows
from ..types import Pieces
from .folder_shim import Content, FolderShim, map_file, write_files

if TYPE_CHECKING:
    from onnxruntime import InferenceSession
    from tokenizers import Tokenizer

ENCODER_FILE = "model.onnx"
WEIGHTS_FILE = "model.bin"
HEAD_FILE = "head.onnx"
TOKENIZER_FILE = "tokenizer.json"
SETTINGS_FILE = "export.json"
# Inputs of the graphs: fields of `PaddedWindows`.
WINDOWS = ("ids", "attention", "pooled")
TEXTS = "texts"

# What a forked process has of its parent's, kept for good: to end a session is to wait for its threads, which
# the fork left behind.
_inherited: list["Loaded"] = []

# Device, number, size and time of change of a file.
Stamp = tuple[int, int, int, int]


class ExportSettings(NamedTuple):
    """What an exported classifier keeps of the one that was trained.

    precision (str): "fp32" or "int8", of the weights.
    labels (int): Number of labels.
    window (int): The most pieces of a window, specials included.
    overlap (int): Pieces that neighbouring windows of a text share.
    pad_id (int): The padding piece.
    pool_specials (bool): Whether special pieces are pooled too.
    """

    precision: str
    labels: int
    window: int
    overlap: int
    pad_id: int
    pool_specials: bool


class Loaded(NamedTuple):
    """What was read from a folder.

    settings (ExportSettings): The settings.
    tokenizer (tokenizers.Tokenizer): The tokenizer, after `set_window`.
    encoder (InferenceSession): Windows to evidence.
    head (InferenceSession): Evidence to logits.
    files (Mapping[str, Content]): The files themselves, mapped: they can be read, though the folder be gone.
    stamps (Mapping[Path, Stamp]): Where they were, and what tells whether they still are.
    process (int): The process that the sessions belong to.
    """

    settings: ExportSettings
    tokenizer: "Tokenizer"
    encoder: "InferenceSession"
    head: "InferenceSession"
    files: Mapping[str, Content]
    stamps: Mapping[Path, Stamp]
    process: int

    def where(self) -> Path | None:
        """The folder, unless it is gone or others are in the files' place."""
        try:
            there = all(_stamp(path) == stamp for path, stamp in self.stamps.items())
        except OSError:
            return None
        return next(iter(self.stamps)).parent if there else None


class OnnxShim(FolderShim, Shim):
    """Holds an exported classifier for a thinc model. It only predicts.

    threads (int | None): Threads of a pass; None for as many as the process may use.
    pass_pieces (int): The most pieces, padding included, of a pass.
    """

    marker = SETTINGS_FILE
    read_errors = (*FolderShim.read_errors, ValueError, TypeError, AttributeError)
    is_trainable = False

    def __init__(self, threads: int | None, pass_pieces: int) -> None:
        super().__init__(None)
        self.threads = threads
        self.pass_pieces = pass_pieces
        self._loaded: Loaded | None = None

    @property
    def is_initialized(self) -> bool:
        return self._loaded is not None

    @property
    def not_loaded(self) -> str:
        return Errors.X320

    @property
    def loaded(self) -> Loaded:
        """What was loaded, with sessions of this process: of a forked one's the threads are missing.

        RAISES (ValueError): Nothing was loaded yet.
        """
        if self._loaded is None:
            raise ValueError(self.not_loaded)
        if self._loaded.process != os.getpid():
            _inherited.append(self._loaded)
            self._loaded = self._reopened(self._loaded)
        return self._loaded

    @property
    def n_labels(self) -> int:
        return self.loaded.settings.labels

    # Predicting

    def split(self, texts: Sequence[str]) -> Pieces:
        """Texts to windows of pieces, for this encoder."""
        return split_windows(self.loaded.tokenizer, texts)

    def predict(self, pieces: Pieces) -> npt.NDArray[np.float32]:
        """Logits of texts, in batches of like lengths. *Shape:* (texts, labels)"""
        loaded = self.loaded
        shape = PassShape(self.pass_pieces)
        batches = [
            padded_windows(
                select_windows(pieces, group),
                pad_id=loaded.settings.pad_id,
                shape=shape,
                pool_specials=loaded.settings.pool_specials,
            )
            for group in cheapest_passes(pieces.lengths, shape)
        ]
        # Some poolings don't ask which pieces to pool, and their graph doesn't either.
        inputs = [node.name for node in loaded.encoder.get_inputs()]
        evidence = [
            loaded.encoder.run(None, {name: getattr(batch, name) for name in inputs}) for batch in batches
        ]
        parts = {
            output.name: np.concatenate(column)
            for output, column in zip(loaded.encoder.get_outputs(), zip(*evidence, strict=True), strict=True)
        }
        texts = np.concatenate([batch.texts for batch in batches])
        return loaded.head.run(None, {TEXTS: texts, **parts})[0]

    def finish_update(self, optimizer: Optimizer) -> None:
        """Nothing is trained."""

    def to_device(self, device_type: str, device_id: int) -> None:
        """It stays on the CPU."""

    # Saving and loading

    def to_folder(self, path: Path) -> None:
        path.mkdir(parents=True, exist_ok=True)
        if self._loaded is None:
            return
        # Under another name first: the folder may be the one whose files are mapped.
        with tempfile.TemporaryDirectory(dir=path) as own:
            write_files(self._loaded.files, Path(own))
            for file in Path(own).iterdir():
                file.replace(path / file.name)

    def load_folder(self, path: Path) -> None:
        described = json.loads((path / SETTINGS_FILE).read_text(encoding="utf8"))
        settings = ExportSettings(**described["settings"])
        files = {name: _map(path / name, size) for name, size in described["files"].items()}
        missing = {ENCODER_FILE, WEIGHTS_FILE, HEAD_FILE, TOKENIZER_FILE} - set(files)
        if missing:
            raise RuntimeError(f"{SETTINGS_FILE} doesn't list {', '.join(sorted(missing))}")
        files[SETTINGS_FILE] = _map(path / SETTINGS_FILE, None)
        stamps = {path.resolve() / name: _stamp(path / name) for name in files}
        encoder, head = _open_both(path, self.threads or available_threads())
        tokenizer = _load_tokenizer(path, settings)
        self._loaded = Loaded(settings, tokenizer, encoder, head, files, stamps, os.getpid())

    def _reopened(self, loaded: Loaded) -> Loaded:
        folder = loaded.where()
        if folder is not None:
            # The same files, whose pages the processes share.
            encoder, head = _open_both(folder, threads=1)
        else:
            with tempfile.TemporaryDirectory() as place:
                write_files(loaded.files, Path(place))
                encoder, head = _open_both(Path(place), threads=1)
        return loaded._replace(encoder=encoder, head=head, process=os.getpid())

    def __getstate__(self) -> dict[str, object]:
        files = {} if self._loaded is None else {k: bytes(v) for k, v in self._loaded.files.items()}
        return {**self.__dict__, "_loaded": None, "files": files}

    def __setstate__(self, state: dict[str, Any]) -> None:
        files = state.pop("files")
        self.__dict__.update(state)
        with tempfile.TemporaryDirectory() as folder:
            write_files(files, Path(folder))
            self.from_folder(Path(folder))

    def __deepcopy__(self, memo: dict[int, object]) -> "OnnxShim":
        # Nothing of it ever changes.
        copied = OnnxShim(self.threads, self.pass_pieces)
        copied._loaded = self._loaded
        memo[id(self)] = copied
        return copied


def available_threads() -> int:
    """How many threads this process may run at a time."""
    # Not everywhere can a process be bound to some of the processors.
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def open_session(path: Path, threads: int) -> "InferenceSession":
    """Open a graph that was optimised when it was exported.

    path (Path): The graph, with its weights beside it. They are mapped from the file, not read.
    threads (int): Threads of a pass.
    RETURNS (InferenceSession): The session.
    RAISES (RuntimeError): It can't be read. (ImportError): ONNX Runtime is missing.
    """
    runtime = import_runtime()
    options = runtime.SessionOptions()
    options.intra_op_num_threads = threads
    options.log_severity_level = 3
    options.graph_optimization_level = runtime.GraphOptimizationLevel.ORT_DISABLE_ALL
    with _plain_errors():
        return runtime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])


def import_runtime() -> Any:
    """ONNX Runtime.

    RAISES (ImportError): It isn't installed.
    """
    with requiring(Errors.X321):
        import onnxruntime
    return onnxruntime


def _open_both(path: Path, threads: int) -> tuple["InferenceSession", "InferenceSession"]:
    # The head is a layer or two: threads would cost more than they gain.
    return open_session(path / ENCODER_FILE, threads), open_session(path / HEAD_FILE, 1)


def _load_tokenizer(path: Path, settings: ExportSettings) -> "Tokenizer":
    with requiring(Errors.X321):
        from tokenizers import Tokenizer
    with _plain_errors():
        tokenizer = Tokenizer.from_file(str(path / TOKENIZER_FILE))
    set_window(tokenizer, settings.window, settings.overlap)
    return tokenizer


def _stamp(path: Path) -> Stamp:
    found = path.stat()
    return found.st_dev, found.st_ino, found.st_size, found.st_mtime_ns


def _map(path: Path, size: int | None) -> Content:
    found = path.stat().st_size
    if size not in (None, found):
        raise RuntimeError(f"{path.name} has {found:,} bytes, and not {size:,}")
    return map_file(path)


@contextmanager
def _plain_errors() -> Iterator[None]:
    """Turn errors of these libraries, which have no class in common, into RuntimeErrors."""
    try:
        yield
    except ImportError:
        raise
    except Exception as error:
        raise RuntimeError(one_line(error)) from error
