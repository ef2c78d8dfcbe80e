"""Two processes equal one that is given the batches of both."""

import json
import os
import subprocess
import sys

import pytest
import srsly
import torch
from safetensors.torch import load_file
from spacy.util import load_config_from_str

from spacy_xling.resuming.run_file import read_outcome
from spacy_xling.resuming.snapshots import DATA_FILE, read_snapshot
from spacy_xling.resuming.training_loop import _require_shared
from spacy_xling.training import ranks as module
from spacy_xling.training.ranks import Ranks, TorchRanks
from tests.resuming.configs import JOINT
from tests.resuming.runs import Work
from tests.training.joined import CASES, run_all

pytestmark = pytest.mark.usefixtures("one_thread")


def torchrun(*arguments, **environment):
    command = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2", "-m"]
    return subprocess.run(
        [*command, *map(str, arguments)],
        capture_output=True,
        text=True,
        encoding="utf8",
        timeout=300,
        env={**os.environ, "OMP_NUM_THREADS": "1", **environment},
    )


@pytest.fixture(scope="module")
def found(checkpoints, tmp_path_factory):
    """What two processes find in all cases, and what one does."""
    folder = tmp_path_factory.mktemp("joined")
    checkpoint = checkpoints("xlm-roberta")
    run_all(checkpoint, folder)
    result = torchrun("tests.training.joined", checkpoint, folder)
    assert result.returncode == 0, result.stderr
    return folder


@pytest.mark.parametrize("rank", [0, 1])
@pytest.mark.parametrize("case", CASES)
def test_gradients_of_two_processes_are_those_of_one_on_both_batches(found, case, rank):
    alone = load_file(found / f"{case}-0-1.safetensors")
    joined = load_file(found / f"{case}-{rank}-2.safetensors")
    assert alone.keys() == joined.keys()
    assert any(gradient.abs().max() > 1e-4 for gradient in alone.values())
    for name, gradient in alone.items():
        torch.testing.assert_close(joined[name], gradient, rtol=0, atol=1e-8, msg=name)


@pytest.mark.parametrize("rank", [0, 1])
@pytest.mark.parametrize("case", CASES)
def test_losses_of_two_processes_are_those_of_one_on_both_batches(found, case, rank):
    alone, joined = (
        json.loads((found / f"{case}-{place}.json").read_text()) for place in ("0-1", f"{rank}-2")
    )
    assert joined == pytest.approx(alone, abs=1e-6)


# Without the masked-LM term, and with the batches of one process in the order in which two have them.
PLAIN = (
    JOINT.replace("start = 0.1\nend = 0.9", "start = 0.0\nend = 0.0")
    .replace("spacy-xling.batch_by_pieces.v1", "spacy.batch_by_sequence.v1")
    .replace("tokenizer = ${paths.encoder}\nsize = 64", "size = 0\nget_length = null")
)
WITHOUT_DROPOUT = {
    "training__dropout": 0.0,
    "training__accumulate_gradient": 1,
    "components__xling_textcat__model__encoder__dropout": 0.0,
    # Adam makes a step of any gradient, however small: rounding, too.
    "training__optimizer__eps": 1e-3,
}


def make_work(folder, config, checkpoint, **changes):
    folder.mkdir()
    return Work(config, folder, checkpoint, **changes)


def train(work, *options, **environment):
    path = work.folder / "config.cfg"
    load_config_from_str(work.text, overrides=work.overrides, interpolate=False).to_disk(path)
    return torchrun("spacy", "xling", "train", path, "--output", work.output, *options, **environment)


def test_two_processes_train_the_pipeline_that_one_trains(checkpoint, tmp_path):
    alone, joined = (
        make_work(tmp_path / str(size), PLAIN, checkpoint, training__batcher__size=size, **WITHOUT_DROPOUT)
        for size in (4, 2)
    )
    alone.train()
    result = train(joined)
    assert result.returncode == 0, result.stderr
    assert result.stdout.count("Saved pipeline") == 1
    for name in ("model.safetensors", "head.safetensors"):
        one, two = (
            load_file(work.output / "model-best" / "xling_textcat" / "model" / name)
            for work in (alone, joined)
        )
        for key, weights in one.items():
            torch.testing.assert_close(two[key], weights, rtol=0, atol=1e-5, msg=key)
    for one, two in zip(alone.rows(), joined.rows(), strict=True):
        assert two["scores"] == one["scores"]
        assert two["losses"] == pytest.approx(one["losses"], rel=1e-4)
    assert read_outcome(joined.output).encoder_pieces == read_outcome(alone.output).encoder_pieces


