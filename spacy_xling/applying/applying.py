"""Files of texts to files of their predictions, which continue after a kill: see `growing_files`."""

import gzip
import hashlib
import json
import os
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from typing import NamedTuple

import tqdm  # type: ignore[import-untyped]

from ..data.files import Kinds, TextFile, find_files, is_gzipped, kind_of_file, require_new_files
from ..data.records import DIALECTS, json_line
from ..errors import Errors
from ..evaluation.by_language import require_pipeline
from ..resuming.growing_files import State, append, grow, must_grow, unfinished
from ..types import JsonDict
from .engines import Engine, in_order, result_of
from .formats import Batch, JsonLines, Place, Reading, Table
from .parquet import Parquet, finish_parquet
from .predictor import PredictorSettings, without_errors

STATE = "apply.json"
REJECTS = "rejects"
Format = JsonLines | Parquet
# What is done is on the disk after this many seconds, or bytes.
SAVE_SECONDS = 5.0
SAVE_BYTES = 1 << 24


class Shard(NamedTuple):
    """The files of a folder that this run takes: each `of`th, from `number` on, which counts from 1."""

    number: int
    of: int

    @classmethod
    def parse(cls, text: str) -> "Shard":
        """Read a shard such as "2/8"; X910 where a text is none."""
        number, slash, of = text.partition("/")
        if not (slash and number.isdecimal() and of.isdecimal() and 1 <= int(number) <= int(of)):
            raise ValueError(Errors.X910.format(found=text))
        return cls(int(number), int(of))


def _find_files(data: Path, output: Path, shard: Shard | None) -> dict[Path, TextFile]:
    """The files of a run, by the paths of what they become."""
    files = find_files(data, Kinds.APPLIED)
    is_folder = data.is_dir()
    if not is_folder:
        kind = files[0].kind
        if kind_of_file(output) != kind or (kind == "parquet" and is_gzipped(output)):
            expected = ".parquet" if kind == "parquet" else f".{kind} or .{kind}.gz"
            raise ValueError(Errors.X908.format(path=output, expected=expected))
    taken = files if shard is None else files[shard.number - 1 :: shard.of]
    if shard is not None and not taken:
        found = f"{shard.number}/{shard.of}"
        raise ValueError(Errors.X911.format(shard=found, path=data, files=len(files)))
    return {output / file.path.name if is_folder else output: file for file in taken}


def state_path(data: Path, output: Path, shard: Shard | None = None) -> Path:
    """Where the state of a run stands: in the folder that is written, or beside the file."""
    name = STATE if shard is None else f"{shard.number}-of-{shard.of}.{STATE}"
    return output / name if data.is_dir() else output.with_name(f"{output.name}.{name}")


