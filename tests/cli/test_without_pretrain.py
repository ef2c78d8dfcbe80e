"""Without the extra `pretrain`: the commands that need it name it, and the others run."""

import json
import sys

import pytest
from typer.testing import CliRunner

from spacy_xling.cli import app
from spacy_xling.models.checkpoint import load_encoder
from tests.conftest import PRETRAIN_CONFIG, run_python
from tests.resuming.configs import JOINT
from tests.resuming.runs import Work

EXTRA = "pip install 'spacy-xling[pretrain]'"
# As if the libraries weren't installed, which transformers imports where they are.
WITHOUT = """
import json, sys
sys.modules.update(dict.fromkeys(["accelerate", "sklearn"]))
import spacy_xling.cli
from spacy.cli import app
for command in json.loads(sys.argv[1]):
    assert not app(command, standalone_mode=False)
"""


def message(*arguments):
    result = CliRunner().invoke(app, list(map(str, arguments)))
    assert result.exit_code == 1
    assert "Traceback" not in result.output
    return " ".join(result.output.split())


def test_pretrain_names_the_extra_before_any_work(monkeypatch, tmp_path):
    monkeypatch.setitem(sys.modules, "accelerate", None)
    for module in ("accelerating", "pretraining", "saved_run", "runs"):
        monkeypatch.delitem(sys.modules, f"spacy_xling.pretraining.{module}", raising=False)
    found = message("pretrain", PRETRAIN_CONFIG, "--output", tmp_path / "run", "--paths.encoder", "nowhere")
    assert "[X748] accelerate" in found
    assert EXTRA in found


@pytest.mark.parametrize("module", ["sklearn", "sklearn.utils.extmath"])
def test_aligning_names_the_extra_before_any_work(module, corpus, monkeypatch, tmp_path):
    monkeypatch.setitem(sys.modules, module, None)
    monkeypatch.setattr("spacy_xling.encoders.initialising.train_tokenizer", None)
    options = ("--output", tmp_path / "made", "--parallel", corpus / "parallel")
    found = message("init-encoder", corpus / "raw", *options)
    assert "[X748] scikit-learn" in found
    assert "--parallel" in found
    assert EXTRA in found
    assert list(tmp_path.iterdir()) == []


def test_the_other_commands_run(checkpoint, corpus, tmp_path):
    work = Work(JOINT, tmp_path, checkpoint, **{"training.max_steps": 1})
    (tmp_path / "config.cfg").write_text(work.text, encoding="utf8")
    overrides = [part for key, value in work.overrides.items() for part in (f"--{key}", value)]
    raw, shape = corpus / "raw", ("--preset", "tiny", "--pieces", 150, "--tokenizer", "wordpiece")
    commands = [
        ("xling", "inspect", checkpoint, raw, "--parallel", corpus / "parallel"),
        ("xling", "trim", checkpoint, raw, "--output", tmp_path / "trimmed"),
        ("xling", "init-encoder", raw, "--output", tmp_path / "made", *shape),
        ("train", tmp_path / "config.cfg", "--output", tmp_path / "trained", *overrides),
    ]
    run_python("-c", WITHOUT, json.dumps([list(map(str, command)) for command in commands]))
    for folder in ("trimmed", "made"):
        load_encoder(str(tmp_path / folder))
    assert (tmp_path / "trained" / "model-last").is_dir()
