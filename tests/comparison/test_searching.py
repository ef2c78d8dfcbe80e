"""Searches for settings, by scores that are made up; in one test, by trainings."""

import builtins
import json
import math

import pytest
from spacy.cli._util import app
from spacy.util import load_config
from typer.testing import CliRunner

from spacy_xling.cli import search as module  # noqa: F401
from spacy_xling.comparison import running
from spacy_xling.comparison.jobs import RESULT_FILE, claim
from spacy_xling.comparison.running import Machine
from spacy_xling.comparison.searching import Trial, as_options, search
from tests.comparison.tiny import PLAN, make_plan, write_text

pytest.importorskip("optuna", reason="the extra `search` is not installed")

RATE, DROP = "training.optimizer.learn_rate", "training.dropout"
SEARCH = f"""
[search]
recipe = "slow"
trials = 8

[search.ranges]
{RATE} = ["log", 0.001, 1.0]
{DROP} = ["choices", 0.0, 0.2]
"""


class FakeProcess:
    """Stands for a training: the score is best at a rate of 0.1, without dropout."""

    has_ended, seconds = True, 1.0
    # How many may still run, and the trials that fail.
    lifetime, broken = math.inf, ()

    def __init__(self, job, machine):
        FakeProcess.lifetime -= 1
        if FakeProcess.lifetime < 0:
            raise KeyboardInterrupt
        self.job, self.error = job, None
        claim(job)
        if job.name in self.broken:
            self.error = "ValueError: [X508]"
            return
        settings = job.plan["config"]["training"]
        rate = settings["optimizer"]["learn_rate"]
        score = 1 / (1 + math.log10(rate / 0.1) ** 2) - settings["dropout"]
        (job.folder / RESULT_FILE).write_text(json.dumps({"score": score}))

    def close(self):
        pass

    def kill(self):
        pass


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.setattr(running, "Process", FakeProcess)
    monkeypatch.setattr(FakeProcess, "lifetime", math.inf)
    return write_text(tmp_path / "text")


def quiet(text):
    pass


def test_trials_come_back_the_best_first(folder, tmp_path):
    trials = search(make_plan(folder, PLAN + SEARCH), tmp_path / "out", Machine(), say=quiet)
    assert sorted(trial.number for trial in trials) == list(range(8))
    scores = [trial.score for trial in trials]
    assert scores == sorted(scores, reverse=True)
    for trial in trials:
        assert 0.001 <= trial.settings[RATE] <= 1
        expected = 1 / (1 + math.log10(trial.settings[RATE] / 0.1) ** 2) - trial.settings[DROP]
        assert trial.score == pytest.approx(expected)
    # Drawn evenly by its logarithm: about a third from each power of ten.
    assert min(trial.settings[RATE] for trial in trials) < 0.05
    written = json.loads((tmp_path / "out" / "search.json").read_text())
    assert [Trial(**plain) for plain in written] == trials


@pytest.mark.parametrize("parallel", [1, 2])
def test_stopped_again_and_again_it_tries_what_a_whole_search_tries(folder, tmp_path, parallel, monkeypatch):
    plan = make_plan(folder, PLAN + SEARCH)
    whole = search(plan, tmp_path / "whole", Machine(parallel), say=quiet)
    for _ in range(3):
        monkeypatch.setattr(FakeProcess, "lifetime", 2 if parallel == 1 else 1)
        with pytest.raises(KeyboardInterrupt):
            search(plan, tmp_path / "out", Machine(parallel), say=quiet)
    monkeypatch.setattr(FakeProcess, "lifetime", math.inf)
    assert search(plan, tmp_path / "out", Machine(parallel), say=quiet) == whole
    # And nothing is left to do.
    monkeypatch.setattr(FakeProcess, "lifetime", 0)
    assert search(plan, tmp_path / "out", Machine(parallel), say=quiet) == whole


def test_a_trial_that_fails_is_last_and_the_rest_goes_on(folder, tmp_path, monkeypatch):
    monkeypatch.setattr(FakeProcess, "broken", ("2",))
    said = []
    trials = search(make_plan(folder, PLAN + SEARCH), tmp_path / "out", Machine(), say=said.append)
    assert [trial.number for trial in trials if trial.score is None] == [2] == [trials[-1].number]
    assert any("trial 2: failed: ValueError: [X508]" in line for line in said)


def test_proposals_are_unlike_each_other(folder, tmp_path):
    trials = search(make_plan(folder, PLAN + SEARCH), tmp_path / "out", Machine(), say=quiet)
    places = sorted(math.log10(trial.settings[RATE]) for trial in trials)
    # Eight at random of three powers of ten.
    assert places[-1] - places[0] > 1
    assert len({round(place, 1) for place in places}) >= 6


def test_a_search_needs_no_test_text(folder, tmp_path):
    plan = make_plan(folder, PLAN + SEARCH, compare__test=None, search__trials=2)
    assert len(search(plan, tmp_path / "out", Machine(), say=quiet)) == 2


