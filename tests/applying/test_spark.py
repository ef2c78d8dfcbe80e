"""Spark on this machine: rows equal those of one process, and neither a bad text nor a kill costs others."""

import os
import shutil
from contextlib import contextmanager
from functools import partial

import psutil
import pytest

from spacy_xling.applying.applying import Reading, apply_files
from spacy_xling.applying.engines import Engine, open_engine
from spacy_xling.applying.predictor import Predictor
from tests.applying.conftest import write_jsonl
from tests.conftest import TEXTS

pytest.importorskip("pyspark", reason="needs the extra 'spark'")
pytest.importorskip("pyarrow", reason="needs the extra 'parquet'")
needs_java = pytest.mark.skipif(
    shutil.which("java") is None and "JAVA_HOME" not in os.environ, reason="needs Java 17 or later"
)
pytestmark = pytest.mark.slow

RECORDS = [{"id": n, "text": TEXTS[n % len(TEXTS)], "lang": "de" if n % 2 else None} for n in range(320)]


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

    records = [*RECORDS, {"id": 320, "text": None, "lang": None}]
    spark = start_spark("local[2,4]")
    try:
        rows = [tuple(record.values()) for record in records]
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
    assert [row["id"] for row in found] == list(range(len(records)))
    expected = Predictor(settings)({key: [record[key] for record in records] for key in ("text", "lang")})
    assert [row["labels"] for row in found[:320]] == expected["labels"][:320]
    assert [row["error"] for row in found] == expected["error"]
    assert found[320]["error"].startswith("[X902]")
    for row, scores in zip(found[:320], expected["scores"][:320], strict=True):
        assert row["scores"] == pytest.approx(scores, abs=2e-6)


@needs_java
def test_the_engine_writes_the_same_bytes_also_after_a_kill(settings, tmp_path):
    data = write_jsonl(tmp_path / "t.jsonl", RECORDS)

    @contextmanager
    def killed(settings):
        with open_engine("spark", settings, workers=2) as engine:
            count = 0

            def submit(columns):
                nonlocal count
                count += 1
                if count == 8:
                    kill_one()
                return engine.submit(columns)

            yield Engine(submit, engine.ahead)

    reading = Reading(batch_size=16)
    apply_files(data, tmp_path / "spark.jsonl", settings, killed, reading=reading)
    apply_files(data, tmp_path / "one.jsonl", settings, partial(open_engine, "processes"), reading=reading)
    assert (tmp_path / "spark.jsonl").read_bytes() == (tmp_path / "one.jsonl").read_bytes()


def test_no_java_is_X914(settings, monkeypatch, tmp_path):
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.delenv("JAVA_HOME", raising=False)
    with (
        pytest.raises(ValueError, match=r"^\[X914\] Spark .*there is no java"),
        open_engine("spark", settings),
    ):
        pass
