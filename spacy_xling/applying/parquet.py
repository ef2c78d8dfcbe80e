"""Parquet, whose columns stay as they are. It can't grow: until a file is whole its batches are streams of
Arrow, one after another.
"""

import io
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from ..data.files import TextFile
from ..errors import Errors, one_line
from ..writing import UNFINISHED, flush
from .arrow import add_predictions, import_pyarrow, require_text, texts_of
from .formats import Batch, Place, Reading, Reject
from .predictor import ERROR, Columns, PredictorSettings, without_errors

if TYPE_CHECKING:
    import pyarrow.parquet

# Rows of a group, the unit in which Parquet is read and compressed.
GROUP = 1 << 16


class Parquet:
    """A Parquet file, with the methods of `JsonLines`.

    file (TextFile): The file.
    settings (PredictorSettings): Names of the columns.
    reading (Reading): How it is read.
    RAISES (ImportError): X904: pyarrow is missing.
    """

    def __init__(self, file: TextFile, settings: PredictorSettings, reading: Reading) -> None:
        import_pyarrow()
        self.file = file
        self.settings = settings
        self.reading = reading
        self.fallback = reading.fallback_of(file, settings)

    def count(self) -> int:
        with self._opened() as parquet:
            return parquet.metadata.num_rows

    def batches(self, start: Place) -> Iterator[Batch]:
        end = 0
        with self._opened() as parquet:
            require_text(parquet.schema_arrow.names, self.settings)
            for group in range(parquet.num_row_groups):
                rows = parquet.metadata.row_group(group).num_rows
                if end + rows <= start.line:
                    end += rows
                    continue
                for content in parquet.iter_batches(self.reading.batch_size, row_groups=[group]):
                    end += content.num_rows
                    if end > start.line:
                        yield Batch(content, self._columns(content), (), Place(0, end))

    def _columns(self, content: "pyarrow.RecordBatch") -> Columns:
        columns = texts_of(content, self.settings)
        languages = columns.get(self.settings.lang, [None] * content.num_rows)
        return {**columns, self.settings.lang: [language or self.fallback for language in languages]}

    def head(self, names: Sequence[str]) -> bytes:
        with self._opened() as parquet:
            nothing = parquet.schema_arrow.empty_table()
        return _stream(add_predictions(nothing, dict.fromkeys(names, ()), self.settings))

    def encode(self, batch: Batch, found: Columns) -> tuple[bytes, list[Reject]]:
        pa = import_pyarrow()
        errors = found[ERROR]
        first = batch.place.line - batch.content.num_rows + 1
        rejects = [
            Reject(
                first + row,
                Errors.X905.format(path=self.file.path, line=first + row, error=error),
                {name: _as_text(batch.content.column(name)[row]) for name in batch.content.schema.names},
            )
            for row, error in enumerate(errors)
            if error is not None
        ]
        whole = add_predictions(batch.content, without_errors(found), self.settings)
        kept = whole.filter(pa.array([error is None for error in errors], pa.bool_()))
        return _stream(kept), rejects

    @contextmanager
    def _opened(self) -> "Iterator[pyarrow.parquet.ParquetFile]":
        import pyarrow.parquet

        pa = import_pyarrow()
        try:
            with pyarrow.parquet.ParquetFile(self.file.path) as parquet:
                yield parquet
        except (OSError, pa.ArrowException) as error:
            raise ValueError(Errors.X906.format(path=self.file.path, error=one_line(error))) from error


def finish_parquet(growing: Path, path: Path) -> None:
    """Make a Parquet file of a file of Arrow's streams, which is removed, in constant memory."""
    import pyarrow.parquet

    pa = import_pyarrow()
    made = path.with_name(f"{path.name}.whole{UNFINISHED}")
    with pa.OSFile(str(growing)) as source:
        first = pa.ipc.open_stream(source)
        with pyarrow.parquet.ParquetWriter(made, first.schema) as writer:
            for table in _groups(source, first):
                writer.write_table(table, row_group_size=GROUP)
    flush(made)
    made.replace(path)
    growing.unlink()


def _groups(source: "pyarrow.NativeFile", stream: "pyarrow.RecordBatchReader") -> "Iterator[pyarrow.Table]":
    """Tables of a group each, of the batches of a stream and of those that follow."""
    pa = import_pyarrow()
    held: list[pyarrow.RecordBatch] = []
    rows = 0
    while True:
        for batch in stream:
            held.append(batch)
            rows += batch.num_rows
        if source.tell() == source.size():
            break
        if rows >= GROUP:
            yield pa.Table.from_batches(held)
            held, rows = [], 0
        stream = pa.ipc.open_stream(source)
    yield pa.Table.from_batches(held, schema=stream.schema)


def _as_text(value: "pyarrow.Scalar") -> str | None:
    """A value of a row, for people to read."""
    try:
        plain = value.as_py()
    except ValueError:
        # Python has no time of nanoseconds, and pandas may be missing.
        plain = value.cast(import_pyarrow().string()).as_py()
    return None if plain is None else str(plain)


def _stream(table: "pyarrow.Table") -> bytes:
    pa = import_pyarrow()
    out = io.BytesIO()
    with pa.ipc.new_stream(out, table.schema) as writer:
        writer.write(table)
    return out.getvalue()
