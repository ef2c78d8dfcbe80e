"""`spacy xling trim` parses, trims, prints and writes."""

import json

import pytest
from transformers import AutoModelForMaskedLM, AutoTokenizer
from typer.testing import CliRunner

from spacy_xling.cli.app import spacy_app
from tests.conftest import TEXTS


@pytest.fixture
def raw(tmp_path):
    folder = tmp_path / "raw"
    folder.mkdir()
    (folder / "en.txt").write_text("\n".join(TEXTS[:2]), encoding="utf8")
    lines = [json.dumps({"body": text}) for text in TEXTS[4:6]]
    (folder / "da.jsonl").write_text("\n".join(lines), encoding="utf8")
    return folder


def trim(*arguments):
    return CliRunner().invoke(spacy_app, ["xling", "trim", *map(str, arguments)])


def test_trim_writes_a_folder_and_reports(checkpoint, raw, tmp_path):
    output, file = tmp_path / "output", tmp_path / "report.json"
    result = trim(checkpoint, raw, "--output", output, "--field", "body", "--json", file)
    assert result.exit_code == 0, result.output
    report = json.loads(file.read_text())
    tokenizer = AutoTokenizer.from_pretrained(output)
    assert report["encoder"] == str(checkpoint)
    assert report["after"]["pieces"] == len(tokenizer) < report["before"]["pieces"]
    model = AutoModelForMaskedLM.from_pretrained(output)
    assert report["after"]["parameters"] == sum(p.numel() for p in model.parameters())
    found = [(row["language"], row["texts"], row["changed"]) for row in report["languages"]]
    assert found == [("da", 2, 0), ("en", 2, 0)]
    rows = [line.split() for line in result.output.splitlines()]
    assert ["pieces", str(report["before"]["pieces"]), str(len(tokenizer))] in [row[:3] for row in rows]
    assert ["da", "2", "0", "0.00", "%"] in [row[:5] for row in rows]


def test_the_model_card_says_what_was_done(checkpoint, raw, tmp_path):
    output = tmp_path / "output"
    assert trim(checkpoint, raw, "-o", output, "--field", "body", "-n", 40).exit_code == 0
    card = (output / "README.md").read_text(encoding="utf8")
    data, text = card.removeprefix("---\n").split("---\n", 1)
    assert "library_name: transformers" in data
    assert "- da" in data
    # A local folder is no name on the hub, and its path is nobody's business.
    assert "base_model" not in data
    assert str(checkpoint.parent) not in card
    assert f"# {checkpoint.name}, trimmed" in text
    assert "at most 40 pieces" in text
    assert "| 40 |" in text


def test_only_some_languages_are_read(checkpoint, raw, tmp_path):
    file = tmp_path / "report.json"
    result = trim(checkpoint, raw, "-o", tmp_path / "output", "--languages", "en", "--json", file)
    assert result.exit_code == 0, result.output
    assert [row["language"] for row in json.loads(file.read_text())["languages"]] == ["en"]


def test_a_single_file_may_have_a_language(checkpoint, raw, tmp_path):
    file = tmp_path / "report.json"
    texts = raw / "en.txt"
    for n, options in enumerate((["--language", "en"], [])):
        result = trim(checkpoint, texts, "-o", tmp_path / f"output{n}", "--json", file, *options)
        assert result.exit_code == 0, result.output
        languages = [row["language"] for row in json.loads(file.read_text())["languages"]]
        assert languages == (["en"] if options else ["-"])


@pytest.mark.parametrize(
    ("options", "code"),
    [
        (["--languages", "fi"], "X130"),
        (["--field", "nothing"], "X114"),
        (["--field", "body", "--max-pieces", "3"], "X721"),
        (["--field", "body", "--min-count", "0"], "X722"),
        (["--field", "body", "--alpha", "7"], "X102"),
    ],
)
def test_an_error_is_one_line(options, code, checkpoint, raw, tmp_path):
    result = trim(checkpoint, raw, "--output", tmp_path / "output", *options)
    assert result.exit_code == 1
    assert f"[{code}]" in result.output
    assert "Traceback" not in result.output
    assert not (tmp_path / "output").exists()


def test_a_full_output_folder_is_left_alone(checkpoint, raw, tmp_path):
    result = trim(checkpoint, raw, "--output", raw)
    assert result.exit_code == 1
    assert "[X706]" in result.output
    assert sorted(path.name for path in raw.iterdir()) == ["da.jsonl", "en.txt"]


def test_an_encoder_that_is_not_there_is_one_line(raw, tmp_path):
    result = trim(tmp_path / "nothing", raw, "--output", tmp_path / "output")
    assert result.exit_code == 1
    assert "[X301]" in result.output


def test_a_report_that_cannot_be_written_is_told_before_the_work(checkpoint, raw, tmp_path):
    for file, code in (
        (raw, "X145"),
        (raw / "en.txt" / "report.json", "X145"),
        (tmp_path / ("n" * 256), "X161"),
    ):
        result = trim(checkpoint, raw, "-o", tmp_path / "output", "--field", "body", "--json", file)
        assert result.exit_code == 1
        assert f"[{code}]" in result.output
    assert not (tmp_path / "output").exists()
    new = tmp_path / "new" / "report.json"
    assert trim(checkpoint, raw, "-o", tmp_path / "output", "--field", "body", "--json", new).exit_code == 0
    assert json.loads(new.read_text())["encoder"] == str(checkpoint)
