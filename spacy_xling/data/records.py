"""Records of JSONL, CSV and TSV files, each with the place it was read from."""

import csv
import json
import math
import reprlib
from collections.abc import Iterator, Mapping
from contextlib import closing
from typing import NamedTuple

from ..errors import Errors
from .files import LineReader, TextFile
from .names import clean_name

DIALECTS = {"csv": "excel", "tsv": "excel-tab"}
# What programs put between the fields of a table.
DELIMITERS = ",;\t|"
# The default of 131,072 characters is less than some texts have.
csv.field_size_limit(2**31 - 1)


class Record(NamedTuple):
    """One record of a file.

    file (TextFile): The file.
    line (int): The line on which the record starts; the first line is 1.
    values (dict[str, object]): The value of each field.
    """

    file: TextFile
    line: int
    values: dict[str, object]

    def place(self, field: str) -> dict[str, object]:
        """Where a field stands, its value, and all fields of the record, in the words of the errors."""
        return {
            "path": self.file.path,
            "line": self.line,
            "field": field,
            "value": reprlib.repr(self.values.get(field)),
            "found": ", ".join(map(repr, self.values)),
        }


def read_records(file: TextFile, *, quoted: bool = True) -> Iterator[Record]:
    """Read the records of a file one by one; blank lines are passed over.

    file (TextFile): A file of the kind "jsonl", "csv" or "tsv"; the last two start with a header line.
    quoted (bool): In CSV and TSV, whether a field may stand in double quotes; if not, quotes are text.
    YIELDS (Record): The records in file order.
    RAISES (ValueError): If a line is no record, naming the file and the line.
    """
    with closing(RecordReader(file, quoted=quoted)) as records:
        yield from records


class RecordReader:
    """Reads a file record by record, knows where it is, and continues behind a record that is bad: an error
    is of one record, and the next call gives the next one. Blank lines are passed over.

    Of a table a record that is bad is taken as one line, for a quote that was left open takes in all that
    follow.

    file (TextFile): A file of the kind "jsonl", "csv" or "tsv".
    quoted (bool): In CSV and TSV, whether a field may stand in double quotes; if not, quotes are text.
    offset (int): Bytes to begin after, counted uncompressed, as `offset` says of a reader.
    line (int): Number of the last line of these.
    RAISES (ValueError): X119, X163: the header of a table is none.
    """

    def __init__(self, file: TextFile, *, quoted: bool = True, offset: int = 0, line: int = 0) -> None:
        self.file = file
        self.quoted = quoted
        self.header: list[str] = []
        self.content: str | list[str] | None = None
        self._first_line = line
        self._lines = LineReader(file, offset=offset, line=line)
        if file.kind in DIALECTS:
            _check_delimiter(file)
            self._read_header()

    @property
    def offset(self) -> int:
        """Bytes read so far, counted uncompressed."""
        return self._lines.offset

    @property
    def line(self) -> int:
        """Number of the last line read; the first line is 1."""
        return self._lines.line

    @property
    def first_line(self) -> int:
        """Number of the line that the record begins on which was read last, or is bad."""
        return self._first_line if self.file.kind in DIALECTS else self.line

    def __iter__(self) -> "RecordReader":
        return self

    def __next__(self) -> Record:
        """Read the next record. `content` is what was read of it: a line, or the fields of a row.

        RETURNS (Record): The record.
        RAISES (ValueError): It is no record, naming the file and the line.
        """
        self.content = None
        if self.file.kind not in DIALECTS:
            self.content = next(filter(str.strip, self._lines))
            return parse_json_record(self.file, self.line, self.content)
        row = self.content = self._read_row()
        if len(row) != len(self.header):
            place = {"path": self.file.path, "line": self.first_line}
            raise ValueError(Errors.X118.format(found=len(row), expected=len(self.header), **place))
        return Record(self.file, self.first_line, dict(zip(self.header, row, strict=True)))

    def close(self) -> None:
        """Close the file."""
        self._lines.close()

    def _read_row(self) -> list[str]:
        """The next row that isn't blank. A quoted field may hold line ends."""
        row: list[str] = []
        while not row:
            offset, line = self.offset, self.line
            self._first_line = line + 1
            try:
                row = next(self._rows)
            except (csv.Error, ValueError) as error:
                if isinstance(error, ValueError) and self.line <= line + 1:
                    raise
                self._go_to(offset, line)
                self.content = next(self._lines)
                place = {"path": self.file.path, "line": self.line}
                raise ValueError(Errors.X117.format(error=error, **place)) from error
        return row

    def _read_header(self) -> None:
        offset, line = self.offset, self.line
        self._go_to(0, 0)
        try:
            cells = self._read_row()
        except StopIteration:
            return
        self.header = [clean_name(cell) for cell in cells]
        named = [name for name in self.header if name]
        if len(set(named)) < len(named):
            found = ", ".join(self.header)
            raise ValueError(Errors.X119.format(path=self.file.path, line=self.first_line, found=found))
        if line > self.line:
            self._go_to(offset, line)

    def _go_to(self, offset: int, line: int) -> None:
        self.close()
        self._lines = LineReader(self.file, offset=offset, line=line)
        self._rows = csv.reader(
            self._lines,
            dialect=DIALECTS[self.file.kind],
            strict=True,
            quoting=csv.QUOTE_MINIMAL if self.quoted else csv.QUOTE_NONE,
        )


