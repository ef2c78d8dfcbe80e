import errno
import json
import shutil

import pytest
import torch
from safetensors.torch import load_file
from spacy import registry
from transformers import AutoModelForMaskedLM, AutoTokenizer

from spacy_xling.pretraining import runs, saved_run
from spacy_xling.pretraining.pretraining import Pretraining
from spacy_xling.pretraining.runs import pretrain
from tests.conftest import make_checkpoint
from tests.own_sources import OwnPairs, OwnText


class Killed(BaseException):
    """What a process that is killed does not get to handle."""


def files(folder):
    """All bytes of the encoders of a run, and its log without what a clock says."""
    log = [json.loads(line) for line in (folder / "log.jsonl").read_text().splitlines()]
    encoders = {
        str(path.relative_to(folder)): path.read_bytes()
        for name in ("model-best", "model-last")
        for path in sorted((folder / name).iterdir())
    }
    return encoders, [{key: value for key, value in row.items() if "seconds" not in key} for row in log]


def kill_at_update(monkeypatch, number):
    """From now on the update of this number, counted from 1, kills the run."""
    update, calls = Pretraining.update, 0

    def dying(run):
        nonlocal calls
        calls += 1
        if calls == number:
            raise Killed
        return update(run)

    monkeypatch.setattr(Pretraining, "update", dying)


@pytest.fixture
def whole(run_config, tmp_path):
    """A run that was never killed."""
    pretrain(run_config(), tmp_path / "whole")
    return tmp_path / "whole"


def test_the_result_loads_and_has_a_card(run_config, tmp_path):
    best = pretrain(run_config(), tmp_path / "run")
    assert best == tmp_path / "run" / "model-best"
    model = AutoModelForMaskedLM.from_pretrained(best)
    tokenizer = AutoTokenizer.from_pretrained(best)
    assert tokenizer.backend_tokenizer.truncation is None
    assert model.config.vocab_size == len(tokenizer)
    card = (best / "README.md").read_text(encoding="utf-8")
    assert "  - de\n  - en\n" in card
    assert "| en-de | 120 |  |" in card
    assert "| training.max_steps | 6 |" in card


def test_the_log_has_a_row_for_each_measurement(whole):
    rows = [json.loads(line) for line in (whole / "log.jsonl").read_text().splitlines()]
    assert [row["step"] for row in rows] == [2, 4, 6]
    for row in rows:
        assert sorted(row["heldout"]) == ["de", "en"]
        assert row["heldout_mean"] == pytest.approx(sum(row["heldout"].values()) / 2)
    assert rows[0]["pieces"] < rows[1]["pieces"] < rows[2]["pieces"]


def test_training_lowers_the_loss_on_held_out_text(run_config, tmp_path):
    config = run_config(
        training__max_steps=60, training__eval_frequency=20, training__optimizer__learn_rate__value=5e-3
    )
    pretrain(config, tmp_path / "run")
    rows = [json.loads(line) for line in (tmp_path / "run" / "log.jsonl").read_text().splitlines()]
    assert rows[-1]["heldout_mean"] < rows[0]["heldout_mean"] - 0.3


@pytest.mark.parametrize("moment", range(1, 7))
def test_killed_at_any_step_and_resumed_is_bit_for_bit_the_run_that_was_not(
    whole, run_config, tmp_path, monkeypatch, moment
):
    with monkeypatch.context() as patch:
        kill_at_update(patch, moment)
        with pytest.raises(Killed):
            pretrain(run_config(), tmp_path / "killed")
    torch.manual_seed(123)
    pretrain(run_config(), tmp_path / "killed", resume=True)
    assert files(tmp_path / "killed") == files(whole)


def test_readers_from_outside_the_package_are_read_resumed_and_measured(run_config, tmp_path, monkeypatch):
    registry.readers("own.Text.v1", func=OwnText)
    registry.readers("own.Pairs.v1", func=OwnPairs)
    config = run_config(training__max_steps=4)
    config["corpora"] = {"unlabelled": {"@readers": "own.Text.v1"}, "parallel": {"@readers": "own.Pairs.v1"}}
    pretrain(config, tmp_path / "whole")
    with monkeypatch.context() as patch:
        kill_at_update(patch, 3)
        with pytest.raises(Killed):
            pretrain(config, tmp_path / "killed")
    best = pretrain(config, tmp_path / "killed", resume=True)
    assert files(tmp_path / "killed") == files(tmp_path / "whole")
    rows = [json.loads(line) for line in (tmp_path / "whole" / "log.jsonl").read_text().splitlines()]
    assert [sorted(row["heldout"]) for row in rows] == [["en", "fo"]] * 2
    card = (best / "README.md").read_text(encoding="utf-8")
    assert "| fo | 30 |" in card
    assert "| en-fo | 30 |" in card


