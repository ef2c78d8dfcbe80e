"""Files of predictions: what is in them, what becomes of bad lines, and that a kill costs nothing."""

import csv
import errno
import gzip
import io
import json
import os
import re
import shutil
import sys
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from functools import partial
from time import sleep

import pytest

from spacy_xling import writing
from spacy_xling.applying import applying, parquet
from spacy_xling.applying.applying import Reading, Shard, apply_files, state_path
from spacy_xling.applying.engines import Engine, in_order
from spacy_xling.applying.formats import Batch, Place
from spacy_xling.applying.opening import open_engine
from spacy_xling.applying.predictor import Predictor
from spacy_xling.resuming import growing_files
from spacy_xling.resuming.growing_files import State
from tests.applying.conftest import BREAKS, read_jsonl, write_jsonl
from tests.conftest import TEXTS
from tests.killing import Killed, Killing

SMALL = Reading(batch_size=4)
RECORDS = [{"id": n, "text": text, "lang": "de" if n % 2 else None} for n, text in enumerate(TEXTS)]
NEW = ("label", "score", "language", "abstained")


@pytest.fixture(autouse=True)
def no_fsync(monkeypatch):
    monkeypatch.setattr(writing.os, "fsync", lambda handle: None)


@pytest.fixture
def predictor(settings):
    return Predictor(settings)


def write_table(path, records, delimiter=","):
    text = io.StringIO(newline="")
    writer = csv.DictWriter(text, list(records[0]), delimiter=delimiter)
    writer.writeheader()
    writer.writerows(records)
    content = text.getvalue().encode()
    path.write_bytes(gzip.compress(content) if path.suffix == ".gz" else content)
    return path


def write_parquet(path, records):
    pa = pytest.importorskip("pyarrow")
    import pyarrow.parquet

    pyarrow.parquet.write_table(pa.Table.from_pylist(records), path, row_group_size=7)
    return path


def write_kind(folder, name):
    """RECORDS as a file of a kind."""
    path = folder / name
    if name.startswith("t.jsonl"):
        lines = "".join(f"{json.dumps(record)}\n" for record in RECORDS).encode()
        path.write_bytes(gzip.compress(lines) if name.endswith(".gz") else lines)
        return path
    if name == "t.parquet":
        return write_parquet(path, RECORDS)
    return write_table(path, RECORDS, "\t" if ".tsv" in name else ",")


def rows_of(path):
    """The records of a file of any kind, as text."""
    if path.suffix == ".parquet":
        import pyarrow.parquet

        return pyarrow.parquet.read_table(path).to_pylist()
    content = (gzip.decompress(path.read_bytes()) if path.suffix == ".gz" else path.read_bytes()).decode()
    if ".jsonl" in path.name:
        return [json.loads(line) for line in content.splitlines()]
    delimiter = "\t" if ".tsv" in path.name else ","
    return list(csv.DictReader(io.StringIO(content, newline=""), delimiter=delimiter))


def cell(value):
    return "" if value is None else str(value).lower() if isinstance(value, bool) else str(value)


@pytest.mark.parametrize(
    "name", ["t.jsonl", "t.jsonl.gz", "t.csv", "t.csv.gz", "t.tsv", "t.parquet"], ids=lambda name: name[2:]
)
def test_each_record_keeps_its_fields_and_gets_what_the_pipeline_says(
    name, tmp_path, settings, engine, predictor
):
    data = write_kind(tmp_path, name)
    output = tmp_path / "out" / name
    results = apply_files(data, output, settings, engine, reading=SMALL)
    texts = {"text": TEXTS, "lang": [record["lang"] for record in RECORDS]}
    # In batches of four, for the last digit depends on what passes together.
    parts = [predictor({key: texts[key][at : at + 4] for key in texts}) for at in (0, 4, 8)]
    new = {key: [value for part in parts for value in part[key]] for key in NEW}
    wanted = [{**record, **{key: new[key][n] for key in NEW}} for n, record in enumerate(RECORDS)]
    if name != "t.parquet" and ".jsonl" not in name:
        wanted = [{key: cell(value) for key, value in record.items()} for record in wanted]
    assert rows_of(output) == wanted
    assert [list(row) for row in rows_of(output)][:1] == [["id", "text", "lang", *NEW]]
    assert results[name]["texts"] == len(TEXTS)
    assert results[name]["finished"]


