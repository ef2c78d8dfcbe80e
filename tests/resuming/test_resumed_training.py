"""What a resumed run repeats, shows, refuses and leaves."""

import json
from pathlib import Path

import pytest
from spacy.language import Language

from spacy_xling.resuming.run_file import is_finished, read_outcome
from tests.resuming.runs import interrupt

pytestmark = pytest.mark.usefixtures("fast_disk")


def test_each_step_is_trained_once(make_work, monkeypatch):
    work = make_work("spacy")
    interrupt(work, monkeypatch)
    updates = []
    original = Language.update

    def noted(self, examples, *args, **kwargs):
        updates.append([eg.text for eg in examples])
        return original(self, examples, *args, **kwargs)

    monkeypatch.setattr(Language, "update", noted)
    work.train(resume=True)
    # Steps 5 to 9, after a checkpoint at step 4.
    assert len(updates) == 5


def test_rows_of_steps_that_were_done_are_not_shown_again(make_work, monkeypatch):
    work = make_work("spacy")
    interrupt(work, monkeypatch)
    printed = work.train(resume=True)
    assert "Going on after step 4" in printed
    rows = [line.split() for line in printed.splitlines()]
    assert [row[:2] for row in rows].count(["E", "#"]) == 1
    assert [row[1] for row in rows if row and row[0].isdigit()] == ["8"]
    assert [row["step"] for row in work.rows()] == [0, 4, 8]


def test_seconds_go_on_from_those_of_the_checkpoint(make_work, monkeypatch):
    work = make_work("joint")
    interrupt(work, monkeypatch)
    file = work.output / "checkpoints" / "step-3" / "training.json"
    data = json.loads(file.read_text())
    for evaluation, seconds in zip(data["progress"]["evaluations"], (500, 1000), strict=True):
        evaluation["seconds"] = seconds
    data["progress"]["seconds"] = data["progress"]["processor_seconds"] = 1000
    file.write_text(json.dumps(data))
    work.train(resume=True)
    seconds = [json.loads(line)["seconds"] for line in work.log.read_text().splitlines()]
    assert seconds[:2] == [500, 1000]
    assert 1000 <= seconds[2] < 1100
    assert 1000 <= read_outcome(work.output).processor_seconds < 1100


def test_checkpoints_that_are_not_to_be_resumed_are_X610(make_work, monkeypatch):
    work = make_work("spacy")
    interrupt(work, monkeypatch)
    before = work.files()
    with pytest.raises(ValueError, match=r"X610.*step-4.*--resume"):
        work.train()
    assert work.files() == before


def test_a_finished_run_is_left_alone(make_work):
    work = make_work("spacy")
    assert not is_finished(work.output, resume=True)
    work.train()
    before = work.files()
    assert is_finished(work.output, resume=True)
    work.train(resume=True)
    assert work.files() == before


def test_a_changed_config_is_X611_with_the_settings(make_work, monkeypatch):
    work = make_work("spacy")
    interrupt(work, monkeypatch)
    before = work.files()
    work.change(training__max_steps=20, components__ner__model__hidden_width=4)
    expected = r"X611.*components\.ner\.model\.hidden_width \(was .*\), training\.max_steps \(was .*is 20\)"
    with pytest.raises(ValueError, match=expected):
        work.train(resume=True)
    assert work.files() == before


@pytest.mark.parametrize("change", ["another text", "another label", "fewer texts"])
def test_changed_training_text_is_X612(change, make_work, monkeypatch):
    work = make_work("epochs")
    interrupt(work, monkeypatch, evaluation=2)
    before = {path: content for path, content in work.files().items() if work.output in path.parents}
    file = work.folder / "train.jsonl"
    lines = file.read_text(encoding="utf8").splitlines()
    if change == "another text":
        lines[0] = lines[0].replace("parcel", "packet")
    elif change == "another label":
        lines[0] = lines[0].replace("LATE", "REFUND")
    else:
        del lines[0]
    file.write_text("\n".join(lines), encoding="utf8")
    with pytest.raises(ValueError, match="X612"):
        work.train(resume=True)
    after = work.files()
    assert [path for path in before if after[path] != before[path]] == []


def test_changed_raw_text_is_X134(make_work, monkeypatch):
    work = make_work("joint")
    interrupt(work, monkeypatch)
    with (work.folder / "raw" / "de.txt").open("a", encoding="utf8") as file:
        file.write("\nNoch ein Satz.")
    with pytest.raises(ValueError, match="X134"):
        work.train(resume=True)


def test_a_log_of_another_run_stays(make_work):
    work = make_work("spacy")
    work.log.write_text("of another run")
    assert "already exists" in work.train(checkpoint_every=3)
    assert work.log.read_text() == "of another run"


def test_a_log_of_another_run_stays_when_it_is_resumed(make_work, monkeypatch):
    work = make_work("spacy")
    work.log.write_text("of another run")
    interrupt(work, monkeypatch)
    work.train(resume=True)
    assert work.log.read_text() == "of another run"


@pytest.mark.parametrize("every", [0, -1])
def test_checkpoint_every_below_one_is_X615(every, make_work):
    with pytest.raises(ValueError, match="X615"):
        make_work("spacy").train(checkpoint_every=every)


def test_a_checkpoint_that_is_damaged_is_X616(make_work, monkeypatch):
    work = make_work("spacy")
    interrupt(work, monkeypatch)
    (work.output / "checkpoints" / "step-4" / "training.json").write_text("{")
    with pytest.raises(ValueError, match=r"X616.*step-4"):
        work.train(resume=True)


def test_leftovers_of_a_killed_process_are_removed(make_work, monkeypatch):
    work = make_work("spacy")
    interrupt(work, monkeypatch)
    for folder in (work.output, work.output / "checkpoints"):
        (folder / "x.unfinished").mkdir()
        (folder / "y.replaced").mkdir()
    work.train(resume=True)
    assert {path.name for path in work.output.iterdir()} == {"model-last", "model-best", "checkpoints"}
    assert {path.name for path in (work.output / "checkpoints").iterdir()} == {"step-8", "run.json"}


def test_the_checkpoint_is_no_pickle(make_work):
    work = make_work("joint")
    work.train()
    files = [path for path in Path(work.output / "checkpoints").rglob("*") if path.is_file()]
    assert {path.suffix for path in files} <= {".json", ".safetensors", ""}
    assert all(path.suffix or path.name == "cfg" for path in files)
