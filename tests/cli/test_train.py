"""`spacy xling train`, as a command."""

import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
import srsly
from spacy.cli._util import app
from typer.testing import CliRunner

from spacy_xling.cli import app as own_app
from spacy_xling.cli import train as module
from spacy_xling.resuming.checkpoints import Checkpoints, step_of
from tests.conftest import TEXTS
from tests.resuming.configs import JOINT, SPACY
from tests.resuming.runs import Work
from tests.test_import import HEAVY, top_imports


@pytest.fixture
def work(tmp_path):
    return make_work(SPACY, tmp_path)


def make_work(config, folder, encoder=None, **changes):
    made = Work(config, folder, encoder, **changes)
    (folder / "config.cfg").write_text(made.text, encoding="utf8")
    return made


def command(work, *options):
    overrides = [part for key, value in work.overrides.items() for part in (f"--{key}", str(value))]
    config = str(work.folder / "config.cfg")
    return ["train", config, "--output", str(work.output), *map(str, options), *overrides]


def invoke(work, *options):
    return CliRunner().invoke(app, ["xling", *command(work, *options)])


def test_it_trains_and_then_says_that_nothing_is_left_to_do(work):
    result = invoke(work, "--checkpoint-every", 3)
    assert result.exit_code == 0, result.output
    assert "Saved pipeline" in result.output
    # Of steps 0 to 9, the last that was evaluated or third in its row.
    assert (work.output / "checkpoints" / "step-8").is_dir()
    before = work.files()
    result = invoke(work, "--resume")
    assert result.exit_code == 0
    assert "is finished: nothing to do" in " ".join(result.output.split())
    assert work.files() == before


def test_the_console_script_has_the_command(work):
    result = CliRunner().invoke(own_app, command(work, "--training.max_steps", 1))
    assert result.exit_code == 0, result.output
    assert [row["step"] for row in work.rows()] == [0]


@pytest.mark.parametrize(("options", "code"), [((), "X610"), (("--checkpoint-every", 0, "--resume"), "X615")])
def test_an_error_is_one_line(work, options, code):
    assert invoke(work).exit_code == 0
    (work.output / "checkpoints" / "run.json").unlink()
    result = invoke(work, *options)
    assert result.exit_code == 1
    assert f"[{code}]" in result.output
    assert "Traceback" not in result.output


@pytest.mark.parametrize(
    ("options", "code"),
    [
        (("--nlp.lang", "a/b"), "E048"),
        (("--training.frozen_components", '["nobody"]'), "E001"),
        (("--training.accumulate_gradient", 0), "X603"),
        (("--training.accumulate_gradient", -1), "X603"),
        (("--training.eval_frequency", 0), "X603"),
        (("--training.dropout", 0), "X624"),
        (("--training.dropout", 1.5), "X624"),
    ],
)
def test_what_spacy_fails_by_is_one_line(work, options, code):
    result = invoke(work, *options)
    assert (result.exit_code, type(result.exception)) == (1, SystemExit)
    assert f"[{code}]" in result.output
    assert not (work.output / "model-last").exists()


def test_a_config_without_training_is_X623(work):
    path = work.folder / "config.cfg"
    path.write_text("[nlp]\nlang = xx\n", encoding="utf8")
    result = CliRunner().invoke(app, ["xling", "train", str(path), "--output", str(work.output)])
    assert (result.exit_code, type(result.exception)) == (1, SystemExit)
    assert "[X623]" in result.output


def test_a_gpu_that_cannot_be_used_is_X622(work, monkeypatch):
    def fail(use_gpu):
        raise ValueError("Cannot use GPU, CuPy is not installed")

    monkeypatch.setattr(module, "setup_gpu", fail)
    result = invoke(work, "--gpu-id", 7)
    assert (result.exit_code, type(result.exception)) == (1, SystemExit)
    assert "[X622]" in result.output


@pytest.mark.parametrize("content", [b"\x89PNG\r\n", "[nlp]".encode("utf-16"), None])
@pytest.mark.parametrize("name", ["train", "pretrain", "compare", "search"])
def test_a_config_that_is_no_text_is_X745(name, content, tmp_path):
    path = tmp_path / "config.cfg"
    path.mkdir() if content is None else path.write_bytes(content)
    result = CliRunner().invoke(app, ["xling", name, str(path), "--output", str(tmp_path / "output")])
    assert (result.exit_code, type(result.exception)) == (1, SystemExit)
    assert "[X745]" in result.output
    assert not (tmp_path / "output").exists()


def test_a_changed_setting_is_named(work):
    assert invoke(work).exit_code == 0
    (work.output / "checkpoints" / "run.json").unlink()
    result = invoke(work, "--resume", "--training.patience", 7)
    assert result.exit_code == 1
    assert "[X611]" in result.output
    assert "training.patience" in result.output


def test_code_is_imported_first(work, tmp_path):
    (tmp_path / "code.py").write_text(
        "import spacy\n"
        "@spacy.registry.callbacks('test_code_is_imported')\n"
        "def make():\n"
        "    return lambda nlp: nlp\n",
        encoding="utf8",
    )
    config = tmp_path / "config.cfg"
    block = '\n[training.before_to_disk]\n@callbacks = "test_code_is_imported"\n'
    config.write_text(work.text + block, encoding="utf8")
    result = invoke(work, "--code", tmp_path / "code.py", "--training.max_steps", 1)
    assert result.exit_code == 0, result.output


def test_an_invalid_config_is_shown_as_spacy_does(work):
    result = invoke(work, "--training.max_steps", "many")
    assert result.exit_code == 1
    assert "max_steps" in result.output
    assert "Traceback" not in result.output


def test_the_command_imports_nothing_heavy():
    assert {name.split(".")[0] for name in top_imports(Path(module.__file__))}.isdisjoint(HEAVY)


@pytest.mark.slow
def test_killed_at_random_moments_by_the_system_it_ends_as_if_never_killed(tmp_path, checkpoints, capsys):
    """Five processes are killed, wherever they are; the sixth comes to the end."""
    changes = {"training__max_steps": 100, "training__eval_frequency": 10}

    def make(name):
        (tmp_path / name).mkdir()
        work = make_work(JOINT, tmp_path / name, checkpoints("xlm-roberta"), **changes)
        lines = [{"text": text, "label": ("LATE", "REFUND")[n % 2]} for n, text in enumerate(TEXTS * 3)]
        srsly.write_jsonl(work.folder / "train.jsonl", lines)
        return work

    whole = make("whole")
    finish(start(whole))
    work = make("killed")
    chance = random.Random(0)
    # The first process dies before its first checkpoint.
    reached = []
    for step in [-1, *sorted(chance.sample(range(75), 4))]:
        process = start(work, "--resume")
        while last_step(work) < step and process.poll() is None:
            time.sleep(0.01)
        time.sleep(chance.uniform(0, 0.5))
        assert process.poll() is None, process.communicate()[0].decode()
        process.send_signal(signal.SIGKILL)
        process.communicate()
        reached.append(last_step(work))
    finish(start(work, "--resume"))
    with capsys.disabled():
        print(f"\nlast checkpoints of five processes that were killed: {reached}")
    assert work.result() == whole.result()


def start(work, *options):
    arguments = [sys.executable, "-m", "spacy", "xling", *command(work, "--checkpoint-every", 4, *options)]
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    return subprocess.Popen(arguments, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, env=environment)


def finish(process):
    output, _ = process.communicate(timeout=600)
    assert process.returncode == 0, output.decode()


def last_step(work):
    latest = Checkpoints(work.output / "checkpoints").latest()
    return -1 if latest is None else step_of(latest)
