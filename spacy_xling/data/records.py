"""Records of JSONL, CSV and TSV files, each with the place it was read from."""

import csv
import json
import reprlib
from contextlib import closing
from typing import Any, Dict, Iterator, List, NamedTuple, Tuple

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
    values (Dict[str, Any]): The value of each field.
    """

    file: TextFile
    line: int
    values: Dict[str, Any]

    def place(self, field: str) -> Dict[str, Any]:
        """Say where a field stands, in the words of the error messages.

        field (str): The field.
        RETURNS (Dict[str, Any]): The path, the line, the field, its value and all fields of the record.
        """
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
    if file.kind in DIALECTS:
        _check_delimiter(file)
    with closing(LineReader(file)) as lines:
        yield from _read_table(lines, quoted) if file.kind in DIALECTS else _read_json_lines(lines)


def parse_json_record(file: TextFile, line: int, content: str) -> Record:
    """Read a JSON object.

    file (TextFile): The file it stands in.
    line (int): The line it stands on.
    content (str): The line.
    RETURNS (Record): The record.
    RAISES (ValueError): If the line is not valid JSON or not an object.
    """
    try:
        values = json.loads(content, object_pairs_hook=_object)
    except (ValueError, RecursionError) as error:
        raise ValueError(Errors.X112.format(path=file.path, line=line, error=error)) from error
    if isinstance(values, DoubledFields):
        found = ", ".join(map(repr, values))
        raise ValueError(Errors.X181.format(path=file.path, line=line, found=found))
    if not isinstance(values, dict):
        raise ValueError(Errors.X113.format(path=file.path, line=line, type=type(values).__name__))
    return Record(file, line, values)


def text_of(record: Record, field: str) -> str:
    """Read the text of a record.

    record (Record): The record.
    field (str): The field that holds the text.
    RETURNS (str): The text.
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
    """Refuse half a character, which JSON can hold and nothing can write.

    record (Record): The record.
    field (str): The field that holds the text.
    text (str): What was read.
    RAISES (ValueError): If it has a lone surrogate.
    """
    try:
        text.encode("utf-8")
    except UnicodeEncodeError as error:
        raise ValueError(Errors.X116.format(error=error, **record.place(field))) from error


class DoubledFields(Dict[str, Any]):
    """A JSON object with two fields of one name: only one of them is here."""


def _object(pairs: List[Tuple[str, Any]]) -> Dict[str, Any]:
    values = dict(pairs)
    return values if len(values) == len(pairs) else DoubledFields(values)


def _read_json_lines(lines: LineReader) -> Iterator[Record]:
    for content in lines:
        if content.strip():
            yield parse_json_record(lines.file, lines.line, content)


def _check_delimiter(file: TextFile) -> None:
    """Refuse a table whose header has another delimiter and not its own."""
    with closing(LineReader(file)) as lines:
        header = next(filter(str.strip, lines), "").strip("\r\n")
    expected = csv.get_dialect(DIALECTS[file.kind]).delimiter
    others = [mark for mark in DELIMITERS if mark in header]
    if others and expected not in others:
        place = {"path": file.path, "line": lines.line, "header": header[:60], "kind": file.kind}
        raise ValueError(Errors.X163.format(found=others[0], expected=expected, **place))


def _read_table(lines: LineReader, quoted: bool) -> Iterator[Record]:
    path = lines.file.path
    rows = _read_rows(lines, quoted)
    header_line, cells = next(rows, (0, []))
    header = [clean_name(cell) for cell in cells]
    named = [name for name in header if name]
    if len(set(named)) < len(named):
        raise ValueError(Errors.X119.format(path=path, line=header_line, found=", ".join(header)))
    for line, row in rows:
        if len(row) != len(header):
            raise ValueError(Errors.X118.format(path=path, line=line, found=len(row), expected=len(header)))
        yield Record(lines.file, line, dict(zip(header, row, strict=True)))


def _read_rows(lines: LineReader, quoted: bool) -> Iterator[Tuple[int, List[str]]]:
    rows = csv.reader(
        lines,
        dialect=DIALECTS[lines.file.kind],
        strict=True,
        quoting=csv.QUOTE_MINIMAL if quoted else csv.QUOTE_NONE,
    )
    while True:
        # A quoted field may hold line ends: a row is named by the line it starts on.
        start = lines.line + 1
        try:
            row = next(rows, None)
        except csv.Error as error:
            raise ValueError(Errors.X117.format(path=lines.file.path, line=start, error=error)) from error
        if row is None:
            return
        if row:
            yield start, row
