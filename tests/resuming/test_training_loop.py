"""A run that is killed and resumed ends as one that never was, bit by bit."""

import errno
import io
import json
import random
from pathlib import Path

import numpy as np
import pytest
import spacy
from spacy.language import Language
from spacy.training.loop import train

from spacy_xling import writing
from spacy_xling.optimizer.adamw import AdamW
from spacy_xling.resuming import snapshots, training_loop
from spacy_xling.resuming.run_file import is_finished, read_outcome
from spacy_xling.resuming.snapshots import parameters
from tests.resuming.runs import (
    JOINT,
    READ_TRANSLATED,
    SHARED,
    SPACY,
    SWITCHED,
    TRANSLATED,
    TRANSLATOR,
    Killed,
    Work,
    count_moments,
    is_killed,
)

KINDS = {
    "joint": (JOINT, {}),
    "last averages": (
        JOINT,
        {
            "training__optimizer__use_averages": False,
            "training__optimizer__average_last": 2,
            "training__optimizer__average_every": 3,
        },
    ),
    "streamed": (JOINT, {"training__max_epochs": -1, "training__accumulate_gradient": 1}),
    "epochs": (JOINT, {"training__max_epochs": 3, "training__max_steps": 0}),
    "switched": (SWITCHED, {}),
    "translated": (TRANSLATED, {}),
    "read translated": (READ_TRANSLATED, {}),
    "translator": (
        TRANSLATOR,
        {
            "training__max_epochs": -1,
            "corpora__dev__heldout": True,
            "corpora__dev__heldout_share": 1.0,
        },
    ),
    "centred": (JOINT, {"components__xling_textcat__centring": True}),
    "shared": (SHARED, {}),
    "spacy": (SPACY, {}),
    "patience": (SPACY, {"training__patience": 5, "training__max_steps": 0, "training__eval_frequency": 2}),
    "plain order": (SPACY, {"corpora__train__augmenter": None}),
}


@pytest.fixture
def make_work(tmp_path, checkpoint):
    def make(kind, name="work"):
        config, changes = KINDS[kind]
        folder = tmp_path / name
        folder.mkdir()
        return Work(config, folder, None if config == SPACY else checkpoint, **changes)

    return make


@pytest.fixture(scope="module")
def never_killed(tmp_path_factory, checkpoints):
    """What a run of a kind ends with, and how many moments it has; each is made once."""
    ends = {}

    def result(kind):
        if kind not in ends:
            config, changes = KINDS[kind]
            encoder = None if config == SPACY else checkpoints("xlm-roberta")
            work = Work(config, tmp_path_factory.mktemp("whole"), encoder, **changes)
            with pytest.MonkeyPatch.context() as patch:
                moments = count_moments(work, patch)
            ends[kind] = (work.result(), moments)
        return ends[kind]

    return result


@pytest.fixture(autouse=True)
def fast_disk(monkeypatch):
    """Writing is tested elsewhere: here nothing waits for the disk."""
    monkeypatch.setattr(writing.os, "fsync", lambda handle: None)


def interrupt(work, monkeypatch, evaluation=3):
    """Kill a run at an evaluation, by which time there is a checkpoint of the one before."""
    evaluations = 0
    original = training_loop.update_meta

    def counted(*args):
        nonlocal evaluations
        evaluations += 1
        if evaluations == evaluation:
            raise Killed
        original(*args)

    with monkeypatch.context() as patch:
        patch.setattr(training_loop, "update_meta", counted)
        with pytest.raises(Killed):
            work.train()


def assert_same(work, expected):
    files, rows = work.result()
    assert rows == expected[1]
    assert files.keys() == expected[0].keys()
    assert [name for name in files if files[name] != expected[0][name]] == []


