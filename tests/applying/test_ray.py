"""Ray on this machine: rows equal those of one process, and neither a bad text nor a kill costs others."""

from contextlib import contextmanager
from functools import partial

import psutil
import pytest

from spacy_xling.applying.applying import Reading, apply_files
from spacy_xling.applying.engines import Engine, open_engine
from spacy_xling.applying.predictor import Predictor
from tests.applying.conftest import write_jsonl
from tests.conftest import TEXTS

ray = pytest.importorskip("ray", reason="needs the extra 'ray'")
pa = pytest.importorskip("pyarrow", reason="needs the extra 'parquet'")
pytestmark = pytest.mark.slow

RECORDS = [{"id": n, "text": TEXTS[n % len(TEXTS)], "lang": "de" if n % 2 else None} for n in range(320)]
SCHEMA = pa.schema([("id", pa.int64()), ("text", pa.string()), ("lang", pa.string())])


@pytest.fixture(scope="module")
def cluster():
    # Two for actors; Ray Data's own tasks need one, too.
    ray.init(num_cpus=3, include_dashboard=False, log_to_driver=False)
    yield
    ray.shutdown()


@pytest.fixture
def settings(settings, any_label):
    # Without the component that only these tests know.
    return settings._replace(model=str(any_label), scores=True)


def kill_one(name):
    """Kill a worker of Ray."""
    found = [
        process
        for process in psutil.process_iter(["cmdline"])
        if " ".join(process.info["cmdline"] or ()).startswith(f"ray::{name}")
    ]
    found[0].kill()


@pytest.mark.usefixtures("cluster")
def test_rows_of_a_dataset_are_those_of_one_process_also_after_a_kill(settings):
    from spacy_xling.applying.on_ray import predict_dataset

    records = [*RECORDS, {"id": 320, "text": None, "lang": None}]
    tables = [pa.Table.from_pylist(records[at : at + 8], SCHEMA) for at in range(0, len(records), 8)]
    found = []
    scored = predict_dataset(ray.data.from_arrow(tables), settings, workers=2, batch_size=8)
    for row in scored.iter_rows():
        if not found:
            kill_one("MapWorker")
        found.append(row)
    found.sort(key=lambda row: row["id"])
    assert [row["id"] for row in found] == list(range(len(records)))
    expected = Predictor(settings)({key: [record[key] for record in records] for key in ("text", "lang")})
    assert [row["labels"] for row in found[:320]] == expected["labels"][:320]
    assert [row["error"] for row in found] == expected["error"]
    assert found[320]["error"].startswith("[X902]")
    for row, scores in zip(found[:320], expected["scores"][:320], strict=True):
        assert dict(row["scores"]) == pytest.approx(scores, abs=2e-6)


@pytest.mark.usefixtures("cluster")
def test_a_model_that_workers_do_not_find_is_one_clear_error(settings):
    from spacy_xling.applying.on_ray import predict_dataset

    dataset = ray.data.from_arrow(pa.Table.from_pylist(RECORDS[:2], SCHEMA))
    with pytest.raises(Exception, match=r"\[X751\]"):
        predict_dataset(dataset, settings._replace(model="/nowhere")).take_all()


@pytest.mark.usefixtures("cluster")
def test_the_engine_writes_the_same_bytes_also_after_a_kill(settings, tmp_path):
    data = write_jsonl(tmp_path / "t.jsonl", RECORDS)

    @contextmanager
    def killed(settings):
        with open_engine("ray", settings, workers=2) as engine:
            count = 0

            def submit(columns):
                nonlocal count
                count += 1
                if count == 8:
                    kill_one("Worker")
                return engine.submit(columns)

            yield Engine(submit, engine.ahead)

    reading = Reading(batch_size=16)
    apply_files(data, tmp_path / "ray.jsonl", settings, killed, reading=reading)
    apply_files(data, tmp_path / "one.jsonl", settings, partial(open_engine, "processes"), reading=reading)
    assert (tmp_path / "ray.jsonl").read_bytes() == (tmp_path / "one.jsonl").read_bytes()


def test_an_address_without_a_cluster_is_X914(settings):
    ray.shutdown()
    with (
        pytest.raises(ValueError, match=r"^\[X914\] Ray"),
        open_engine("ray", settings, address="127.0.0.1:1"),
    ):
        pass
