"""A run that is killed and resumed ends as one that never was, bit by bit."""

import errno
import io
import random

import numpy as np
import pytest
import spacy
from spacy.language import Language
from spacy.training.loop import train

from spacy_xling.optimizer.adamw import AdamW
from spacy_xling.resuming import snapshots
from spacy_xling.resuming.snapshots import parameters
from tests.resuming.configs import KINDS, SPACY
from tests.resuming.runs import Work, count_moments, interrupt, is_killed

pytestmark = pytest.mark.usefixtures("fast_disk")


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


def test_without_a_checkpoint_it_starts_from_the_beginning(make_work, never_killed, monkeypatch):
    work = make_work("spacy")
    assert is_killed(work, 10, monkeypatch)
    assert "starting from the beginning" in work.train(resume=True)
    assert_same(work, never_killed("spacy")[0])


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