def test_scores_and_lists_of_labels_in_a_table(tmp_path, settings, any_label):
    settings = settings._replace(model=str(any_label), scores=True)
    data = write_table(tmp_path / "t.csv", RECORDS)
    apply_files(data, tmp_path / "o.csv", settings, partial(open_engine, "processes"))
    found = Predictor(settings)({"text": TEXTS})
    rows = rows_of(tmp_path / "o.csv")
    assert [json.loads(row["scores"]) for row in rows] == found["scores"]
    assert [row["labels"] for row in rows] == [",".join(labels) for labels in found["labels"]]


def scripted(columns):
    """New columns that need no pipeline."""
    texts = columns["text"]
    errors = ["breaks" if text == BREAKS else None for text in texts]
    languages = columns.get("lang") or [None] * len(texts)
    new = {"label": [text[:4] for text in texts], "score": [len(text) / 7 for text in texts]}
    return {**new, "language": languages, "abstained": [None] * len(texts), "error": errors}


@pytest.mark.parametrize("name", ["t.jsonl", "t.csv.gz", "t.parquet"], ids=lambda name: name[2:])
def test_killed_at_any_moment_and_resumed_all_files_are_those_of_a_run_that_was_not(
    name, tmp_path, monkeypatch, settings
):
    folder = tmp_path / "in"
    folder.mkdir()
    write_kind(folder, name)
    if name == "t.jsonl":
        # A line that is none, a text that breaks, and a second file.
        lines = (folder / name).read_text().splitlines()
        lines[2:2] = ["{none", json.dumps({"text": BREAKS})]
        (folder / name).write_text("\n".join(lines))
        write_jsonl(folder / "u.jsonl", RECORDS[:5])
    killing = Killing()

    @contextmanager
    def engine(settings):
        yield Engine(lambda columns: now(killing.around(scripted)(columns)), ahead=0)

    def run(output, **options):
        rejects = output / "rejected"
        return apply_files(folder, output, settings, engine, reading=SMALL, rejects=rejects, **options)

    monkeypatch.setattr(applying, "append", killing.within(applying.append))
    monkeypatch.setattr(applying, "SAVE_SECONDS", 0)
    monkeypatch.setattr(growing_files, "write_json", killing.around(growing_files.write_json))
    monkeypatch.setattr(parquet, "flush", killing.around(parquet.flush))
    monkeypatch.setattr(type(tmp_path), "replace", killing.around(type(tmp_path).replace))
    monkeypatch.setattr(type(tmp_path), "unlink", killing.around(type(tmp_path).unlink))
    whole = tmp_path / "whole"
    run(whole)
    expected = {path.name: path.read_bytes() for path in whole.iterdir()}
    assert len(expected) == (4 if name == "t.jsonl" else 3)
    total = killing.count
    assert total > 15
    for number in range(1, total + 1):
        output = tmp_path / f"killed-{number}"
        killing.begin(at=number)
        with pytest.raises(Killed):
            run(output)
        killing.begin()
        run(output, resume=True)
        assert {path.name: path.read_bytes() for path in output.iterdir()} == expected, number
        shutil.rmtree(output)


def now(value):
    done = Future()
    done.set_result(value)
    return done


def test_batches_come_back_in_their_order_and_few_are_read_ahead():
    read = 0

    def batches():
        nonlocal read
        for number in range(40):
            read += 1
            yield Batch(number, {"text": [number]}, (), Place())

    def slow(columns):
        sleep(0.01 if columns["text"][0] % 3 == 0 else 0)
        return {"label": columns["text"]}

    with ThreadPoolExecutor(4) as pool:
        engine = Engine(lambda columns: pool.submit(slow, columns), ahead=5)
        for done, (batch, found) in enumerate(in_order(engine, batches())):
            assert batch.content == done
            assert found["label"] == [done]
            assert read <= done + 6


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