# Kills the process RANK at its update number UPDATE.
KILLER = """
import os
import signal

from spacy.language import Language

update = Language.update
count = 0


def dying(self, *args, **kwargs):
    global count
    count += 1
    if os.environ["RANK"] == os.environ.get("KILLED") and count == int(os.environ["UPDATE"]):
        os.kill(os.getpid(), signal.SIGKILL)
    return update(self, *args, **kwargs)


Language.update = dying
"""


@pytest.mark.slow
@pytest.mark.parametrize("killed", ["0", "1"])
def test_a_run_that_was_killed_goes_on_as_if_it_never_was(checkpoint, tmp_path, killed):
    """With raw text, masks, dropouts and accumulated batches of each process's own."""
    whole, resumed = (make_work(tmp_path / name, JOINT, checkpoint) for name in ("whole", "killed"))
    assert train(whole).returncode == 0
    code = tmp_path / "killer.py"
    code.write_text(KILLER)
    result = train(resumed, "--code", code, KILLED=killed, UPDATE="9")
    assert result.returncode != 0
    assert not (resumed.output / "checkpoints" / "step-8").exists()
    result = train(resumed, "--resume")
    assert result.returncode == 0, result.stderr
    assert "Going on after step" in result.stdout
    assert resumed.result() == whole.result()


@pytest.mark.slow
def test_processes_have_dropouts_masks_and_raw_text_of_their_own(checkpoint, tmp_path):
    work = Work(JOINT, tmp_path, checkpoint)
    assert train(work).returncode == 0
    saved = max((work.output / "checkpoints").glob("step-*"), key=lambda path: int(path.name[5:]))
    first, second = srsly.read_json(saved / "training.json")["ranks"]
    assert first["generators"]["python"] == second["generators"]["python"]
    assert first["generators"]["torch"] != second["generators"]["torch"]
    own = [state["components"]["xling_textcat"] for state in (first, second)]
    assert own[0]["generator"] != own[1]["generator"]
    assert own[0]["raw"] != own[1]["raw"]


@pytest.mark.slow
def test_without_a_seed_the_processes_shuffle_alike(checkpoint, tmp_path):
    work = make_work(tmp_path / "work", JOINT, checkpoint, training__seed=None)
    result = train(work)
    assert result.returncode == 0, result.stderr
    saved = max((work.output / "checkpoints").glob("step-*"), key=lambda path: int(path.name[5:]))
    first, second = srsly.read_json(saved / "training.json")["ranks"]
    assert first["generators"]["python"] == second["generators"]["python"]


@pytest.mark.slow
def test_fewer_batches_than_processes_are_X627(checkpoint, tmp_path):
    work = make_work(
        tmp_path / "work", JOINT, checkpoint, training__max_epochs=1, training__batcher__size=4096
    )
    result = train(work)
    assert result.returncode != 0
    assert (result.stdout + result.stderr).count("X627") == 1


@pytest.mark.slow
def test_an_error_of_all_processes_is_said_once(checkpoint, tmp_path):
    work = Work(JOINT, tmp_path, checkpoint, training__dropout=2.0)
    result = train(work)
    assert result.returncode != 0
    assert (result.stdout + result.stderr).count("X624") == 1


@pytest.fixture
def two():
    """As if there were another process."""
    token = module._ranks.set(TorchRanks(0, 2))
    yield
    module._ranks.reset(token)


def test_a_component_whose_gradients_are_not_added_up_is_refused(two, checkpoint, tmp_path):
    work = Work(JOINT, tmp_path, checkpoint)
    nlp = work.start()
    nlp.add_pipe("tagger").add_label("NOUN")
    with pytest.raises(ValueError, match=r"\[X626\].*components tagger.* 2 processes"):
        _require_shared(nlp, [])
    _require_shared(nlp, ["tagger"])


def test_a_checkpoint_of_other_processes_is_refused(two, tmp_path):
    (tmp_path / DATA_FILE).write_text('{"ranks": [{}, {}, {}]}')
    with pytest.raises(ValueError, match=r"\[X625\].*of 3 processes.*now, 2"):
        read_snapshot(tmp_path)


def test_each_process_has_every_other_batch_and_what_is_left_over_goes():
    batches = ["a", "b", "c", "d", "e"]
    assert list(Ranks().own_batches(iter(batches))) == batches
    assert list(TorchRanks(0, 2).own_batches(iter(batches))) == ["a", "c"]
    assert list(TorchRanks(1, 2).own_batches(iter(batches))) == ["b", "d"]
