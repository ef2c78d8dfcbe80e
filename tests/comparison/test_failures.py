"""What becomes of a comparison when one of its runs fails. The runs are made up."""

import json

import pytest
import spacy
import srsly

from spacy_xling.comparison import running
from spacy_xling.comparison.comparing import compare
from spacy_xling.comparison.jobs import LOG_FILE, RESULT_FILE, SCORES_FILE, claim
from spacy_xling.comparison.running import Machine, last_line
from spacy_xling.evaluation.predictions import kind_of
from tests.comparison.tiny import PLAN, make_plan, write_text
from tests.conftest import PRETRAIN_CONFIG

ENCODER = """
[encoders]

[encoders.adapted]
config = "{config}"

[recipes.sequential]
config = ${{paths.folder}}/recipe.cfg
encoder = "adapted"

[recipes.sequential.settings]
training.max_steps = 6
"""


class FakeProcess:
    """Stands for the process of a run, of which some fail."""

    has_ended, seconds = True, 1.0
    broken = ()
    done = None

    def __init__(self, job, machine):
        self.job, self.error = job, None
        claim(job)
        self.done.append(job.title)
        if job.title in self.broken:
            self.error = "ValueError: no luck"
            return
        languages = {code: {"texts": 9, "accuracy": 0.5, "macro_f1": 0.4} for code in ("en", "da", "de")}
        cost = {
            "steps": 10,
            "encoder_pieces": 100,
            "seconds": 1,
            "processor_seconds": 1,
            "encoder": "model-best",
        }
        found = {"languages": languages, "exclusive": True, "score": 1.0, **cost}
        (job.folder / (SCORES_FILE if job.kind == "training" else RESULT_FILE)).write_text(json.dumps(found))

    def close(self):
        pass


@pytest.fixture
def run(tmp_path, monkeypatch):
    """Compare, with the runs of these titles broken; it gives what came of it, and the titles of all runs."""
    folder = write_text(tmp_path / "text")
    monkeypatch.setattr(running, "Process", FakeProcess)

    def run(*broken, **changes):
        monkeypatch.setattr(FakeProcess, "broken", broken)
        monkeypatch.setattr(FakeProcess, "done", [])
        plan = make_plan(folder, PLAN + ENCODER.format(config=PRETRAIN_CONFIG), **changes)
        return compare(plan, tmp_path / "out", Machine(), say=lambda text: None), FakeProcess.done

    return run


def test_recipes_are_left_out_whose_encoder_failed(run, tmp_path):
    done, titles = run("encoder adapted, seed 1")
    assert "sequential, seed 0" in titles
    assert "sequential, seed 1" not in titles
    logs = {failure.title: failure.log for failure in done.failures}
    # The encoder's log says why.
    log = tmp_path / "out" / "encoders" / "adapted" / "1" / LOG_FILE
    assert logs == {"encoder adapted, seed 1": log, "sequential, seed 1": log}
    assert {recipe: cell.n for recipe, cell in done.summary.scores["en"].items()} == {
        "slow": 2,
        "fast": 2,
        "sequential": 1,
    }
    assert done.summary.compute["sequential"]["encoder_pieces"].mean == 200
    # Started again, only these two are done.
    done, titles = run()
    assert titles == ["encoder adapted, seed 1", "sequential, seed 1"]
    assert done.failures == []


def test_without_a_measure_nothing_is_trained(run):
    done, titles = run("steps of fast, seed 0", compare__equal_compute=True)
    assert [failure.title for failure in done.failures] == ["steps of fast, seed 0"]
    assert done.summary is None
    assert [title for title in titles if not title.startswith(("steps", "encoder"))] == []
    done, titles = run(compare__equal_compute=True)
    assert done.failures == []
    assert titles[0] == "steps of fast, seed 0"


def test_steps_of_equal_compute_are_those_of_the_formula(run, tmp_path):
    run(compare__equal_compute=True)
    steps = {
        recipe: json.loads((tmp_path / f"out/runs/{recipe}/0/run.json").read_text())["overrides"][
            "training.max_steps"
        ]
        for recipe in ("slow", "fast", "sequential")
    }
    # 10 pieces in a step. Sequential has most, 100 before its 7 steps: 170, or 17 steps of the others.
    assert steps == {"slow": 16, "fast": 16, "sequential": 6}


def test_what_the_test_text_lacks_is_said(tmp_path, monkeypatch):
    folder = write_text(tmp_path / "text")
    monkeypatch.setattr(running, "Process", FakeProcess)
    monkeypatch.setattr(FakeProcess, "done", [])
    srsly.write_jsonl(folder / "test" / "tr.jsonl", [{"text": "hiç", "label": None}])
    srsly.write_jsonl(folder / "test" / "fi.jsonl", [{"text": "", "label": "LATE"}])
    languages = [("a", "en"), ("b", "da"), ("c", None)]
    rows = [{"text": text, "label": "LATE", "lang": language} for text, language in languages]
    srsly.write_jsonl(tmp_path / "test.jsonl", rows)
    for test, codes in ((folder / "test", ["W750", "W751"]), (tmp_path / "test.jsonl", ["W756"])):
        said = []
        plan = make_plan(folder, compare__test=str(test))
        assert compare(plan, tmp_path / codes[0], Machine(), say=said.append).failures == []
        assert [line[1:5] for line in said if line.startswith("[")] == codes
    # A text without a language is no target.
    srsly.write_jsonl(tmp_path / "test.jsonl", rows[::2])
    with pytest.raises(ValueError, match="X781"):
        compare(make_plan(folder, compare__test=str(tmp_path / "test.jsonl")), tmp_path / "out", Machine())


def test_a_config_that_has_no_max_steps_is_trained_all_the_same(tmp_path, monkeypatch):
    folder = write_text(tmp_path / "text")
    config = (folder / "recipe.cfg").read_text().replace("max_steps = 4\neval_frequency = 2\n", "")
    (folder / "recipe.cfg").write_text(config)
    monkeypatch.setattr(running, "Process", FakeProcess)
    monkeypatch.setattr(FakeProcess, "done", [])
    text = PLAN.replace("training.max_steps = 6\n", "").replace("training.max_steps = 12\n", "")
    assert compare(make_plan(folder, text), tmp_path / "out", Machine(), say=lambda text: None).failures == []
    assert len(FakeProcess.done) == 4


@pytest.mark.parametrize(
    ("factory", "expected"),
    [
        ("textcat", True),
        ("textcat_multilabel", False),
        ("xling_textcat", True),
        ("xling_textcat_multilabel", False),
    ],
)
def test_a_pipeline_is_known_by_its_classifier(factory, expected):
    nlp = spacy.blank("xx")
    nlp.add_pipe(factory, name="other_name")
    assert kind_of(nlp).multi_label != expected


def test_the_last_line_of_a_log_is_not_blank(tmp_path):
    (tmp_path / "log").write_bytes(b"first\nValueError: \xff here\n\n  \n")
    assert last_line(tmp_path / "log") == "ValueError: \ufffd here"
    (tmp_path / "log").write_bytes(b"")
    assert last_line(tmp_path / "log") == ""