@pytest.mark.parametrize("name", ["save_model", "save_file"])
@pytest.mark.parametrize("checkpoint_number", [1, 2])
def test_killed_between_the_files_of_a_checkpoint_too(
    whole, run_config, tmp_path, monkeypatch, name, checkpoint_number
):
    write, calls = getattr(saved_run, name), 0

    def dying(*args, **kwargs):
        nonlocal calls
        calls += 1
        write(*args, **kwargs)
        if calls == checkpoint_number:
            raise Killed

    with monkeypatch.context() as patch:
        patch.setattr(saved_run, name, dying)
        with pytest.raises(Killed):
            pretrain(run_config(), tmp_path / "killed")
    pretrain(run_config(), tmp_path / "killed", resume=True)
    assert files(tmp_path / "killed") == files(whole)


def test_a_finished_run_that_is_resumed_stays_as_it_is(whole, run_config):
    before = files(whole)
    pretrain(run_config(), whole, resume=True)
    assert files(whole) == before


def test_a_full_disk_is_X609_and_the_run_can_be_resumed(whole, run_config, tmp_path, monkeypatch):
    write, calls = saved_run.save_file, 0

    def full(tensors, path):
        nonlocal calls
        calls += 1
        if calls == 2:
            raise OSError(errno.ENOSPC, "No space left on device")
        write(tensors, path)

    with monkeypatch.context() as patch:
        patch.setattr(saved_run, "save_file", full)
        with pytest.raises(OSError, match=r"X609.*No space left.*--resume.*step-2"):
            pretrain(run_config(), tmp_path / "full")
    assert [path.name for path in (tmp_path / "full" / "checkpoints").iterdir()] == ["step-2"]
    pretrain(run_config(), tmp_path / "full", resume=True)
    assert files(tmp_path / "full") == files(whole)


