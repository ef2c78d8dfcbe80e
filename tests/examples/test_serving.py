"""The serving example: what it answers is what the pipeline says, alone and with many who ask at once."""

import importlib.util
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
import spacy
import srsly
from spacy.language import Language

from spacy_xling.pipeline.calibrated import Calibration
from tests.conftest import TEXTS, run_python
from tests.exporting.pipelines import make_pipeline

pytest.importorskip("fastapi", reason="needs examples/serving/requirements.txt")
pytest.importorskip("prometheus_client", reason="needs examples/serving/requirements.txt")

EXAMPLE = Path(__file__).parents[2] / "examples" / "serving"


@pytest.fixture(scope="module")
def folder(checkpoints, tmp_path_factory):
    folder = tmp_path_factory.mktemp("served") / "model"
    make_pipeline(checkpoints("distilbert")).to_disk(folder)
    return folder


@pytest.fixture
def example():
    """The module, as nobody has imported it yet."""
    spec = importlib.util.spec_from_file_location("serving_app", EXAMPLE / "app.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture
def client(example, folder):
    from fastapi.testclient import TestClient

    with TestClient(example.make_app(str(folder))) as client:
        yield client


def test_answers_are_those_of_the_pipeline(client, folder):
    nlp = spacy.load(folder)
    response = client.post("/classify", json={"texts": TEXTS})
    assert response.status_code == 200
    for text, answer in zip(TEXTS, response.json(), strict=True):
        cats = nlp(text).cats
        assert answer["scores"] == pytest.approx(cats, abs=1e-5)
        assert answer["label"] == max(cats, key=cats.get)
        assert answer["score"] == pytest.approx(max(cats.values()), abs=1e-5)


def test_many_who_ask_at_once_get_their_own_answers_in_batches(client, folder):
    nlp = spacy.load(folder)
    texts = [f"{text} {number}" for number in range(8) for text in TEXTS]
    barrier = threading.Barrier(8)

    def ask(start):
        barrier.wait()
        return [client.post("/classify", json={"texts": [text]}).json()[0] for text in texts[start::8]]

    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(ask, range(8)))
    for start, found in enumerate(answers):
        for text, answer in zip(texts[start::8], found, strict=True):
            assert answer["scores"] == pytest.approx(nlp(text).cats, abs=1e-5)
    metrics = client.get("/metrics").text
    assert f"texts_total {len(texts):.1f}" in metrics
    assert f'requests_total{{status="200"}} {len(texts):.1f}' in metrics
    batches = next(line for line in metrics.splitlines() if line.startswith("batch_texts_count"))
    assert float(batches.split()[1]) < len(texts)


def test_the_language_of_texts_counts(example, checkpoints, tmp_path):
    from fastapi.testclient import TestClient

    nlp = make_pipeline(checkpoints("distilbert"))
    pipe = nlp.get_pipe("xling_textcat")
    pipe.calibration = Calibration(offsets={"da": [5.0, -5.0]})
    nlp.to_disk(tmp_path)
    with TestClient(example.make_app(str(tmp_path))) as client:
        asked = [{"texts": [TEXTS[4]], "language": language} for language in ("da", None)]
        danish, unknown = [client.post("/classify", json=one).json()[0]["scores"] for one in asked]
    doc = nlp.make_doc(TEXTS[4])
    doc._.language = "da"
    assert danish == pytest.approx(nlp(doc).cats, abs=1e-5)
    assert unknown == pytest.approx(nlp(TEXTS[4]).cats, abs=1e-5)
    assert danish != pytest.approx(unknown, abs=1e-2)


def test_health_says_what_is_served(client, folder):
    meta = spacy.load(folder).meta
    assert client.get("/health").json() == {
        "status": "ok",
        "model": f"{meta['lang']}_{meta['name']}",
        "version": meta["version"],
    }


@pytest.mark.parametrize("asked", [{}, {"texts": []}, {"texts": "late"}, {"texts": ["late"] * 101}])
def test_what_is_no_request_is_refused(client, asked):
    assert client.post("/classify", json=asked).status_code == 422


def test_a_request_for_which_there_is_no_room_is_told_to_wait(client, example):
    example.MOST_WAITING = 2
    response = client.post("/classify", json={"texts": TEXTS})
    assert response.status_code == 503
    assert response.headers["Retry-After"] == "1"
    assert client.post("/classify", json={"texts": TEXTS[:1]}).status_code == 200


def test_a_text_on_which_the_pipeline_fails_is_no_other_text_s_error(example, folder):
    from fastapi.testclient import TestClient

    @Language.component("breaks_at_a_word")
    def breaks_at_a_word(doc):
        if "breaks" in doc.text:
            raise ValueError(doc.text)
        return doc

    nlp = spacy.load(folder)
    nlp.add_pipe("breaks_at_a_word")
    nlp.to_disk(folder.parent / "breaking")
    with TestClient(example.make_app(str(folder.parent / "breaking"))) as client:
        response = client.post("/classify", json={"texts": [TEXTS[0], "this breaks"]})
        assert (response.status_code, response.json()["detail"]) == (500, "The pipeline failed on text 1.")
        batcher = client.app.state.batcher
        # In one batch with another's text.
        found = batcher._classify([example.Waiting(text, None, None) for text in ("this breaks", TEXTS[0])])
        assert [answer is None for answer in found] == [True, False]
        assert client.post("/classify", json={"texts": TEXTS[:1]}).status_code == 200
        assert 'requests_total{status="500"} 1.0' in client.get("/metrics").text


def test_a_server_that_classifies_no_more_says_so_at_once(client, caplog):
    assert client.get("/health").status_code == 200
    # Whatever an error, it is none of a text: here the thread can't be had.
    client.app.state.batcher.thread.shutdown()
    for _ in range(2):
        response = client.post("/classify", json={"texts": TEXTS[:1]})
        assert (response.status_code, response.json()["detail"][:10]) == (503, "The server")
        assert client.get("/health").status_code == 503
    (record,) = [record for record in caplog.records if record.levelname == "CRITICAL"]
    assert "shutdown" in str(record.exc_info[1])


def test_latency_is_measured_for_each_number_of_clients(example, folder, tmp_path):
    uvicorn = pytest.importorskip("uvicorn", reason="needs examples/serving/requirements.txt")
    config = uvicorn.Config(example.make_app(str(folder)), port=0, log_level="warning")
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run)
    thread.start()
    try:
        while not server.started:
            assert thread.is_alive()
            time.sleep(0.02)
        port = server.servers[0].sockets[0].getsockname()[1]
        srsly.write_jsonl(tmp_path / "texts.jsonl", [{"text": text} for text in TEXTS])
        arguments = ("--clients", "1", "4", "--requests", "8", "--json", tmp_path / "found.json")
        printed = run_python(
            EXAMPLE / "latency.py", f"http://127.0.0.1:{port}", tmp_path / "texts.jsonl", *arguments
        )
    finally:
        server.should_exit = True
        thread.join()
    rows = srsly.read_json(tmp_path / "found.json")
    assert [(row["clients"], row["requests"]) for row in rows] == [(1, 8), (4, 8)]
    assert all(0 < row["median_ms"] <= row["p99_ms"] for row in rows)
    assert printed.count("\n| ") == 2
