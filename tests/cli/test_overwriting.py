"""No command that replaces a folder or a file replaces what it reads, and none refuses to replace what it has
written itself.
"""

import json
import shutil

import pytest
from typer.testing import CliRunner

from spacy_xling.cli import app
from tests.conftest import GERMAN, PRETRAIN_CONFIG, SINGLE, TEXTS
from tests.exporting.pipelines import make_unsaturated

# Of each command: what it would replace, and its arguments, one of which reads that, a part of it, or what it
# is a part of.
COMMANDS = {
    "calibrate the model": ("model", "calibrate {model} {texts} -o {model} --overwrite"),
    "calibrate by what the output holds": (
        "other",
        "calibrate {model} {other}/texts.jsonl -o {other} --overwrite",
    ),
    "calibrate centred by what the output holds": (
        "other",
        "calibrate {model} {texts} -o {other} --overwrite --centre --unlabelled {other}/raw",
    ),
    "export": ("model", "export {model} -o {model} --overwrite"),
    "export to a part": (
        "model/xling_textcat/model",
        "export {model} -o {model}/xling_textcat/model --format transformers --overwrite",
    ),
    "import": ("other", "import-transformers {other}/xling_textcat/model -o {other} --overwrite"),
    "trim": ("encoder", "trim {encoder} {texts} -o {encoder} --overwrite"),
    "trim to what the output holds": (
        "encoder",
        "trim {model}/xling_textcat/model {encoder}/raw -o {encoder} --overwrite",
    ),
    "init-encoder": ("encoder", "init-encoder {encoder}/raw -o {encoder} --overwrite"),
    "init-encoder of a config": (
        "encoder",
        "init-encoder {texts} -o {encoder} --overwrite --config {encoder}/config.json",
    ),
    "init-encoder aligned": (
        "encoder",
        "init-encoder {texts} -o {encoder} --overwrite --parallel {encoder}/parallel",
    ),
    "pretrain": (
        "run/model-last",
        "pretrain {config} -o {run} --overwrite --paths.encoder {run}/model-last --paths.unlabelled {texts}",
    ),
    "pretrain without --overwrite": (
        "run/model-last",
        "pretrain {config} -o {run} --paths.encoder {run}/model-last --paths.unlabelled {texts}",
    ),
    "convert": ("texts.jsonl", "convert {texts} {texts} --overwrite"),
    "convert in parts": ("parts", "convert {parts} {parts} --dev-share 0.1 --overwrite"),
}

PRETRAIN = (
    "pretrain {config} -o {encoder}/adapted --paths.encoder {encoder} --paths.unlabelled . "
    "--training.batch_pieces 100 --training.max_steps 2 --training.eval_frequency 2 "
    "--training.heldout_texts 0"
)
# In a folder of texts: a command that writes into a folder that it reads, but nothing of what it reads, and
# what it is given in addition when it is called again.
AGAIN = {
    "calibrate": ("calibrate {model} . -o calibrated", "--overwrite"),
    "trim": ("trim {encoder} . -o trimmed --json trimmed.json", "--overwrite"),
    "trim beside the checkpoint's files": ("trim {encoder} {texts} -o {encoder}/trimmed", "--overwrite"),
    "init-encoder": ("init-encoder . -o encoder --preset tiny --pieces 150", "--overwrite"),
    "convert": ("convert . parts/train.spacy", "--overwrite"),
    "convert in parts": ("convert . parts --dev-share 0.3", "--overwrite"),
    "evaluate": ("evaluate {model} . --json scores.json --html scores.html --resamples 20", ""),
    "pretrain": (PRETRAIN, "--overwrite"),
    "pretrain continues": (PRETRAIN, "--resume"),
}


@pytest.fixture
def places(checkpoint, tmp_path):
    """A pipeline, another with texts in its folder, an encoder with texts in its, a run, and texts."""
    make_unsaturated(checkpoint, head="native").to_disk(tmp_path / "model")
    lines = [json.dumps({"text": text, "label": max(cats, key=cats.get)}) for text, cats in SINGLE]
    (tmp_path / "texts.jsonl").write_text("\n".join(lines), encoding="utf8")
    shutil.copytree(tmp_path / "model", tmp_path / "other")
    shutil.copytree(checkpoint, tmp_path / "encoder")
    shutil.copytree(checkpoint, tmp_path / "run" / "model-last")
    for folder in ("other", "encoder"):
        (tmp_path / folder / "raw").mkdir()
        (tmp_path / folder / "raw" / "de.txt").write_text("\n".join(TEXTS), encoding="utf8")
    (tmp_path / "encoder" / "parallel").mkdir()
    (tmp_path / "encoder" / "parallel" / "en-de.tsv").write_text("late\tspät\n", encoding="utf8")
    shutil.copy(tmp_path / "texts.jsonl", tmp_path / "other")
    (tmp_path / "parts").mkdir()
    for part in ("train", "dev"):
        shutil.copy(tmp_path / "texts.jsonl", tmp_path / "parts" / f"{part}.spacy")
    names = ("model", "other", "encoder", "run", "parts")
    return {
        **{name: tmp_path / name for name in names},
        "texts": tmp_path / "texts.jsonl",
        "config": PRETRAIN_CONFIG,
    }


def contents(folder):
    return {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}


@pytest.mark.parametrize("name", COMMANDS)
def test_what_is_read_is_not_replaced(name, places, tmp_path):
    replaced, command = COMMANDS[name]
    before = contents(tmp_path)
    assert (tmp_path / replaced).exists()
    result = CliRunner().invoke(app, [word.format(**places) for word in command.split()])
    assert result.exit_code == 1, result.output
    assert "[X173]" in result.output
    assert "Traceback" not in result.output
    assert contents(tmp_path) == before


@pytest.mark.parametrize("name", AGAIN)
def test_what_a_command_has_written_is_replaced(name, places, tmp_path, monkeypatch):
    folder = tmp_path / "data"
    folder.mkdir()
    shutil.copy(places["texts"], folder / "en.jsonl")
    raw = "\n".join(text.format(number) for number in range(20) for text in GERMAN)
    (folder / "de.txt").write_text(raw, encoding="utf8")
    before = contents(tmp_path)
    monkeypatch.chdir(folder)
    command, again = AGAIN[name]
    for more in ("", again):
        result = CliRunner().invoke(app, [word.format(**places) for word in f"{command} {more}".split()])
        assert result.exit_code == 0, result.output
    assert contents(tmp_path).items() > before.items()
