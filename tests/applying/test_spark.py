"""Spark on this machine: rows equal those of one process, and neither a bad text nor a kill costs others."""

import os
import shutil

import psutil
import pytest

from spacy_xling.applying.opening import open_engine
from tests.applying.clusters import WITH_A_BAD_ONE, assert_rows_of_one_process, assert_same_bytes_after_a_kill

pytest.importorskip("pyspark", reason="needs the extra 'spark'")
pytest.importorskip("pyarrow", reason="needs the extra 'parquet'")
needs_java = pytest.mark.skipif(
    shutil.which("java") is None and "JAVA_HOME" not in os.environ, reason="needs Java 17 or later"
)
pytestmark = pytest.mark.slow


@pytest.fixture
def settings(settings, any_label):
    # Without the component that only these tests know.
    return settings._replace(model=str(any_label), scores=True)


def kill_one():
    """Kill a worker of Spark: a fork of pyspark's daemon."""
    found = [
        process
        for process in psutil.process_iter(["cmdline", "ppid"])
        if "pyspark.daemon" in (process.info["cmdline"] or ())
    ]
    daemons = {process.pid for process in found}
    next(process for process in found if process.info["ppid"] in daemons).kill()


@needs_java
def test_rows_of_a_dataframe_are_those_of_one_process(settings):
    from spacy_xling.applying.on_spark import predict_dataframe, start_spark

    spark = start_spark("local[2,4]")
    try:
        rows = [tuple(record.values()) for record in WITH_A_BAD_ONE]
        frame = spark.createDataFrame(rows, "id long, text string, lang string").repartition(4)
        scored = predict_dataframe(frame, settings, batch_size=8)
        assert scored.columns == [
            "id",
            "text",
            "lang",
            "labels",
            "score",
            "scores",
            "language",
            "abstained",
            "error",
        ]
        found = sorted((row.asDict() for row in scored.collect()), key=lambda row: row["id"])
        with pytest.raises(ValueError, match=r"^\[X751\]"):
            predict_dataframe(frame, settings._replace(model="/nowhere"))
        with pytest.raises(ValueError, match=r"^\[X901\]"):
            predict_dataframe(frame, settings._replace(text="body"))
    finally:
        spark.stop()
    assert_rows_of_one_process(found, settings)


@needs_java
def test_the_engine_writes_the_same_bytes_also_after_a_kill(settings, tmp_path):
    assert_same_bytes_after_a_kill("spark", kill_one, settings, tmp_path)


def test_no_java_is_X914(settings, monkeypatch, tmp_path):
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.delenv("JAVA_HOME", raising=False)
    with (
        pytest.raises(ValueError, match=r"^\[X914\] Spark .*there is no java"),
        open_engine("spark", settings),
    ):
        pass