def test_files_of_a_folder_name_the_language_where_asked(tmp_path, settings, engine):
    folder = tmp_path / "in"
    folder.mkdir()
    for name in ("da", "de"):
        write_jsonl(folder / f"{name}.jsonl", [{"text": TEXTS[0]}, {"text": TEXTS[0], "lang": "en"}])
    apply_files(folder, tmp_path / "out", settings, engine)
    assert [row["language"] for row in read_jsonl(tmp_path / "out" / "de.jsonl")] == [None, "en"]
    apply_files(folder, tmp_path / "named", settings, engine, reading=Reading(by_name=True))
    assert [row["language"] for row in read_jsonl(tmp_path / "named" / "de.jsonl")] == ["de", "en"]
    scores = [read_jsonl(tmp_path / "named" / f"{name}.jsonl")[0]["score"] for name in ("da", "de")]
    # Texts in German are moved.
    assert scores[0] != scores[1]


def test_shards_are_the_whole_folder_each_file_once(tmp_path, settings, engine):
    folder = tmp_path / "in"
    folder.mkdir()
    for number in range(5):
        write_jsonl(folder / f"part-{number}.jsonl", RECORDS[number : number + 2])
    apply_files(folder, tmp_path / "whole", settings, engine)
    done = [list(apply_files(folder, tmp_path / "out", settings, engine, shard=Shard(n, 2))) for n in (1, 2)]
    assert [len(names) for names in done] == [3, 2]
    for path in folder.iterdir():
        whole = (tmp_path / "whole" / path.name).read_bytes()
        assert (tmp_path / "out" / path.name).read_bytes() == whole
    with pytest.raises(ValueError, match=r"^\[X911\]"):
        apply_files(folder, tmp_path / "none", settings, engine, shard=Shard(6, 6))
    for text in ("0/2", "3/2", "1", "a/b", "1/-2", ""):
        with pytest.raises(ValueError, match=r"^\[X910\]"):
            Shard.parse(text)
    assert Shard.parse("2/8") == Shard(2, 8)


def test_a_column_that_is_there_is_not_replaced(tmp_path, settings, engine):
    data = write_table(tmp_path / "t.csv", [{"text": "a", "label": "gold", "language": "de"}])
    settings = settings._replace(lang="language")
    with pytest.raises(ValueError, match=r"^\[X903\] .*label .*predicted_label"):
        apply_files(data, tmp_path / "o.csv", settings, engine)
    prefixed = settings._replace(prefix="predicted_")
    apply_files(data, tmp_path / "p.csv", prefixed, engine)
    (row,) = rows_of(tmp_path / "p.csv")
    assert list(row)[:4] == ["text", "label", "language", "predicted_label"]
    assert (row["label"], row["predicted_language"]) == ("gold", "de")


def test_what_is_there_is_gone_on_with_only_if_it_is_of_the_same_run(tmp_path, settings, engine, model):
    data = write_jsonl(tmp_path / "t.jsonl", RECORDS)
    output = tmp_path / "o.jsonl"
    apply_files(data, output, settings, engine)
    with pytest.raises(ValueError, match=r"^\[X142\]"):
        apply_files(data, output, settings, engine)
    with pytest.raises(ValueError, match=r"^\[X142\]"):
        apply_files(data, write_jsonl(tmp_path / "another.jsonl", []), settings, engine, resume=True)
    before = output.stat().st_mtime_ns

    def none(settings):
        raise AssertionError("a finished run needs no engine")

    apply_files(data, output, settings, none, resume=True)
    assert output.stat().st_mtime_ns == before
    with pytest.raises(ValueError, match=r"^\[X007\].*changed: scores\)"):
        apply_files(data, output, settings._replace(scores=True), engine, resume=True)
    copy = shutil.copytree(model, tmp_path / "model")
    os.utime(copy / "config.cfg", (0, 0))
    with pytest.raises(ValueError, match=r"^\[X007\].*changed: model, model_files\)"):
        apply_files(data, output, settings._replace(model=str(copy)), engine, resume=True)
    write_jsonl(data, RECORDS[:3])
    with pytest.raises(ValueError, match=r"^\[X007\].*changed: data\)"):
        apply_files(data, output, settings, engine, resume=True)
    apply_files(data, output, settings, engine, overwrite=True)
    assert len(read_jsonl(output)) == 3
    with pytest.raises(ValueError, match=r"^\[X173\]"):
        apply_files(data, data, settings, engine, overwrite=True)


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