def apply_files(
    data: Path,
    output: Path,
    settings: PredictorSettings,
    open_engine: Callable[[PredictorSettings], AbstractContextManager[Engine]],
    *,
    reading: Reading = Reading(),  # noqa: B008  (a tuple)
    rejects: Path | None = None,
    shard: Shard | None = None,
    resume: bool = False,
    overwrite: bool = False,
    progress: bool = False,
) -> dict[str, JsonDict]:
    """Score the texts of files: each record with all of its fields, and the new columns beside, in order.

    data (Path): .jsonl, .csv, .tsv (each also with .gz) or .parquet, or a folder of these.
    output (Path): The same again: of a file a file, of a folder a folder.
    settings (PredictorSettings): The pipeline, and the names of columns.
    open_engine (Callable[[PredictorSettings], AbstractContextManager[Engine]]): Opens what scores, see
        `opening.open_engine`.
    reading (Reading): How files are read.
    rejects (Path | None): JSONL for records that can't be read or scored, each with its file, line and
        error; None stops at the first.
    shard (Shard | None): Which of the files of a folder; None for all.
    resume (bool): Continue with what is there.
    overwrite (bool): Replace what is there.
    progress (bool): Show a progress bar.
    RETURNS (dict[str, JsonDict]): For each file its "records" with those rejected, "texts" written,
        "bytes", whether it is "finished", and "counts" of those "rejected".
    RAISES (ValueError): A record can't be read or scored; what is there is of another run; there is no such
        file or pipeline. (OSError): A file can't be written.
    """
    files = _find_files(data, output, shard)
    formats = {target: _format_of(file, settings, reading) for target, file in files.items()}
    inputs = [file.path for file in files.values()]
    require_pipeline(Path(settings.model))
    identity = json.loads(json.dumps(_identity(inputs, settings, reading)))
    path = state_path(data, output, shard)
    if not (resume and path.exists()):
        written = [*files, *filter(None, [rejects])]
        require_new_files([*written, *map(unfinished, written)], overwrite=overwrite, inputs=inputs)
    with State.lock(path), nullcontext() if rejects is None else State.lock(rejects):
        state = State.of_run(path, identity, resume=resume)
        _require_same_rejects(rejects, state)
        if rejects is not None:
            _require_own(rejects, state, files, overwrite=overwrite)
            state.of(REJECTS)["path"] = _seen_from(state, rejects)
        state.write()
        rejects_left = rejects if not state.of(REJECTS)["finished"] else None
        if rejects_left is not None:
            # Before the work of hours, and not after it.
            must_grow(rejects_left, REJECTS, state)
        left = [target for target in files if not state.of(target.name)["finished"]]
        if left:
            with open_engine(settings) as engine:
                for target in left:
                    Job(target, formats[target], engine, state, rejects, progress).run()
        if rejects_left is not None:
            grow(rejects_left, REJECTS, state, lambda growing, done: append(growing, b"", at=done["bytes"]))
    return {target.name: state.of(target.name) for target in files}


def _require_same_rejects(rejects: Path | None, state: State) -> None:
    """Refuse to leave behind the rejects of a run that is resumed. One that had no file for them may get one;
    one that has finished writes none, and needn't be given its own.
    """
    begun = state.of(REJECTS)
    given = None if rejects is None else _seen_from(state, rejects)
    is_left_out = rejects is None and begun["finished"]
    if not is_left_out and begun.get("path", given) != given:
        found = f"changed: --rejects, which was {begun['path']} as seen from there"
        raise ValueError(Errors.X007.format(path=state.path, found=found))


def _seen_from(state: State, path: Path) -> str:
    """A path that stays the same where a folder with both is moved."""
    return os.path.relpath(path, state.path.parent)


def _require_own(rejects: Path, state: State, files: Mapping[Path, TextFile], *, overwrite: bool) -> None:
    """Refuse a file of rejects that isn't this run's."""
    is_own = rejects.exists() and rejects.stat().st_size == state.of(REJECTS)["bytes"]
    if not (is_own or unfinished(rejects).exists()):
        inputs = [file.path for file in files.values()]
        require_new_files([rejects], overwrite=overwrite, inputs=inputs)
    if rejects.absolute() in [target.absolute() for target in files]:
        raise ValueError(Errors.X172.format(paths=rejects))


def _format_of(file: TextFile, settings: PredictorSettings, reading: Reading) -> Format:
    if file.kind == "parquet":
        return Parquet(file, settings, reading)
    return (Table if file.kind in DIALECTS else JsonLines)(file, settings, reading)


