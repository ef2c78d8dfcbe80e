"""Ray on this machine: rows equal those of one process, and neither a bad text nor a kill costs others."""

from functools import partial

import psutil
import pytest

from spacy_xling.applying.opening import open_engine
from tests.applying.clusters import (
    RECORDS,
    WITH_A_BAD_ONE,
    assert_rows_of_one_process,
    assert_same_bytes_after_a_kill,
)

ray = pytest.importorskip("ray", reason="needs the extra 'ray'")
pa = pytest.importorskip("pyarrow", reason="needs the extra 'parquet'")
pytestmark = pytest.mark.slow

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

    tables = [
        pa.Table.from_pylist(WITH_A_BAD_ONE[at : at + 8], SCHEMA) for at in range(0, len(WITH_A_BAD_ONE), 8)
    ]
    found = []
    scored = predict_dataset(ray.data.from_arrow(tables), settings, workers=2, batch_size=8)
    for row in scored.iter_rows():
        if not found:
            kill_one("MapWorker")
        found.append(row)
    found.sort(key=lambda row: row["id"])
    assert_rows_of_one_process(found, settings)


@pytest.mark.usefixtures("cluster")
def test_a_model_that_workers_do_not_find_is_one_clear_error(settings):
    from spacy_xling.applying.on_ray import predict_dataset

    dataset = ray.data.from_arrow(pa.Table.from_pylist(RECORDS[:2], SCHEMA))
    with pytest.raises(Exception, match=r"\[X751\]"):
        predict_dataset(dataset, settings._replace(model="/nowhere")).take_all()


@pytest.mark.usefixtures("cluster")
def test_the_engine_writes_the_same_bytes_also_after_a_kill(settings, tmp_path):
    assert_same_bytes_after_a_kill("ray", partial(kill_one, "Worker"), settings, tmp_path)


def test_an_address_without_a_cluster_is_X914(settings):
    ray.shutdown()
    with (
        pytest.raises(ValueError, match=r"^\[X914\] Ray"),
        open_engine("ray", settings, address="127.0.0.1:1"),
    ):
        pass
