"""No work is lost because its output can't be printed."""

import io
import json
import os
import subprocess
import sys

import pytest
import spacy
import srsly
from typer.testing import CliRunner

from spacy_xling.cli import app
from spacy_xling.cli.app import patient_output
from tests.conftest import TEXTS, make_examples, textcat_config, write_raw

JAPANESE = ["荷物が届きません。", "お金を返してください。", "箱が壊れていました。", "注文はどこですか。"]
LABELS = {"遅れ": 1.0, "返金": 0.0}


@pytest.fixture(scope="module")
def folder(tmp_path_factory, checkpoints):
    """A pipeline, labelled and raw text in Japanese, with Japanese labels."""
    folder = tmp_path_factory.mktemp("文書")
    rows = [
        {"text": text, "label": list(LABELS)[n % 2], "lang": "日本語"} for n, text in enumerate(JAPANESE * 8)
    ]
    srsly.write_jsonl(folder / "test.jsonl", rows)
    write_raw(folder / "raw", {"日本語": [*TEXTS, *JAPANESE] * 4})
    nlp = spacy.blank("xx")
    nlp.add_pipe("xling_textcat", config=textcat_config(checkpoints("xlm-roberta")))
    nlp.initialize(lambda: make_examples(nlp, [(text, LABELS) for text in JAPANESE]))
    nlp.to_disk(folder / "model")
    (folder / "encoder").symlink_to(checkpoints("xlm-roberta"))
    return folder


COMMANDS = {
    "evaluate": "evaluate {f}/model {f}/test.jsonl --source 日本語 --resamples 0 --json {o}/made.json",
    "calibrate": "calibrate {f}/model {f}/test.jsonl --output {o}/made --by-language",
    "convert": "convert {f}/test.jsonl {o}/made.csv",
    "debug-data": "debug-data {f}/test.jsonl --unlabelled {f}/raw",
    "init-config": "init-config {o}/made.cfg --labelled {f}/test.jsonl --encoder {f}/encoder",
    "inspect": "inspect {f}/encoder {f}/raw --source 日本語 --json {o}/made.json",
    "preview-masks": "preview-masks {f}/encoder {f}/raw",
    "trim": "trim {f}/encoder {f}/raw --output {o}/made",
}


def command(name, folder, output):
    return [word.format(f=folder, o=output) for word in COMMANDS[name].split()]


def made(folder):
    return {path.name.split(".")[0] for path in folder.iterdir()}


@pytest.mark.parametrize("name", COMMANDS)
def test_what_the_encoding_lacks_is_replaced(name, folder, tmp_path):
    result = CliRunner(charset="cp1252").invoke(app, command(name, folder, tmp_path))
    assert result.exit_code == 0, result.output
    assert "?" in result.output
    assert made(tmp_path) == ({"made"} if "{o}" in COMMANDS[name] else set())


@pytest.mark.parametrize("name", COMMANDS)
def test_a_reader_that_has_gone_ends_no_command(name, folder, tmp_path, monkeypatch):
    reading, writing = os.pipe()
    os.close(reading)
    with os.fdopen(writing, "w", buffering=1) as closed:
        monkeypatch.setattr(sys, "stdout", closed)
        assert app(command(name, folder, tmp_path), standalone_mode=False) in (None, 0)
    assert made(tmp_path) == ({"made"} if "{o}" in COMMANDS[name] else set())


def test_the_same_from_a_shell(folder, tmp_path):
    words = [f"'{word}'" for word in command("evaluate", folder, tmp_path)]
    spacy_xling = f"'{sys.executable}' -m spacy xling"
    line = f"{spacy_xling} {' '.join(words)} | true; exit ${{PIPESTATUS[0]}}"
    environment = {**os.environ, "PYTHONIOENCODING": "cp1252"}
    result = subprocess.run(["bash", "-c", line], capture_output=True, env=environment, timeout=300)
    assert (result.returncode, result.stderr) == (0, b"")
    assert json.loads((tmp_path / "made.json").read_text(encoding="utf8"))


def test_half_a_character_is_replaced_in_utf8_too(monkeypatch):
    stream = io.TextIOWrapper(io.BytesIO(), encoding="utf8")
    monkeypatch.setattr(sys, "stdout", stream)
    with patient_output():
        print("a\ud83db")
    assert sys.stdout is stream
    assert stream.buffer.getvalue() == b"a?b\n"


@pytest.mark.parametrize("name", ["evaluate", "calibrate", "inspect", "trim"])
def test_what_was_found_is_printed_where_its_file_cannot_be_written(name, folder, tmp_path, monkeypatch):
    def refuse(path):
        raise OSError(28, "No space left on device")

    words = command(name, folder, tmp_path)
    if name == "trim":
        words += ["--json", str(tmp_path / "report.json")]
        monkeypatch.setattr("spacy_xling.writing.write_file", lambda path, content: refuse(path))
    else:
        monkeypatch.setattr("spacy_xling.writing.flush", refuse)
    result = CliRunner().invoke(app, words)
    assert result.exit_code == 1
    assert "language" in result.output or "pieces" in result.output
    assert "No space left" in result.output + str(result.exception)


@pytest.mark.parametrize("closed", ["stdout", "stderr"])
def test_a_stream_that_is_closed_from_the_start_is_left_alone(closed, folder, tmp_path, monkeypatch):
    monkeypatch.setattr(sys, closed, None)
    assert app(command("convert", folder, tmp_path), standalone_mode=False) in (None, 0)
    assert made(tmp_path) == {"made"}


def test_output_that_a_full_disk_loses_is_said_at_the_end(folder, tmp_path, monkeypatch, capsys):
    with open("/dev/full", "w", buffering=1) as full:
        monkeypatch.setattr(sys, "stdout", full)
        with pytest.raises(SystemExit) as ended:
            app(command("convert", folder, tmp_path), standalone_mode=False)
    assert ended.value.code == 1
    assert made(tmp_path) == {"made"}
    assert "[X004]" in capsys.readouterr().err