def test_a_disk_that_is_full_before_the_first_checkpoint_is_X609(run_config, tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(OSError, match="X609"):
        pretrain(run_config(), tmp_path / "file" / "run")


def test_a_folder_with_checkpoints_is_X610_without_resume(whole, run_config):
    before = files(whole)
    with pytest.raises(ValueError, match=r"X610.*step-6.*--resume"):
        pretrain(run_config(), whole)
    assert files(whole) == before


def test_overwrite_starts_anew_and_gives_what_a_new_folder_gives(whole, run_config, tmp_path):
    output = tmp_path / "run"
    pretrain(run_config(training__max_steps=2, training__seed=7), output)
    pretrain(run_config(), output, overwrite=True)
    assert files(output) == files(whole)


def test_overwrite_removes_nothing_for_an_encoder_that_is_not_there(whole, run_config):
    before = files(whole)
    with pytest.raises(ValueError, match="X301"):
        pretrain(run_config(paths__encoder="./no/such/folder"), whole, overwrite=True)
    assert files(whole) == before


def test_resume_and_overwrite_together_are_X717(whole, run_config):
    with pytest.raises(ValueError, match="X717"):
        pretrain(run_config(), whole, resume=True, overwrite=True)


def test_a_changed_config_is_X611_and_says_what_changed(whole, run_config):
    before = files(whole)
    config = run_config(masking__rate=0.3, training__max_steps=8)
    with pytest.raises(ValueError, match=r"X611.*masking\.rate \(was 0\.15, is 0\.3\), training\.max_steps"):
        pretrain(config, whole, resume=True)
    assert files(whole) == before


def test_a_checkpoint_of_another_model_is_X714(run_config, tmp_path):
    start = make_checkpoint("xlm-roberta", tmp_path / "start")
    config = run_config(paths__encoder=str(start), training__max_steps=2)
    pretrain(config, tmp_path / "run")
    make_checkpoint("xlm-roberta", start, num_hidden_layers=3)
    with pytest.raises(ValueError, match="X714"):
        pretrain(config, tmp_path / "run", resume=True)


def test_another_number_of_processes_is_X716(whole, run_config):
    (checkpoint,) = (whole / "checkpoints").iterdir()
    state = json.loads((checkpoint / "state.json").read_text())
    state["processes"] *= 2
    (checkpoint / "state.json").write_text(json.dumps(state))
    with pytest.raises(ValueError, match=r"X716.*Found 1 processes; expected 2"):
        pretrain(run_config(), whole, resume=True)


def losses_of(values):
    """A stand-in for the measurement that says these numbers, one after the other."""
    waiting = iter(values)
    return lambda module, heldout, padding: dict.fromkeys(heldout, next(waiting))


def test_the_best_encoder_is_that_of_the_lowest_held_out_loss(run_config, tmp_path, monkeypatch):
    with monkeypatch.context() as patch:
        patch.setattr(runs, "mean_losses", losses_of([3.0, 1.0, 2.0]))
        pretrain(run_config(), tmp_path / "run")
    four_steps = run_config(training__optimizer__learn_rate__total_steps=6, training__max_steps=4)
    pretrain(four_steps, tmp_path / "four")
    best = load_file(tmp_path / "run" / "model-best" / "model.safetensors")
    expected = load_file(tmp_path / "four" / "model-last" / "model.safetensors")
    assert all(torch.equal(best[name], expected[name]) for name in expected)


def test_patience_stops_the_run_and_resuming_does_not_go_on(run_config, tmp_path, monkeypatch):
    config = run_config(training__max_steps=20, training__patience=4)
    monkeypatch.setattr(runs, "mean_losses", losses_of([3.0, 2.0, 2.5, 2.0]))
    pretrain(config, tmp_path / "run")
    steps = [json.loads(line)["step"] for line in (tmp_path / "run" / "log.jsonl").read_text().splitlines()]
    assert steps == [2, 4, 6, 8]
    monkeypatch.setattr(Pretraining, "update", lambda run: pytest.fail("the run went on"))
    pretrain(config, tmp_path / "run", resume=True)


def test_without_held_out_text_the_last_encoder_is_the_result(run_config, tmp_path):
    last = pretrain(run_config(corpora__unlabelled__heldout_share=0.0), tmp_path / "run")
    assert last == tmp_path / "run" / "model-last"
    assert not (tmp_path / "run" / "model-best").exists()


def test_a_language_without_held_out_text_is_a_warning(run_config, tmp_path):
    config = run_config(corpora__unlabelled__heldout_share=0.0001)
    with pytest.warns(UserWarning, match=r"W701.*'de', 'en'"):
        pretrain(config, tmp_path / "run")


@pytest.fixture
def unknown_script(tmp_path):
    """Raw text of which BERT's tiny tokenizer knows no piece."""
    folder = tmp_path / "unknown"
    folder.mkdir()
    lines = "\n".join(f"{a}{b}" for a in "我的包裹迟到了" for b in "盒子坏了")
    (folder / "zh.txt").write_text(lines, encoding="utf-8")
    return folder


def test_a_language_in_an_unknown_script_is_not_measured(
    run_config, checkpoints, unknown_script, corpus, tmp_path
):
    for file in (corpus / "raw").iterdir():
        shutil.copy(file, unknown_script)
    changes = {"paths__encoder": str(checkpoints("bert")), "paths__unlabelled": str(unknown_script)}
    config = run_config(**changes, training__max_steps=2)
    with pytest.warns(UserWarning, match=r"W701.*\['zh'\]"):
        pretrain(config, tmp_path / "run")
    (row,) = map(json.loads, (tmp_path / "run" / "log.jsonl").read_text().splitlines())
    assert sorted(row["heldout"]) == ["de", "en"]


def test_text_in_an_unknown_script_alone_is_X713(run_config, checkpoints, unknown_script, tmp_path):
    changes = {"paths__encoder": str(checkpoints("bert")), "paths__unlabelled": str(unknown_script)}
    config = run_config(**changes, training__parallel_share=0.0)
    with (
        pytest.warns(UserWarning, match="W701"),
        pytest.raises(ValueError, match=r"X713.*Step 0.*spacy xling inspect"),
    ):
        pretrain(config, tmp_path / "run")


def test_tensorboard_gets_the_numbers_of_the_log(run_config, tmp_path):
    accumulator = pytest.importorskip("tensorboard.backend.event_processing.event_accumulator")
    pretrain(run_config(training__tensorboard=str(tmp_path / "board")), tmp_path / "run")
    board = accumulator.EventAccumulator(str(tmp_path / "board"))
    board.Reload()
    rows = [json.loads(line) for line in (tmp_path / "run" / "log.jsonl").read_text().splitlines()]
    assert [event.step for event in board.Scalars("loss")] == [2, 4, 6]
    assert [event.value for event in board.Scalars("heldout/de")] == pytest.approx(
        [row["heldout"]["de"] for row in rows]
    )
