"""What becomes of lines, rows and files that cannot be read, and of the file of rejects."""

import gzip
import json
import os
import re
from contextlib import contextmanager

import pytest

from spacy_xling.applying.applying import apply_files, state_path
from spacy_xling.applying.engines import Engine
from spacy_xling.applying.formats import Reading
from spacy_xling.resuming.growing_files import State
from tests.applying.conftest import BREAKS, read_jsonl
from tests.applying.files import RECORDS, SMALL, now, rows_of, scripted, write_parquet

pytestmark = pytest.mark.usefixtures("fast_disk")
BAD = {
    "not JSON": ('{"text": "a', r"\[X112\] .*t\.jsonl, line 3:"),
    "no object": ("[1]", r"\[X113\] .*line 3:"),
    "no text": ('{"id": 1}', r"\[X114\] .*line 3:"),
    "a number": ('{"text": 1}', r"\[X115\] .*line 3:"),
    "a number beyond all": ('{"text": "a", "n": 1e400}', r"\[X112\] .*line 3: .*1e400"),
    "no language": ('{"text": "a", "lang": 1}', r"\[X126\] .*line 3:"),
    "breaks": (json.dumps({"text": BREAKS}), r"\[X905\] .*line 3: .*found a text that breaks"),
    "has a label": ('{"text": "a", "label": "late"}', r"\[X905\] .*line 3: .*\[X903\]"),
}


@pytest.mark.parametrize("kind", BAD)
def test_a_bad_line_stops_with_its_number_or_goes_to_the_rejects(kind, tmp_path, settings, engine):
    line, message = BAD[kind]
    good = [json.dumps(record) for record in RECORDS]
    data = tmp_path / "t.jsonl"
    # A blank line is none, but has a number.
    data.write_text("\n".join([good[0], "", line, *good[1:]]) + "\n")
    output = tmp_path / "o.jsonl"
    with pytest.raises(ValueError, match=f"^{message}"):
        apply_files(data, output, settings, engine, reading=SMALL)
    assert not output.exists()
    rejects = tmp_path / "bad.jsonl"
    results = apply_files(data, output, settings, engine, reading=SMALL, rejects=rejects, resume=True)
    assert [record["id"] for record in read_jsonl(output)] == list(range(len(RECORDS)))
    (reject,) = read_jsonl(rejects)
    assert (reject["file"], reject["line"]) == ("t.jsonl", 3)
    assert re.match(message, reject["error"])
    content = reject["content"]
    # What was read of it: its fields, once it is known to have some.
    assert content.strip() == line if isinstance(content, str) else content == json.loads(line)
    assert results["o.jsonl"]["counts"] == {"rejected": 1}


def test_rejects_go_on_in_their_own_file(tmp_path, settings, engine):
    data = tmp_path / "t.jsonl"
    data.write_text('{none\n{"text": "a"}\n[1]\n{"text": "b"}\n')
    rejects = tmp_path / "bad" / "rejects.jsonl"

    @contextmanager
    def broken(settings):
        yield Engine(lambda columns: now(scripted(columns)) if columns["text"] != ["b"] else broken_off(), 0)

    def broken_off():
        raise ValueError("the cable")

    reading = Reading(batch_size=2)
    with pytest.raises(ValueError, match="the cable"):
        apply_files(data, tmp_path / "o.jsonl", settings, broken, reading=reading, rejects=rejects)
    # Neither with another file nor without one, which would leave this one half written.
    for other in (tmp_path / "other.jsonl", None):
        with pytest.raises(ValueError, match=r"^\[X007\] .*changed: --rejects, which was .*rejects\.jsonl"):
            apply_files(
                data, tmp_path / "o.jsonl", settings, engine, reading=reading, rejects=other, resume=True
            )
    apply_files(data, tmp_path / "o.jsonl", settings, engine, reading=reading, rejects=rejects, resume=True)
    assert [reject["line"] for reject in read_jsonl(rejects)] == [1, 3]
    assert [record["text"] for record in read_jsonl(tmp_path / "o.jsonl")] == ["a", "b"]
    assert not list(tmp_path.rglob("*.unfinished"))


def test_a_finished_run_has_its_rejects_where_they_are(tmp_path, settings, engine):
    data, output = tmp_path / "t.jsonl", tmp_path / "o.jsonl"
    data.write_text('{none\n{"text": "a"}\n')
    first, second = tmp_path / "first.jsonl", tmp_path / "second.jsonl"
    apply_files(data, output, settings, engine, rejects=first)
    state = state_path(data, output).read_text()
    with pytest.raises(ValueError, match=r"^\[X007\] .*changed: --rejects, which was first\.jsonl"):
        apply_files(data, output, settings, engine, rejects=second, resume=True)
    assert not second.exists()
    # With its own, or without, nothing is left to be written.
    for rejects in (first, None):
        apply_files(data, output, settings, engine, rejects=rejects, resume=True)
    assert state_path(data, output).read_text() == state
    assert [reject["line"] for reject in read_jsonl(first)] == [1]


