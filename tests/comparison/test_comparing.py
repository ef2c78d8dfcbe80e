"""Comparisons, with the processes of their runs."""

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
import spacy
import srsly
from spacy.cli.train import train

from spacy_xling.comparison.comparing import compare
from spacy_xling.comparison.jobs import plan_jobs
from spacy_xling.comparison.process import own_logs
from spacy_xling.comparison.running import Machine, own_folder, threads_each
from spacy_xling.data.labelled import build_labelled_text_v1
from spacy_xling.evaluation.by_language import evaluate_by_language, labelled_texts
from tests.comparison.tiny import PLAN, contents, make_plan, table, write_text
from tests.conftest import PRETRAIN_CONFIG

BROKEN = """
[recipes.broken]
config = ${paths.folder}/recipe.cfg

[recipes.broken.settings]
paths.train = nowhere.csv
"""


CHAINED = """
[training]

[training.logger]
@loggers = "spacy.ChainLogger.v1"

[training.logger.logger1]
@loggers = "spacy-xling.ConsoleLogger.v1"
output_file = "a/log.jsonl"

[training.logger.logger2]
@loggers = "spacy.ConsoleLogger.v3"
output_file = null

[training.logger.logger3]
@loggers = "spacy-xling.TensorBoardLogger.v1"
folder = "a/board"
"""


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    """A comparison that nothing has interrupted, run by run; it returns folder, table and contents."""
    folder = write_text(tmp_path_factory.mktemp("whole") / "text")
    done = compare(make_plan(folder), folder.parent / "out", Machine())
    assert done.failures == []
    return folder, folder.parent / "out"


def test_the_scores_are_those_of_the_pipelines(whole):
    folder, output = whole
    found = table(output)
    assert found["rows"] == ["en", "da", "de", "mean of the targets", "worst target"]
    docs = labelled_texts(build_labelled_text_v1(folder / "test")).docs
    for recipe in ("slow", "fast"):
        models = [
            spacy.load(output / "runs" / recipe / str(seed) / "model" / "model-best") for seed in (0, 1)
        ]
        scores = [evaluate_by_language(nlp, docs) for nlp in models]
        for language in ("en", "da", "de"):
            expected = sum(100 * score[language].accuracy for score in scores) / 2
            assert found["scores"][language][recipe]["mean"] == pytest.approx(expected)
        assert found["compute"][recipe]["steps"]["mean"] == {"slow": 7, "fast": 13}[recipe]
    # Otherwise the comparisons of tables below would say little.
    assert found["scores"]["en"]["slow"]["mean"] != found["scores"]["en"]["fast"]["mean"]
    assert any(cells["fast"]["deviation"] for cells in found["scores"].values())


def test_a_run_is_that_of_spacy_train(whole, tmp_path):
    folder, output = whole
    train(
        folder / "recipe.cfg",
        tmp_path,
        overrides={**make_plan(folder).overrides("slow", 1), "paths.log": None},
    )
    found, expected = (
        (path / "model-best" / "textcat" / "model").read_bytes()
        for path in (output / "runs" / "slow" / "1" / "model", tmp_path)
    )
    assert found == expected


def test_each_run_has_a_log_of_its_own(whole):
    folder, output = whole
    for recipe, steps in {"slow": [0, 2, 4, 6], "fast": [0, 2, 4, 6, 8, 10, 12]}.items():
        for seed in (0, 1):
            run = output / "runs" / recipe / str(seed)
            rows = list(srsly.read_jsonl(run / "logs" / "log.jsonl"))
            assert [row["step"] for row in rows] == steps
            best = json.loads((run / "scores.json").read_text())["score"]
            assert max(row["score"] for row in rows) == pytest.approx(best)
    assert not (folder / "log.jsonl").exists()


def test_all_logs_that_a_config_names_are_the_runs_own(tmp_path):
    (tmp_path / "chained.cfg").write_text(CHAINED)
    found = own_logs(
        tmp_path / "chained.cfg", {"training.logger.logger2.output_file": "b/log.jsonl"}, tmp_path
    )
    assert found == {
        "training.logger.logger1.output_file": str(tmp_path / "logger1" / "log.jsonl"),
        "training.logger.logger2.output_file": str(tmp_path / "logger2" / "log.jsonl"),
        "training.logger.logger3.folder": str(tmp_path / "logger3" / "board"),
    }
    assert own_logs(PRETRAIN_CONFIG, {}, tmp_path) == {}
    found = own_logs(PRETRAIN_CONFIG, {"training.tensorboard": "all/board"}, tmp_path)
    assert found == {"training.tensorboard": str(tmp_path / "board")}


def test_finished_runs_are_not_repeated(whole):
    folder, output = whole
    before, numbers = contents(output), table(output)
    said = []
    compare(make_plan(folder), output, Machine(), say=said.append)
    assert said == [
        f"{recipe}, seed {seed}: finished before" for seed in (0, 1) for recipe in ("slow", "fast")
    ]
    assert contents(output) == before
    assert table(output) == numbers
    assert not list(output.rglob("checkpoints"))


def test_a_changed_plan_starts_nothing(whole):
    folder, output = whole
    before = contents(output)
    plan = make_plan(folder, recipes__fast__settings={"training.max_steps": 13}, compare__seeds=[2, 1])
    with pytest.raises(ValueError, match=r"X775.*fast, seed 1.*max_steps"):
        compare(plan, output, Machine())
    assert contents(output) == before


