"""Kinds of files to apply a pipeline to: read in batches, and written with the predictions beside.

What is written of a batch depends on the batch alone, and a batch on where it begins: a run that continues
writes what an uninterrupted one would have.
"""

import csv
import io
import json
from collections.abc import Iterator, Sequence
from contextlib import closing
from typing import Any, NamedTuple

from ..data.files import TextFile, count_lines
from ..data.labelled import read_language
from ..data.records import DIALECTS, Record, RecordReader, json_line, text_of
from ..errors import Errors
from ..types import JsonDict
from .arrow import require_text
from .predictor import ERROR, Columns, PredictorSettings, set_predictions, without_errors


class Reading(NamedTuple):
    """How files are read.

    batch_size (int): Texts that are scored together. Scores may differ by rounding with it.
    quoted (bool): Whether a field of CSV and TSV may stand in double quotes.
    separator (str): What stands between labels in CSV and TSV.
    by_name (bool): In a folder a file's name up to the first dot is the language of texts that don't name
        theirs.
    """

    batch_size: int = 256
    quoted: bool = True
    separator: str = ","
    by_name: bool = False

    def fallback_of(self, file: TextFile, settings: PredictorSettings) -> str | None:
        """The language of texts of a file that don't name theirs."""
        return (file.language if self.by_name else None) or settings.language


class Place(NamedTuple):
    """Where a reader stands.

    offset (int): Bytes read, counted uncompressed; 0 for Parquet.
    line (int): Lines read, or rows of Parquet.
    """

    offset: int = 0
    line: int = 0


class Reject(NamedTuple):
    """A record that is no text, or that can't be scored.

    line (int): The line that it begins on, or its row.
    error (str): Why.
    content (Any): What was read of it; None if it can't be read.
    """

    line: int
    error: str
    content: Any


class Batch(NamedTuple):
    """Records that are scored together.

    content (Any): The records, as their kind of file holds them.
    columns (Columns): What the predictor reads of them.
    rejects (Sequence[Reject]): Records among them that are none.
    place (Place): Where the next batch begins.
    """

    content: Any
    columns: Columns
    rejects: Sequence[Reject]
    place: Place

    @property
    def size(self) -> int:
        """Number of records, with those that are none."""
        return len(next(iter(self.columns.values()))) + len(self.rejects)


class JsonLines:
    """JSONL: the new columns are fields.

    file (TextFile): The file.
    settings (PredictorSettings): Names of the columns.
    reading (Reading): How it is read.
    """

    def __init__(self, file: TextFile, settings: PredictorSettings, reading: Reading) -> None:
        self.file = file
        self.settings = settings
        self.reading = reading
        self.fallback = reading.fallback_of(file, settings)

    def count(self) -> int:
        """About how many records there are, for a progress bar."""
        return count_lines(self.file) - (self.file.kind in DIALECTS)

    def batches(self, start: Place) -> Iterator[Batch]:
        """The batches from a place on."""
        with closing(RecordReader(self.file, quoted=self.reading.quoted, **start._asdict())) as reader:
            self._check(reader)
            while (batch := self._next_batch(reader)).size:
                yield batch

    def _check(self, reader: RecordReader) -> None:
        """Refuse what no record of the file can mend."""

    def _next_batch(self, reader: RecordReader) -> Batch:
        records: list[Record] = []
        texts: list[str] = []
        languages: list[str | None] = []
        rejects: list[Reject] = []
        while len(records) + len(rejects) < self.reading.batch_size:
            line = reader.line
            try:
                record = next(reader)
                text = text_of(record, self.settings.text)
                language = read_language(record, self.settings.lang)
            except StopIteration:
                break
            except ValueError as error:
                if reader.line == line:
                    # Not of one line, but of all that follow.
                    raise
                rejects.append(Reject(reader.first_line, str(error), reader.content))
            else:
                records.append(record)
                texts.append(text)
                languages.append(language or self.fallback)
        columns: Columns = {self.settings.text: texts, self.settings.lang: languages}
        return Batch(records, columns, rejects, Place(reader.offset, reader.line))

    def head(self, names: Sequence[str]) -> bytes:
        """What the output begins with, given the new columns."""
        return b""

    def encode(self, batch: Batch, found: Columns) -> tuple[bytes, list[Reject]]:
        """A batch with its predictions as the output holds it, and what was rejected."""
        lines: list[bytes] = []
        rejects = list(batch.rejects)
        new = without_errors(found)
        rows = zip(*new.values(), strict=True)
        for record, error, row in zip(batch.content, found[ERROR], rows, strict=True):
            try:
                if error is not None:
                    raise ValueError(error)
                lines.append(self._line(record, dict(zip(new, row, strict=True))))
            except ValueError as failure:
                message = Errors.X905.format(path=self.file.path, line=record.line, error=failure)
                rejects.append(Reject(record.line, message, record.values))
        return b"".join(lines), sorted(rejects, key=lambda reject: reject.line)

    def _line(self, record: Record, new: JsonDict) -> bytes:
        return json_line({**record.values, **set_predictions(list(record.values), new, self.settings)})


class Table(JsonLines):
    """CSV or TSV: the new columns come last. Scores are a JSON object, labels have the separator between."""

    def _check(self, reader: RecordReader) -> None:
        require_text(reader.header, self.settings)
        if len(set(reader.header)) < len(reader.header):
            found = ", ".join(map(repr, reader.header))
            raise ValueError(Errors.X119.format(path=self.file.path, line=1, found=found))

    def head(self, names: Sequence[str]) -> bytes:
        with closing(RecordReader(self.file, quoted=self.reading.quoted)) as reader:
            self._check(reader)
        header = dict.fromkeys(reader.header)
        new = set_predictions(reader.header, dict.fromkeys(names, ()), self.settings)
        return self._row([*{**header, **new}])

    def _line(self, record: Record, new: JsonDict) -> bytes:
        cells = {name: self._cell(value) for name, value in new.items()}
        return self._row([*{**record.values, **set_predictions((), cells, self.settings)}.values()])

    def _row(self, cells: Sequence[str]) -> bytes:
        text = io.StringIO(newline="")
        try:
            # Without a character to quote by, quotes are text.
            csv.writer(
                text,
                dialect=DIALECTS[self.file.kind],
                quoting=csv.QUOTE_MINIMAL if self.reading.quoted else csv.QUOTE_NONE,
                quotechar='"' if self.reading.quoted else None,
            ).writerow(cells)
        except csv.Error as error:
            raise ValueError(Errors.X907.format(path=self.file.path, error=error)) from error
        return text.getvalue().encode()

    def _cell(self, value: object) -> str:
        if isinstance(value, dict):
            return json.dumps(value, ensure_ascii=False)
        if isinstance(value, bool):
            return str(value).lower()
        if isinstance(value, list):
            separator = self.reading.separator
            if beyond := [label for label in value if separator in label]:
                place = {"path": self.file.path, "separator": separator}
                raise ValueError(Errors.X144.format(label=beyond[0], **place))
            return separator.join(value)
        return "" if value is None else str(value)
