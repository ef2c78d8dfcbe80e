import json
import sys

import pytest

from spacy_xling.inspection.inspection import Inspection
from spacy_xling.reporting.inputs import read_closeness, read_extras, read_log
from spacy_xling.training.loggers import build_console_logger_v1
from tests.reporting.test_encoder_figures import report


def write_closeness(path):
    """As `spacy xling inspect --json` does."""
    from dataclasses import asdict

    reports = [report("en", distance=None), report("da", distance=0.25), report("zh", distance=0.5)]
    path.write_text(json.dumps(asdict(Inspection("models/mini", 64, 1, "en", 2, 0, reports))))
    return path


def write_log(path, nlp):
    """By the logger itself."""
    log_step, finalize = build_console_logger_v1(console_output=False, output_file=path)(nlp)
    for step in (100, 200):
        log_step(None)
        info = {"epoch": 1, "step": step, "seconds": 1, "losses": {"textcat": 4.0 / step}}
        log_step({**info, "other_scores": {"cats_score": 0.5}, "score": step / 1000})
    finalize()
    return path


def test_closeness_is_what_inspect_writes(tmp_path):
    found = read_closeness(write_closeness(tmp_path / "inspect.json"))
    assert found == ("models/mini", {"da": 0.25, "zh": 0.5})


def test_a_log_is_what_the_logger_writes(tmp_path, nlp):
    nlp.add_pipe("textcat")
    found = read_log(write_log(tmp_path / "log.jsonl", nlp))
    assert (found.steps, found.scores) == ([100, 200], [0.1, 0.2])
    assert found.losses == {"textcat": [4.0 / 100 / 2, 4.0 / 200 / 2]}


def test_the_line_that_a_killed_run_left_unfinished_is_passed_over(tmp_path, nlp):
    nlp.add_pipe("textcat")
    path = write_log(tmp_path / "log.jsonl", nlp)
    whole = read_log(path)
    with path.open("a") as handle:
        handle.write('{"epoch": 2, "st')
    assert read_log(path) == whole


@pytest.mark.parametrize(
    "text", ["", "{", "[]\n", '{"step": 1}\n', '{"step": 1, "losses": {"a": null}, "score": 1}\n', "{\n{}"]
)
def test_what_is_no_log_is_X759(text, tmp_path):
    (tmp_path / "log.jsonl").write_text(text)
    with pytest.raises(ValueError, match=r"\[X759\].*log.jsonl"):
        read_log(tmp_path / "log.jsonl")


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"encoder": "x", "languages": [{"language": "da"}]}'])
def test_what_is_no_closeness_is_X758(text, tmp_path):
    (tmp_path / "inspect.json").write_text(text)
    with pytest.raises(ValueError, match=r"\[X758\].*inspect.json"):
        read_closeness(tmp_path / "inspect.json")


def test_what_is_missing_has_the_code_too(tmp_path):
    with pytest.raises(ValueError, match=r"\[X758\].*No such file"):
        read_closeness(tmp_path / "none.json")
    with pytest.raises(ValueError, match=r"\[X759\].*No such file"):
        read_log(tmp_path / "none.jsonl")


def test_extras_are_named_by_what_differs(tmp_path, nlp):
    nlp.add_pipe("textcat")
    paths = []
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
        paths.append(write_log(tmp_path / name / "log.jsonl", nlp))
    extras = read_extras(tmp_path / "a.html", closeness=write_closeness(tmp_path / "c.json"), logs=paths)
    assert list(extras.logs) == ["one", "two"]
    assert extras.closeness.encoder == "models/mini"


def test_extras_without_a_report_are_X786(tmp_path):
    with pytest.raises(ValueError, match=r"\[X786\].*--closeness and --logs"):
        read_extras(None, closeness=tmp_path, logs=[tmp_path])
    assert read_extras(None, closeness=None, logs=[]) == (None, {})


def test_without_matplotlib_the_error_names_the_extra(monkeypatch, tmp_path):
    monkeypatch.setitem(sys.modules, "matplotlib.figure", None)
    with pytest.raises(ImportError, match=r"\[X737\].*spacy-xling\[plots\].*--html"):
        read_extras(tmp_path / "a.html", closeness=None, logs=[])