def test_a_crashed_run_is_named_and_the_rest_goes_on(whole, tmp_path):
    folder, output = whole
    copied = tmp_path / "out"
    shutil.copytree(output, copied)
    # The broken recipe comes first, and one of the others is to be done again.
    (copied / "runs" / "slow" / "0" / "scores.json").write_text('{"languages": {"en"')
    text = PLAN.replace("[recipes]\n", f"[recipes]\n{BROKEN}")
    plan = make_plan(folder, text, compare__seeds=[0])
    said = []
    done = compare(plan, copied, Machine(), say=said.append)
    (failure,) = done.failures
    assert failure.title == "broken, seed 0"
    assert "[X106]" in failure.error
    assert "nowhere.csv" in failure.error
    assert failure.log == copied / "runs" / "broken" / "0" / "log.txt"
    assert "Traceback" in failure.log.read_text()
    assert [line.split(": ")[1].split()[0] for line in said] == [
        "finished",
        "started",
        "failed",
        "started",
        "done",
    ]
    assert done.summary.scores["en"].keys() == {"slow", "fast"}
    assert done.summary.conclusions["fast"].startswith("Nothing can be said of fast")
    assert "broken, seed 0 failed: " in (copied / "table.md").read_text()
    found, expected = (
        json.loads((folder / "runs" / "slow" / "0" / "scores.json").read_text())
        for folder in (copied, output)
    )
    # A clock is not the same twice.
    clocks = {"seconds": 0, "processor_seconds": 0}
    assert {**found, **clocks} == {**expected, **clocks}


def start(folder, output, *options):
    command = [sys.executable, "-m", "spacy", "xling", "compare", folder / "plan.cfg", "--output", output]
    command += ["--paths.folder", folder, *options]
    return subprocess.Popen(
        list(map(str, command)),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        # What a shell starts in the background ignores interrupts, and hands that down.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.default_int_handler),
    )


@pytest.mark.parametrize("sent", [signal.SIGKILL, pytest.param(signal.SIGINT, marks=pytest.mark.slow)])
def test_killed_in_the_middle_and_started_again_it_gives_the_same_table(whole, tmp_path, sent):
    """The runs of the first seed are there, and one of the second, two at a time, is under way at least."""
    folder, output = whole
    again = tmp_path / "out"
    shutil.copytree(output, again, ignore=lambda path, names: {"1"} & set(names))
    before = contents(again)
    process = start(folder, again, "--jobs", 2)
    while not any(again.glob("runs/*/1/model/checkpoints/step-?")):
        assert process.poll() is None, process.communicate()[0].decode()
        time.sleep(0.02)
    process.send_signal(sent)
    printed = process.communicate()[0].decode()
    assert process.returncode == {signal.SIGKILL: -signal.SIGKILL, signal.SIGINT: 130}[sent], printed
    # What a killed process of an older version, or a disk that was full, may leave.
    half = next(
        job.folder
        for job in plan_jobs(make_plan(folder), again).trainings
        if not job.result and any(job.folder.glob("model/checkpoints/step-?"))
    )
    (half / "model" / "model-last").mkdir(parents=True, exist_ok=True)
    (half / "scores.json").write_text("{")
    said = []
    assert compare(make_plan(folder), again, Machine(2), say=said.append).failures == []
    assert sum("finished before" in line for line in said) in (2, 3)
    after = contents(again)
    assert {path: after[path] for path in before} == before
    assert table(again) == table(output)
    # The run went on, and did not begin again.
    assert (half / "log.txt").read_text().count("Going on after step") == 1


def test_a_second_comparison_in_a_folder_is_X008(whole, tmp_path, monkeypatch):
    folder, _ = whole
    monkeypatch.setattr("spacy_xling.comparison.running.PATIENCE", 0.1)
    with own_folder(tmp_path), pytest.raises(ValueError, match="X008"):
        compare(make_plan(folder), tmp_path, Machine())


def test_no_jobs_are_X777(whole):
    folder, output = whole
    with pytest.raises(ValueError, match="X777"):
        compare(make_plan(folder), output, Machine(parallel=0))


@pytest.mark.parametrize("change", [{"compare__source": "sv"}, {"compare__test": "test/en.jsonl"}])
def test_test_text_without_source_or_targets_is_X781(whole, tmp_path, change, monkeypatch):
    folder, _ = whole
    monkeypatch.chdir(folder)
    with pytest.raises(ValueError, match="X781"):
        compare(make_plan(folder, **change), tmp_path / "out", Machine())
    assert not (tmp_path / "out").exists()


def test_a_plan_without_test_text_is_X778(whole, tmp_path):
    folder, _ = whole
    with pytest.raises(ValueError, match=r"X778.*test = null; expected labelled text"):
        compare(make_plan(folder, compare__test=None), tmp_path / "out", Machine())
    assert not (tmp_path / "out").exists()


def test_a_file_where_the_folder_is_to_be_is_X145(whole, tmp_path):
    folder, _ = whole
    (tmp_path / "out").write_text("a file stands here")
    with pytest.raises(ValueError, match="X145"):
        compare(make_plan(folder), tmp_path / "out", Machine())


def test_a_folder_that_cannot_be_made_is_X161():
    with pytest.raises(OSError, match=r"X161.*/proc/nowhere"), own_folder(Path("/proc/nowhere")):
        pass


def test_threads_are_divided():
    assert threads_each(2, {"OMP_NUM_THREADS": "8"}) == 4
    assert threads_each(3, {"OMP_NUM_THREADS": "2"}) == 1
    assert threads_each(1, {}) == len(os.sched_getaffinity(0))