def test_more_trials_may_be_asked_for_later(folder, tmp_path):
    first = search(make_plan(folder, PLAN + SEARCH, search__trials=3), tmp_path / "out", Machine(), say=quiet)
    more = search(make_plan(folder, PLAN + SEARCH), tmp_path / "out", Machine(), say=quiet)
    assert len(more) == 8
    assert all(trial in more for trial in first)


def test_a_changed_plan_is_X775(folder, tmp_path):
    search(make_plan(folder, PLAN + SEARCH, search__trials=1), tmp_path / "out", Machine(), say=quiet)
    changed = (PLAN + SEARCH).replace("0.001", "0.002").replace("max_steps = 6", "max_steps = 7")
    with pytest.raises(
        ValueError, match=r"X775.*training\.max_steps \(was 6, is 7\).*learn_rate \(was \['log', 0\.001"
    ):
        search(make_plan(folder, changed), tmp_path / "out", Machine(), say=quiet)


def test_a_plan_without_a_search_is_X783(folder, tmp_path):
    with pytest.raises(ValueError, match="X783"):
        search(make_plan(folder), tmp_path / "out", Machine())


@pytest.mark.parametrize(
    "found", ['["uniform", 1, 1]', '["log", 0, 1]', '["uniform", 1]', '["choices"]', "[0, 1]", "[]"]
)
def test_a_range_that_is_none_is_X784(folder, tmp_path, found):
    text = (PLAN + SEARCH).replace('["choices", 0.0, 0.2]', found)
    with pytest.raises(ValueError, match="X784"):
        search(make_plan(folder, text), tmp_path / "out", Machine())


def test_without_optuna_the_message_names_the_extra(folder, tmp_path, monkeypatch):
    original = builtins.__import__

    def missing(name, *args, **kwargs):
        if name.split(".")[0] == "optuna":
            raise ImportError(f"No module named '{name}'")
        return original(name, *args, **kwargs)

    monkeypatch.setattr(builtins, "__import__", missing)
    with pytest.raises(ImportError, match=r"X782.*spacy-xling\[search\]"):
        search(make_plan(folder, PLAN + SEARCH), tmp_path / "out", Machine())


def test_settings_are_written_as_options(folder):
    trial = Trial(3, {"a.b": 0.25, "c.d": "x", "e": True}, 0.5)
    assert as_options(make_plan(folder, PLAN + SEARCH), trial) == '--a.b 0.25 --c.d "x" --e true'


def test_steps_that_are_tried_are_written_with_those_of_the_learning_rate(tmp_path):
    folder = write_text(tmp_path / "text")
    steps = load_config(folder / "recipe.cfg")["training"]["max_steps"]
    schedule = f'[training.optimizer.learn_rate]\n@schedules = "x"\ntotal_steps = {steps}\n'
    config = (folder / "recipe.cfg").read_text().replace("learn_rate = 0.005\n", "")
    (folder / "recipe.cfg").write_text(f"{config}{schedule}")
    options = as_options(make_plan(folder, PLAN + SEARCH), Trial(0, {"training.max_steps": 50}, 0.5))
    assert options == "--training.max_steps 50 --training.optimizer.learn_rate.total_steps 50"


def invoke(folder, *options):
    (folder / "plan.cfg").write_text(PLAN + SEARCH, encoding="utf8")
    output = str(folder.parent / "out")
    arguments = ["search", str(folder / "plan.cfg"), "-o", output, "--paths.folder", str(folder)]
    return CliRunner().invoke(app, ["xling", *arguments, *map(str, options)])


def test_the_command_prints_the_best_settings_as_options(folder, tmp_path):
    result = invoke(folder, "--search.trials", 3, "--jobs", 2)
    assert result.exit_code == 0, result.output
    best = json.loads((tmp_path / "out" / "search.json").read_text())[0]
    assert result.output.splitlines()[-1] == as_options(make_plan(folder, PLAN + SEARCH), Trial(**best))


def test_the_command_fails_if_every_trial_does(folder, monkeypatch):
    monkeypatch.setattr(FakeProcess, "broken", ("0",))
    result = invoke(folder, "--search.trials", 1)
    assert result.exit_code == 1
    assert "No trial has finished" in result.output


@pytest.mark.slow
def test_trials_are_trainings(tmp_path):
    folder = write_text(tmp_path / "text")
    # Nothing of the test text is read.
    for file in (folder / "test").iterdir():
        file.unlink()
    (trial,) = search(
        make_plan(folder, PLAN + SEARCH, search__trials=1), tmp_path / "out", Machine(), say=quiet
    )
    assert 0 < trial.score <= 1
    result = json.loads((tmp_path / "out" / "trials" / "0" / "result.json").read_text())
    assert result["score"] == trial.score
    assert result["steps"] == 7
    # Pipelines of trials are not kept.
    assert not (tmp_path / "out" / "trials" / "0" / "model").exists()
