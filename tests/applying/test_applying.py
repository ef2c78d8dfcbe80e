"""Files of predictions: what is in them, and that a kill costs nothing."""

import errno
import json
import os
import shutil
import sys
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from functools import partial
from time import sleep

import pytest

from spacy_xling.applying import applying, parquet
from spacy_xling.applying.applying import Shard, apply_files
from spacy_xling.applying.engines import Engine, in_order
from spacy_xling.applying.formats import Batch, Place, Reading
from spacy_xling.applying.opening import open_engine
from spacy_xling.applying.predictor import Predictor
from spacy_xling.resuming import growing_files
from tests.applying.conftest import BREAKS, read_jsonl, write_jsonl
from tests.applying.files import RECORDS, SMALL, now, rows_of, scripted, write_kind, write_table
from tests.conftest import TEXTS
from tests.killing import Killed, Killing

pytestmark = pytest.mark.usefixtures("fast_disk")
NEW = ("label", "score", "language", "abstained")


@pytest.fixture
def predictor(settings):
    return Predictor(settings)


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


def test_data_of_the_same_size_that_changed_are_not_gone_on_with(tmp_path, settings, engine):
    data, output = tmp_path / "t.jsonl", tmp_path / "o.jsonl"
    data.write_text('{"text": "a"}\n{"text": 1}\n')
    with pytest.raises(ValueError, match="X115"):
        apply_files(data, output, settings, engine)
    data.write_text('{"text": "b"}\n{"text": 2}\n')
    with pytest.raises(ValueError, match=r"X007.*changed: data"):
        apply_files(data, output, settings, engine, resume=True)
