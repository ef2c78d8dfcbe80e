import gzip
from contextlib import suppress

import pytest

from spacy_xling.data.files import find_files
from spacy_xling.data.records import RecordReader, read_records, text_of


def records_of(tmp_path, name, content):
    path = tmp_path / name
    path.write_text(content, encoding="utf-8", newline="")
    return list(read_records(find_files(path)[0]))


def places(records):
    return [(record.line, record.values) for record in records]


def test_json_lines_are_records_and_blank_lines_are_passed_over(tmp_path):
    records = records_of(tmp_path, "da.jsonl", '{"a": 1}\n\n  \n{"a": null}')
    assert places(records) == [(1, {"a": 1}), (4, {"a": None})]


@pytest.mark.parametrize(("name", "delimiter"), [("da.csv", ","), ("da.tsv", "\t")])
def test_table_rows_are_records_of_the_line_they_start_on(tmp_path, name, delimiter):
    rows = [["text", "label"], ['"two\nlines"', "A"], [], ['"say ""a, b\t"""', ""]]
    records = records_of(tmp_path, name, "\r\n".join(delimiter.join(row) for row in rows))
    expected = [(2, {"text": "two\nlines", "label": "A"}), (5, {"text": 'say "a, b\t"', "label": ""})]
    assert places(records) == expected


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("da.jsonl", '{"a": 1}\n{"a": \n', r"X112.*da\.jsonl, line 2"),
        ("da.jsonl", "[" * 100_000, "X112.*line 1"),
        ("da.jsonl", '{"a": 1e308}\n{"a": [-1e400]}\n', "X112.*line 2.*-1e400"),
        ("da.jsonl", '{"a": 1}\n{"b": {"c": NaN}}\n', "X112.*line 2.*NaN"),
        ("da.jsonl", '{"a": -Infinity}\n', "X112.*line 1.*-Infinity"),
        ("da.jsonl", '{"a": 1}\n\n[1]\n', "X113.*line 3.*list"),
        ("da.csv", 'a,b\n1,2\n"x"y,2\n', r"X117.*da\.csv, line 3"),
        ("da.csv", 'a,b\n1,2\n"open,2\n3,4\n', "X117.*line 3"),
        ("da.csv", "a,b\n1,2\n1,2,3\n", r"X118.*line 3.*3 fields.*2 were"),
        ("da.tsv", "a\tb\n1\n", r"X118.*line 2.*1 fields.*2 were"),
        ("da.csv", "a,b,a\n1,2,3\n", "X119.*line 1.*a, b, a"),
        ("da.csv", "a,b, a \n1,2,3\n", "X119.*line 1.*a, b, a"),
        ("da.csv", "text;label\nx, y;A\n", r"X163.*line 1.*'text;label'.*';'.*no ','.*\.csv"),
        ("da.csv", '\n"text";"label"\n"x";"A"\n', "X163.*line 2.*';'"),
        ("da.csv", "text\tlabel\nx\tA\n", r"X163.*'\\t'.*no ','"),
        ("da.tsv", "text,label\nx,A\n", r"X163.*','.*no '\\t'.*\.tsv"),
        (
            "da.jsonl",
            '{"a": 1}\n{"a": 1, "b": 2, "a": 3}\n',
            "X181.*line 2.*one name among 'a', 'b'",
        ),
    ],
)
def test_broken_line_is_an_error_with_file_and_line(tmp_path, name, content, message):
    with pytest.raises(ValueError, match=message):
        records_of(tmp_path, name, content)


def test_a_field_that_is_not_read_may_hold_what_it_likes(tmp_path):
    (record,) = records_of(tmp_path, "da.jsonl", '{"a": 1, "meta": {"k": 1, "k": 2}}\n')
    assert record.values["a"] == 1


def test_blanks_around_the_names_of_columns_belong_to_none(tmp_path):
    content = "\ufeff text,\u00a0label ,,\n x ,A,,\n"
    # Columns without a name may be several, and a field stays as it is.
    assert places(records_of(tmp_path, "da.csv", content)) == [(2, {"text": " x ", "label": "A", "": ""})]


def test_a_header_may_have_a_single_column_or_other_signs_in_its_names(tmp_path):
    assert places(records_of(tmp_path, "da.csv", "text\nx;y\n")) == [(2, {"text": "x;y"})]
    assert places(records_of(tmp_path, "da.csv", "a;b,c\n1,2\n")) == [(2, {"a;b": "1", "c": "2"})]


def test_text_of_gives_the_text(tmp_path):
    (record,) = records_of(tmp_path, "da.jsonl", '{"body": "Hej"}')
    assert text_of(record, "body") == "Hej"


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ('{"body": "Hej", "id": 1}', "X114.*line 1.*'body', 'id'.*'text'"),
        ('{"text": 7}', "X115.*line 1.*7"),
        ('{"text": null}', "X115.*line 1.*None"),
        (r'{"text": "\ud800"}', "X116.*line 1"),
    ],
)
def test_missing_or_invalid_text_is_an_error(tmp_path, content, message):
    (record,) = records_of(tmp_path, "da.jsonl", content)
    with pytest.raises(ValueError, match=message):
        text_of(record, "text")


BAD_TABLE = 'id,text\n1,a\n2,"open\n3,c\n\n4,"two\nlines"\n5,"d"e\n6,f\n'


def read_all(reader):
    """Ids of records, and lines and codes of those that are bad."""
    found = []
    while True:
        try:
            found.append(next(reader).values["id"])
        except StopIteration:
            return found
        except ValueError as error:
            found.append((reader.line, str(error)[:6]))


@pytest.mark.parametrize("gzipped", [False, True])
def test_a_reader_goes_on_behind_a_bad_record_and_from_any_place(tmp_path, gzipped):
    files = {}
    for name, content in {
        "t.csv": BAD_TABLE,
        "t.jsonl": '{"id": 1}\n{none\n\n[1]\n{"id": 4}\n',
    }.items():
        path = tmp_path / (f"{name}.gz" if gzipped else name)
        path.write_bytes(gzip.compress(content.encode()) if gzipped else content.encode())
        files[name] = find_files(path)[0]
    expected = {
        "t.csv": ["1", (3, "[X117]"), "3", "4", (8, "[X117]"), "6"],
        "t.jsonl": [1, (2, "[X112]"), (4, "[X113]"), 4],
    }
    for name, file in files.items():
        assert read_all(RecordReader(file)) == expected[name]
        reader = RecordReader(file)
        for done in range(len(expected[name])):
            rest = RecordReader(file, offset=reader.offset, line=reader.line)
            assert read_all(rest) == expected[name][done:]
            with suppress(ValueError):
                next(reader)


def test_an_open_quote_before_bytes_that_are_no_text_costs_its_own_line(tmp_path):
    path = tmp_path / "t.csv"
    path.write_bytes(b'id,text\n1,"open\n2,\xff\n3,c\n')
    assert read_all(RecordReader(find_files(path)[0])) == [(2, "[X117]"), (3, "[X111]"), "3"]


def test_a_table_of_blank_lines_has_no_records(tmp_path):
    path = tmp_path / "t.csv"
    path.write_text("\n\n")
    assert list(read_records(find_files(path)[0])) == []
