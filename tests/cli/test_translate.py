"""`spacy xling translate` parses, calls and prints."""

import json
import sys

import pytest
import srsly
from typer.testing import CliRunner

from spacy_xling.cli import app
from spacy_xling.cli.translate import codes
from tests.conftest import TEXTS, write_raw
from tests.translation.checkpoints import make_seq2seq


@pytest.fixture(scope="module")
def nllb(tmp_path_factory):
    return make_seq2seq("nllb", tmp_path_factory.mktemp("nllb"))


def run(*arguments):
    return CliRunner().invoke(app, ["translate", *map(str, arguments)])


@pytest.fixture
def table(tmp_path):
    path = tmp_path / "texts.csv"
    path.write_text(f'Text,label,sprog\n"{TEXTS[0]}",late,\n"{TEXTS[2]}",late,de\n', encoding="utf-8")
    return path


def test_translate_writes_a_file_for_each_target_and_reports(nllb, table, tmp_path):
    out = tmp_path / "out"
    options = ("--text", "Text", "--lang", "sprog", "--from", "en=eng_Latn", "--beams", 1, "--no-retry")
    result = run(table, "--model", nllb, "--to", "da,zh=zho_Hans", "--output", out, *options)
    assert result.exit_code == 0, result.output
    found = list(srsly.read_jsonl(out / "zh.jsonl"))
    assert [(record["label"], record["sprog"], record["source_lang"]) for record in found] == [
        ("late", "zh", "en"),
        ("late", "zh", "de"),
    ]
    assert found[0]["source_text"] == TEXTS[0] != found[0]["Text"]
    rows = [line.split() for line in result.output.splitlines()]
    # Two texts of one sentence each, all in another script.
    assert ["da", "2", "2", "0"] in [row[:4] for row in rows]
    assert ["zh", "2", "2", "0"] in [row[:4] for row in rows]
    assert json.loads((out / "translation.json").read_text())["targets"]["zh"]["texts"] == 2


def test_raw_text_of_a_folder_goes_into_one_language(nllb, tmp_path):
    raw = write_raw(tmp_path / "raw", {"en": TEXTS[:2], "de": [TEXTS[2], " ", TEXTS[3]]})
    result = run(raw, "--model", nllb, "--to", "en", "--output", tmp_path / "out", "--beams", 1, "--no-retry")
    assert result.exit_code == 0, result.output
    found = list(srsly.read_jsonl(tmp_path / "out" / "en.jsonl"))
    assert [record["source_lang"] for record in found] == ["de", "de", "en", "en"]
    assert [record["text"] for record in found[2:]] == TEXTS[:2]
    assert "[W802]" in result.output
    assert "[W803]" in result.output


def test_languages_have_names_and_codes():
    assert codes("da, zh = zho_Hans,") == [("da", "da"), ("zh", "zho_Hans")]


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"--model": "no/such/folder"}, "X301"),
        ({"--model": "masked"}, "X801"),
        ({"--to": "tlh"}, "X802"),
        ({"--from": "tlh"}, "X802"),
        ({"--from": None}, "X803"),
        ({"--to": "a/b=dan_Latn"}, "X807"),
        ({"--to": ","}, "X811"),
        ({"--gpu-id": "7"}, "X809"),
        ({"--text": "nothing"}, "X114"),
    ],
)
def test_bad_input_is_one_line(nllb, checkpoint, table, tmp_path, changes, code):
    options = {"--model": nllb, "--to": "da", "--from": "en", "--text": "Text", "--output": tmp_path / "out"}
    options |= changes
    if options["--model"] == "masked":
        options["--model"] = checkpoint
    given = [part for name, value in options.items() if value is not None for part in (name, value)]
    result = run(table, *given)
    assert result.exit_code == 1
    assert f"[{code}]" in result.output
    assert "Traceback" not in result.output
    assert not (tmp_path / "out").exists()


def test_nothing_heavy_is_imported_for_the_help():
    # As tests/test_import.py has it of other commands.
    assert run("--help").exit_code == 0
    module = sys.modules["spacy_xling.cli.translate"]
    assert {"torch", "transformers"}.isdisjoint(vars(module))


def test_texts_come_back_to_their_language(nllb, table, tmp_path):
    fast = (
        "--from",
        "en",
        "--beams",
        1,
        "--no-retry",
        "--length-ratio",
        0.5,
        "--text",
        "Text",
        "--lang",
        "sprog",
    )
    out = tmp_path / "out"
    result = run(table, "--model", nllb, "--to", "da", "--output", out, "--round-trip", *fast)
    assert result.exit_code == 0, result.output
    found = list(srsly.read_jsonl(out / "da.jsonl"))
    assert [(record["sprog"], record["source_text"]) for record in found] == [
        ("en", TEXTS[0]),
        ("de", TEXTS[2]),
    ]
    assert found[0]["Text"] not in ("", TEXTS[0])
    # Which is the same as naming the model for the way back.
    again = run(table, "--model", nllb, "--to", "da", "--output", tmp_path / "again", "--back", nllb, *fast)
    assert again.exit_code == 0, again.output
    assert (tmp_path / "again" / "da.jsonl").read_bytes() == (out / "da.jsonl").read_bytes()
    broken = run(
        table, "--model", nllb, "--to", "da", "--output", tmp_path / "x", "--back", "no/such/one", *fast
    )
    assert "[X301]" in broken.output
    assert not (tmp_path / "x").exists()