class Job(NamedTuple):
    """The predictions of one file.

    path (Path): The file that is written.
    format (Format): Reads the file that it is made of, and makes its content.
    engine (Engine): Scores it.
    state (State): How far all have come.
    rejects (Path | None): Where records go that can't be scored.
    progress (bool): Show a progress bar.
    """

    path: Path
    format: Format
    engine: Engine
    state: State
    rejects: Path | None
    progress: bool

    def run(self) -> None:
        """Score what isn't scored yet."""
        finish = finish_parquet if self.format.file.kind == "parquet" else None
        grow(self.path, self.path.name, self.state, self._fill, finish)

    def _fill(self, growing: Path, done: JsonDict) -> None:
        saved = Saved(growing, done, self.rejects, self.state)
        # It tells the new columns, and what is wrong before any text is scored.
        nothing = result_of(self.engine.submit({self.format.settings.text: []}))
        if not done["bytes"]:
            saved.add(self._packed(self.format.head(list(without_errors(nothing)))), b"")
            saved.save()
        start = Place(*done.get("place", Place()))
        batches = self.format.batches(start)
        name = self.format.file.path.name
        with tqdm.tqdm(
            total=self.format.count() if self.progress else None,
            initial=done["records"],
            desc=self.path.name,
            unit=" texts",
            disable=None if self.progress else True,
        ) as bar:
            try:
                for batch, found in in_order(self.engine, batches):
                    content, rejects = self.format.encode(batch, found)
                    if rejects and self.rejects is None:
                        raise ValueError(rejects[0].error)
                    lines = b"".join(json_line({"file": name, **reject._asdict()}) for reject in rejects)
                    saved.add(self._packed(content), lines, batch, len(rejects))
                    bar.update(batch.size)
            except ValueError:
                # What stands before it is kept. An error of writing is an OSError.
                saved.save()
                raise
        saved.save()

    def _packed(self, content: bytes) -> bytes:
        # Gzipped parts, one after another, are a gzipped file.
        return gzip.compress(content, 6, mtime=0) if content and is_gzipped(self.path) else content


class Saved:
    """Collects what is to be written of a file, and writes it every few seconds, the state last.

    growing (Path): The file.
    done (JsonDict): Its state.
    rejects (Path | None): The file of rejects; None for none.
    state (State): That of all files.
    """

    def __init__(self, growing: Path, done: JsonDict, rejects: Path | None, state: State) -> None:
        self.growing = growing
        self.done = done
        self.rejects = rejects
        self.state = state
        self._content = bytearray()
        self._rejected = bytearray()
        self._time = time.monotonic()

    def add(self, content: bytes, rejected: bytes, batch: Batch | None = None, n_rejected: int = 0) -> None:
        """Add what came of a batch, or of none: what the file begins with."""
        self._content += content
        self._rejected += rejected
        counts = self.done["counts"]
        counts["rejected"] = counts.get("rejected", 0) + n_rejected
        if batch is not None:
            self.done["records"] += batch.size
            self.done["texts"] += batch.size - n_rejected
            self.done["place"] = batch.place
        if time.monotonic() - self._time > SAVE_SECONDS or len(self._content) > SAVE_BYTES:
            self.save()

    def save(self) -> None:
        """Write it."""
        append(self.growing, bytes(self._content), at=self.done["bytes"])
        self.done["bytes"] += len(self._content)
        if self.rejects is not None:
            of_rejects = self.state.of(REJECTS)
            append(unfinished(self.rejects), bytes(self._rejected), at=of_rejects["bytes"])
            of_rejects["bytes"] += len(self._rejected)
        self.state.write()
        self._content.clear()
        self._rejected.clear()
        self._time = time.monotonic()


def _identity(data: Sequence[Path], settings: PredictorSettings, reading: Reading) -> JsonDict:
    """What must be the same for a run to be resumed: not the engine, nor its threads."""
    named = settings._asdict()
    for name in ("threads", "gpu_id"):
        del named[name]
    model = _stamp(sorted(path for path in Path(settings.model).rglob("*") if path.is_file()))
    return {"data": _stamp(data), **named, "model_files": model, **reading._asdict()}


def _stamp(files: Sequence[Path]) -> str:
    """A hash of what tells whether files are the same: names, sizes, times of change."""
    found = [(path.name, path.stat().st_size, path.stat().st_mtime_ns) for path in files]
    return hashlib.sha256(repr(found).encode()).hexdigest()