def parse_json_record(file: TextFile, line: int, content: str) -> Record:
    """Read a JSON object.

    file (TextFile): The file it stands in.
    line (int): The line it stands on.
    content (str): The line.
    RETURNS (Record): The record.
    RAISES (ValueError): If the line is not valid JSON or not an object, or holds a number that isn't finite.
    """
    try:
        # Python reads NaN, Infinity and numbers beyond its own, which no JSON can be written of.
        values = json.loads(content, object_pairs_hook=_object, parse_float=_finite, parse_constant=_finite)
    except (ValueError, RecursionError) as error:
        raise ValueError(Errors.X112.format(path=file.path, line=line, error=error)) from error
    if isinstance(values, DoubledFields):
        found = ", ".join(map(repr, values))
        raise ValueError(Errors.X181.format(path=file.path, line=line, found=found))
    if not isinstance(values, dict):
        raise ValueError(Errors.X113.format(path=file.path, line=line, type=type(values).__name__))
    return Record(file, line, values)


def json_line(values: Mapping[str, object]) -> bytes:
    """A record, the value of each field, as a line of JSONL with its line end. A lone surrogate becomes its
    escape, as JSON has it.
    """
    return f"{json.dumps(values, ensure_ascii=False)}\n".encode("utf-8", "backslashreplace")


def text_of(record: Record, field: str) -> str:
    """Read the text of a record.

    RAISES (ValueError): If the field is missing or holds no valid string.
    """
    if field not in record.values:
        raise ValueError(Errors.X114.format(**record.place(field)))
    text = record.values[field]
    if not isinstance(text, str):
        raise ValueError(Errors.X115.format(**record.place(field)))
    require_unicode(record, field, text)
    return text


def require_unicode(record: Record, field: str, text: str) -> None:
    """Refuse a lone surrogate, which JSON can hold and nothing can write, by a ValueError."""
    try:
        text.encode("utf-8")
    except UnicodeEncodeError as error:
        raise ValueError(Errors.X116.format(error=error, **record.place(field))) from error


class DoubledFields(dict[str, object]):
    """A JSON object with two fields of one name: only one of them is here."""


def _object(pairs: list[tuple[str, object]]) -> dict[str, object]:
    values = dict(pairs)
    return values if len(values) == len(pairs) else DoubledFields(values)


def _finite(number: str) -> float:
    value = float(number)
    if not math.isfinite(value):
        raise ValueError(f"{number} is no finite number")
    return value


def _check_delimiter(file: TextFile) -> None:
    """Refuse a table whose header has another delimiter and not its own."""
    with closing(LineReader(file)) as lines:
        header = next(filter(str.strip, lines), "").strip("\r\n")
    expected = csv.get_dialect(DIALECTS[file.kind]).delimiter
    others = [mark for mark in DELIMITERS if mark in header]
    if others and expected not in others:
        place = {"path": file.path, "line": lines.line, "header": header[:60], "kind": file.kind}
        raise ValueError(Errors.X163.format(found=others[0], expected=expected, **place))
