"""`spacy xling apply` parses, calls and prints."""

import json

import pytest
from typer.testing import CliRunner

from spacy_xling.cli import app
from tests.conftest import TEXTS
from tests.exporting.pipelines import make_pipeline


@pytest.fixture(scope="module")
def model(checkpoints, tmp_path_factory):
    folder = tmp_path_factory.mktemp("model")
    make_pipeline(checkpoints("xlm-roberta")).to_disk(folder)
    return folder


def run(*arguments):
    return CliRunner().invoke(app, ["apply", *map(str, arguments)])


def test_options_name_columns_and_languages_and_bad_lines_go_to_a_file(model, tmp_path):
    data = tmp_path / "t.tsv"
    data.write_text(f"Text\tsprog\n{TEXTS[0]}\t\n{TEXTS[1]}\ten\nbad\n", encoding="utf-8")
    options = ("--text", "Text", "--lang", "sprog", "--language", "da", "--prefix", "p_")
    more = ("--scores", "--batch-size", 2, "--no-quotes", "--rejects", tmp_path / "bad.jsonl")
    result = run(model, data, tmp_path / "o.tsv", *options, *more)
    assert result.exit_code == 0, result.output
    lines = (tmp_path / "o.tsv").read_text(encoding="utf-8").splitlines()
    header, *rows = [line.split("\t") for line in lines]
    assert header == ["Text", "sprog", "p_label", "p_score", "p_scores", "p_language", "p_abstained"]
    assert [row[0] for row in rows] == TEXTS[:2]
    assert [row[5] for row in rows] == ["da", "en"]
    # Quotes are text.
    assert [max(scores, key=scores.get) for scores in (json.loads(row[4]) for row in rows)] == [
        row[2] for row in rows
    ]
    assert "Saved 2 texts" in result.output
    assert "1 lines could not be read or scored" in result.output


def test_a_bad_line_is_one_line_and_resume_goes_on(model, tmp_path):
    data = tmp_path / "t.jsonl"
    data.write_text(json.dumps({"text": TEXTS[0]}) + '\n{"text": 1}\n', encoding="utf-8")
    output = tmp_path / "o.jsonl"
    result = run(model, data, output)
    assert result.exit_code == 1
    # A terminal's width breaks it.
    (message,) = " ".join(result.output.split()).split("✘")[1:]
    assert message.startswith(" [X115]")
    assert "t.jsonl, line 2" in message
    result = run(model, data, output, "--resume", "--rejects", tmp_path / "bad.jsonl")
    assert result.exit_code == 0, result.output
    assert len(output.read_text(encoding="utf-8").splitlines()) == 1


def test_what_is_no_pipeline_engine_or_shard_is_one_line(model, tmp_path):
    data = tmp_path / "t.jsonl"
    data.write_text(json.dumps({"text": TEXTS[0]}) + "\n", encoding="utf-8")
    for code, arguments in {
        "X751": (tmp_path / "none", data, tmp_path / "o.jsonl"),
        "X106": (model, tmp_path / "none.jsonl", tmp_path / "o.jsonl"),
        "X908": (model, data, tmp_path / "o.csv"),
        "X910": (model, data, tmp_path / "o.jsonl", "--shard", "3/2"),
        "X915": (model, data, tmp_path / "o.jsonl", "--address", "auto"),
    }.items():
        result = run(*arguments)
        assert result.exit_code == 1, code
        assert [code in line for line in result.output.splitlines() if "[X" in line] == [True]