def test_no_space_is_one_line_and_costs_nothing(tmp_path, monkeypatch, settings, engine):
    data = write_jsonl(tmp_path / "t.jsonl", RECORDS)
    apply_files(data, tmp_path / "whole.jsonl", settings, engine, reading=SMALL)

    def full(handle):
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as patched:
        patched.setattr(growing_files.os, "fsync", full)
        with pytest.raises(OSError, match=r"^\[X161\] .*No space left on device"):
            apply_files(data, tmp_path / "o.jsonl", settings, engine, reading=SMALL)
    apply_files(data, tmp_path / "o.jsonl", settings, engine, reading=SMALL, resume=True)
    assert (tmp_path / "o.jsonl").read_bytes() == (tmp_path / "whole.jsonl").read_bytes()


def test_an_engine_that_is_none_is_X912_and_an_address_of_no_cluster_X915(settings):
    with pytest.raises(ValueError, match=r"^\[X912\]"):
        open_engine("dask", settings)
    with pytest.raises(ValueError, match=r"^\[X915\]"):
        open_engine("processes", settings, address="auto")


@pytest.mark.parametrize(("module", "name"), [("ray", "ray"), ("pyspark.sql", "spark")])
def test_an_engine_whose_library_is_missing_is_X913(module, name, settings, monkeypatch):
    monkeypatch.setitem(sys.modules, module, None)
    with (
        pytest.raises(ImportError, match=rf"^\[X913\] .*spacy-xling\[{name}\]"),
        open_engine(name, settings),
    ):
        pass


def test_parquet_without_pyarrow_is_X904(tmp_path, settings, engine, monkeypatch):
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    (tmp_path / "t.parquet").write_bytes(b"PAR1")
    with pytest.raises(ImportError, match=r"^\[X904\] .*spacy-xling\[parquet\]"):
        apply_files(tmp_path / "t.parquet", tmp_path / "o.parquet", settings, engine)


@pytest.mark.slow
def test_processes_write_the_same(tmp_path, settings, engine, any_label):
    settings = settings._replace(model=str(any_label))
    data = write_jsonl(tmp_path / "t.jsonl", RECORDS * 20)

    def run(name, workers):
        apply_files(
            data,
            tmp_path / name,
            settings,
            partial(open_engine, "processes", workers=workers),
            reading=SMALL,
        )
        return (tmp_path / name).read_bytes()

    assert run("one.jsonl", 1) == run("two.jsonl", 2)


@pytest.mark.slow
def test_a_worker_that_dies_is_X909_and_resume_goes_on(tmp_path, settings, any_label):
    settings = settings._replace(model=str(any_label))
    data = write_jsonl(tmp_path / "t.jsonl", RECORDS * 20)
    apply_files(data, tmp_path / "whole.jsonl", settings, partial(open_engine, "processes"), reading=SMALL)

    @contextmanager
    def deadly(settings):
        with open_engine("processes", settings, workers=2) as engine:
            done = 0

            def submit(columns):
                nonlocal done
                done += 1
                return engine.submit(columns) if done < 12 else pool_of(engine).submit(os._exit, 1)

            yield Engine(submit, engine.ahead)

    def pool_of(engine):
        return next(
            cell.cell_contents for cell in engine.submit.__closure__ if hasattr(cell.cell_contents, "submit")
        )

    with pytest.raises(ValueError, match=r"^\[X909\]"):
        apply_files(data, tmp_path / "o.jsonl", settings, deadly, reading=SMALL)
    apply_files(
        data,
        tmp_path / "o.jsonl",
        settings,
        partial(open_engine, "processes"),
        reading=SMALL,
        resume=True,
    )
    assert (tmp_path / "o.jsonl").read_bytes() == (tmp_path / "whole.jsonl").read_bytes()


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


def test_data_of_the_same_size_that_changed_are_not_gone_on_with(tmp_path, settings, engine):
    data, output = tmp_path / "t.jsonl", tmp_path / "o.jsonl"
    data.write_text('{"text": "a"}\n{"text": 1}\n')
    with pytest.raises(ValueError, match="X115"):
        apply_files(data, output, settings, engine)
    data.write_text('{"text": "b"}\n{"text": 2}\n')
    with pytest.raises(ValueError, match=r"X007.*changed: data"):
        apply_files(data, output, settings, engine, resume=True)
