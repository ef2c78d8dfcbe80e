"""What tests of Ray and of Spark have in common."""

from contextlib import contextmanager
from functools import partial

import pytest

from spacy_xling.applying.applying import apply_files
from spacy_xling.applying.engines import Engine
from spacy_xling.applying.formats import Reading
from spacy_xling.applying.opening import open_engine
from spacy_xling.applying.predictor import Predictor
from tests.applying.conftest import write_jsonl
from tests.conftest import TEXTS

RECORDS = [{"id": n, "text": TEXTS[n % len(TEXTS)], "lang": "de" if n % 2 else None} for n in range(320)]
# The last one is no text.
WITH_A_BAD_ONE = [*RECORDS, {"id": 320, "text": None, "lang": None}]


def assert_rows_of_one_process(found, settings):
    """Rows of WITH_A_BAD_ONE, as dictionaries in its order, are what one process makes of it."""
    assert [row["id"] for row in found] == list(range(len(WITH_A_BAD_ONE)))
    columns = {key: [record[key] for record in WITH_A_BAD_ONE] for key in ("text", "lang")}
    expected = Predictor(settings)(columns)
    assert [row["labels"] for row in found[:320]] == expected["labels"][:320]
    assert [row["error"] for row in found] == expected["error"]
    assert found[320]["error"].startswith("[X902]")
    for row, scores in zip(found[:320], expected["scores"][:320], strict=True):
        assert dict(row["scores"]) == pytest.approx(scores, abs=2e-6)


def assert_same_bytes_after_a_kill(name, kill, settings, folder):
    """An engine, of which `kill` ends a worker in the middle, writes the bytes of one process."""
    data = write_jsonl(folder / "t.jsonl", RECORDS)

    @contextmanager
    def killed(settings):
        with open_engine(name, settings, workers=2) as engine:
            count = 0

            def submit(columns):
                nonlocal count
                count += 1
                if count == 8:
                    kill()
                return engine.submit(columns)

            yield Engine(submit, engine.ahead)

    reading = Reading(batch_size=16)
    apply_files(data, folder / "engine.jsonl", settings, killed, reading=reading)
    apply_files(data, folder / "one.jsonl", settings, partial(open_engine, "processes"), reading=reading)
    assert (folder / "engine.jsonl").read_bytes() == (folder / "one.jsonl").read_bytes()