@pytest.mark.parametrize(
    ("kind", "checkpoint_every"),
    [
        ("joint", None),
        ("last averages", 2),
        ("streamed", 2),
        ("epochs", None),
        ("switched", 2),
        ("translated", 2),
        ("read translated", 2),
        ("translator", 2),
        ("centred", None),
        ("centred", 2),
        ("shared", 2),
        ("spacy", 3),
        ("patience", None),
        ("plain order", 2),
    ],
)
def test_killed_again_and_again_it_ends_as_if_never_killed(
    kind, checkpoint_every, make_work, never_killed, monkeypatch
):
    expected, moments = never_killed(kind)
    work = make_work(kind)
    chance = random.Random(f"{kind} {checkpoint_every}")
    deaths = 0
    while is_killed(
        work,
        chance.randrange(moments // 4, moments // 2),
        monkeypatch,
        resume=deaths > 0,
        checkpoint_every=checkpoint_every,
    ):
        deaths += 1
        # Nothing was saved that soon, so a longer life is needed.
        moments += 10
    assert deaths >= 2
    assert_same(work, expected)


@pytest.mark.parametrize(
    ("kind", "before_the_end"), [("joint", 1), ("joint", 9), ("spacy", 1), ("spacy", 5), ("spacy", 14)]
)
def test_killed_near_its_end_it_ends_as_if_never_killed(
    kind, before_the_end, make_work, never_killed, monkeypatch
):
    """The last step of the one is evaluated and has a checkpoint, that of the other has neither."""
    expected, moments = never_killed(kind)
    work = make_work(kind)
    assert is_killed(work, moments - before_the_end, monkeypatch)
    work.train(resume=True)
    assert_same(work, expected)


@pytest.mark.parametrize("kind", ["joint", "translator", "shared", "spacy"])
def test_pipelines_and_log_are_those_of_spacy_train(kind, make_work, never_killed):
    expected, _ = never_killed(kind)
    work = make_work(kind)
    work.output.mkdir()
    train(work.start(), work.output, stdout=io.StringIO(), stderr=io.StringIO())
    assert_same(work, expected)


def test_the_saved_pipeline_is_the_mean_of_the_last_evaluations(make_work, monkeypatch):
    """The weights at the evaluations are those of a run without averages."""
    copies = []

    def noted(self):
        step_schedules(self)
        copies.append({key: np.array(weights) for key, weights in self.live.items()})

    step_schedules = AdamW.step_schedules
    work = make_work("last averages")
    work.output.mkdir()
    nlp = work.start()
    with monkeypatch.context() as patch:
        patch.setattr(AdamW, "step_schedules", noted)
        train(nlp, work.output, stdout=io.StringIO(), stderr=io.StringIO())
    saved = {p.name: np.array(p.weights) for p in parameters(spacy.load(work.output / "model-last"))}
    assert len(copies) == 10
    last = copies[6], copies[9]
    for p in parameters(nlp):
        if p.key in last[0]:
            np.testing.assert_array_equal(saved[p.name], (last[0][p.key] + last[1][p.key]) / 2)
    assert sum(p.key in last[0] for p in parameters(nlp)) > 20


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


def test_without_a_checkpoint_it_starts_from_the_beginning(make_work, never_killed, monkeypatch):
    work = make_work("spacy")
    assert is_killed(work, 10, monkeypatch)
    assert "starting from the beginning" in work.train(resume=True)
    assert_same(work, never_killed("spacy")[0])


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


def no_space(*args, **kwargs):
    raise OSError(errno.ENOSPC, "No space left on device")


def test_a_full_disk_leaves_the_last_checkpoint_to_go_on_from(make_work, never_killed, monkeypatch):
    work = make_work("joint")
    saved = []

    def save_file(*args, **kwargs):
        saved.append(args)
        if len(saved) == 2:
            # As the library says it.
            raise RuntimeError('IoError(Os { code: 28, kind: StorageFull, message: "No space left" })')
        return original(*args, **kwargs)

    original = snapshots.save_file
    with monkeypatch.context() as patch:
        patch.setattr(snapshots, "save_file", save_file)
        with pytest.raises(OSError, match=r"X609.*step-3.*No space left.*--resume.*step-0"):
            work.train()
    work.train(resume=True)
    assert_same(work, never_killed("joint")[0])


def test_a_disk_too_full_for_the_pipeline_is_X609(make_work, never_killed, monkeypatch):
    work = make_work("spacy")
    interrupt(work, monkeypatch)
    with monkeypatch.context() as patch:
        patch.setattr(Language, "to_disk", no_space)
        with pytest.raises(OSError, match=r"X609.*model-last.*No space left.*--resume.*step-4"):
            work.train(resume=True)
    assert spacy.load(work.output / "model-last").meta["performance"]
    work.train(resume=True)
    assert_same(work, never_killed("spacy")[0])


def test_a_folder_that_cannot_be_written_to_is_X609(make_work):
    work = make_work("spacy")
    work.output.write_text("a file stands here")
    with pytest.raises(OSError, match="X609"):
        work.train()


@pytest.mark.parametrize("error", [RuntimeError, KeyboardInterrupt])
def test_an_error_saves_the_pipeline_and_can_be_resumed(error, make_work, never_killed, monkeypatch):
    work = make_work("spacy")
    calls = 0
    original = Language.update

    def failing(self, *args, **kwargs):
        nonlocal calls
        calls += 1
        if calls == 7:
            raise error("in step 6")
        return original(self, *args, **kwargs)

    with monkeypatch.context() as patch:
        patch.setattr(Language, "update", failing)
        with pytest.raises(error):
            work.train()
    # Step 5 is in the pipeline that was saved, and no longer that of the evaluation at step 4.
    last, best = (work.output / name / "ner" / "model" for name in ("model-last", "model-best"))
    assert last.read_bytes() != best.read_bytes()
    work.train(resume=True)
    assert_same(work, never_killed("spacy")[0])


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


def test_before_update_is_called_with_the_pipeline_at_each_step(make_work, monkeypatch):
    seen = []

    @spacy.registry.callbacks("test_note_steps")
    def make_callback():
        def note(nlp, step):
            # What a callback draws must not move the order of the batches.
            random.random()
            np.random.random()
            seen.append((nlp, step["step"]))

        return note

    work = make_work("spacy")
    work.text = SPACY + '\n[training.before_update]\n@callbacks = "test_note_steps"\n'
    work.train()
    expected = work.result()
    resumed = make_work("spacy", "resumed")
    resumed.text = work.text
    interrupt(resumed, monkeypatch)
    seen.clear()
    resumed.train(resume=True)
    assert [step for _, step in seen] == list(range(10))
    assert all(isinstance(nlp, Language) for nlp, _ in seen)
    assert_same(resumed, expected)


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