def test_bad_rows_of_a_table_cost_no_others(tmp_path, settings, engine):
    rows = ["id,text", "1,a", '2,"open', "3,c,more", '4,"two', 'lines"', b"5,\xff".decode("latin-1"), "6,f"]
    rows += ["", '7,"three', "more", 'lines",more', "8,h"]
    data = tmp_path / "t.csv"
    data.write_bytes("\n".join(rows).encode("latin-1"))
    rejects = tmp_path / "bad.jsonl"
    apply_files(data, tmp_path / "o.csv", settings, engine, rejects=rejects)
    assert [(row["id"], row["text"]) for row in rows_of(tmp_path / "o.csv")] == [
        ("1", "a"),
        ("4", "two\nlines"),
        ("6", "f"),
        ("8", "h"),
    ]
    assert [(reject["line"], reject["error"][:6]) for reject in read_jsonl(rejects)] == [
        (3, "[X117]"),
        (4, "[X118]"),
        (7, "[X111]"),
        (10, "[X118]"),
    ]
    contents = ['2,"open\n', ["3", "c", "more"], None, ["7", "three\nmore\nlines", "more"]]
    assert [reject["content"] for reject in read_jsonl(rejects)] == contents


def test_a_null_of_parquet_is_a_rows_error_and_types_stay(tmp_path, settings, engine):
    pa = pytest.importorskip("pyarrow")
    import pyarrow.parquet

    table = pa.table(
        {
            "text": ["a", None, "c"],
            "n": pa.array([1, None, 2**60], pa.int64()),
            "t": pa.array([1, 2, 3], pa.timestamp("ns")),
            "d": pa.array(["x", "y", "x"]).dictionary_encode(),
        }
    )
    pyarrow.parquet.write_table(table, tmp_path / "t.parquet")
    with pytest.raises(ValueError, match=r"^\[X905\] .*t\.parquet, line 2: .*\[X902\]"):
        apply_files(tmp_path / "t.parquet", tmp_path / "o.parquet", settings, engine)
    rejects = tmp_path / "bad.jsonl"
    apply_files(
        tmp_path / "t.parquet", tmp_path / "o.parquet", settings, engine, rejects=rejects, resume=True
    )
    found = pyarrow.parquet.read_table(tmp_path / "o.parquet")
    assert found.select(table.schema.names).equals(table.take([0, 2]))
    assert [reject["line"] for reject in read_jsonl(rejects)] == [2]


def test_what_cannot_be_read_is_said_before_any_text_is_scored(tmp_path, settings, engine):
    def refuses(code, name, content=None, output=None, **options):
        path = tmp_path / name
        if content is not None:
            path.write_bytes(content)
        target = tmp_path / "out" / (output or name)
        with pytest.raises((ValueError, OSError), match=rf"^\[{code}\]"):
            apply_files(path, target, options.pop("settings", settings), engine, **options)
        assert not target.exists()

    lines = "".join(f"{json.dumps(record)}\n" for record in RECORDS).encode()
    refuses("X106", "nothing.jsonl")
    refuses("X108", "t.txt", b"a")
    refuses("X109", "empty.jsonl", b"")
    refuses("X908", "t.jsonl", lines, output="t.csv")
    refuses("X901", "c.csv", b"id,body\n1,a\n")
    refuses("X119", "d.csv", b"text,,\na,b,c\n")
    refuses("X751", "t.jsonl", settings=settings._replace(model=str(tmp_path / "no")))
    # Cut off: nothing can be gone on with behind it, not even with a file of rejects.
    cut = gzip.compress(os.urandom(4000).hex().encode() + b"\n" + lines)[:-20]
    refuses("X110", "cut.jsonl.gz", cut, rejects=tmp_path / "bad.jsonl")
    pytest.importorskip("pyarrow")
    whole = write_parquet(tmp_path / "whole.parquet", RECORDS).read_bytes()
    refuses("X906", "cut.parquet", whole[:-9])
    refuses("X901", "whole.parquet", settings=settings._replace(text="body"))
    refuses("X908", "whole.parquet", output="o.parquet.gz")


def test_rejects_never_replace_what_another_run_or_person_wrote(tmp_path, settings, engine):
    data, output, rejects = (tmp_path / name for name in ("t.jsonl", "o.jsonl", "bad.jsonl"))
    data.write_text('{"text": "a"}\n{"text": 1}\n')
    rejects.write_text("another's")
    with pytest.raises(ValueError, match="X115"):
        apply_files(data, output, settings, engine)
    for other, code in ((rejects, "X142"), (output, "X172")):
        with pytest.raises(ValueError, match=code):
            apply_files(data, output, settings, engine, rejects=other, resume=True)
    assert rejects.read_text() == "another's"
    apply_files(data, output, settings, engine, rejects=tmp_path / "own.jsonl", resume=True)
    assert [record["text"] for record in read_jsonl(output)] == ["a"]


def test_two_runs_at_a_time_have_rejects_of_their_own(tmp_path, settings, engine):
    data = tmp_path / "t.jsonl"
    data.write_text('{"text": "a"}\n')
    rejects = tmp_path / "bad.jsonl"
    # As another process that writes them would.
    with State.lock(rejects), pytest.raises(ValueError, match="X008"):
        apply_files(data, tmp_path / "o.jsonl", settings, engine, rejects=rejects)
