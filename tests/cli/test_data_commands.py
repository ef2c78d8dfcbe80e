"""`convert`, `debug-data`, `init-config` and `evaluate`: parse, call, print."""

import json

import pytest
import spacy
from spacy.language import Language
from spacy.tokens import DocBin
from spacy.util import load_config
from typer.testing import CliRunner

from spacy_xling.cli import app
from spacy_xling.data.labelled import LabelledText
from tests.conftest import TEXTS, write_raw


@pytest.fixture
def table(tmp_path):
    """A table of texts whose columns have names of their own."""
    rows = ["Nachricht,Klasse", *(f'"{text} {n}",{"ab"[n % 2]}' for n, text in enumerate(TEXTS * 4))]
    path = tmp_path / "meine Daten.csv"
    path.write_text("\n".join(rows), encoding="utf-8")
    return path


def run(*arguments):
    return CliRunner().invoke(app, [str(argument) for argument in arguments])


FIELDS = ("--text", "Nachricht", "--label", "Klasse", "--language", "en")


def test_convert_takes_the_columns_names_and_the_language(table, tmp_path):
    result = run("convert", table, tmp_path / "out.spacy", *FIELDS)
    assert result.exit_code == 0, result.output
    assert f"out.spacy: {len(TEXTS) * 4}" in result.output
    docs = list(DocBin().from_disk(tmp_path / "out.spacy").get_docs(spacy.blank("xx").vocab))
    assert [(doc.text, doc.cats, doc._.language) for doc in docs[:2]] == [
        (f"{TEXTS[0]} 0", {"a": 1.0}, "en"),
        (f"{TEXTS[1]} 1", {"b": 1.0}, "en"),
    ]


def test_convert_splits_into_a_folder(table, tmp_path):
    shares = ("--dev-share", 0.25, "--test-share", 0.25)
    result = run("convert", table, tmp_path / "out", *FIELDS, *shares, "--kind", "tsv")
    assert result.exit_code == 0, result.output
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == ["dev.tsv", "test.tsv", "train.tsv"]


def test_init_config_writes_a_config_that_spacy_loads_and_says_why(table, checkpoint, tmp_path):
    run("convert", table, tmp_path / "train.spacy", *FIELDS)
    raw = write_raw(tmp_path / "raw", {"da": TEXTS[4:6]})
    config = tmp_path / "my config.cfg"
    options = ("--unlabelled", raw, "--encoder", checkpoint, "--dev", tmp_path / "train.spacy")
    result = run("init-config", config, "--labelled", tmp_path / "train.spacy", *options)
    assert result.exit_code == 0, result.output
    assert "raw text of da" in result.output
    assert "the encoder is 32 wide" in result.output
    loaded = load_config(config, interpolate=True)
    assert loaded["corpora"]["train"]["path"] == str(tmp_path / "train.spacy")
    assert loaded["components"]["xling_textcat"]["objective"]["mlm_weight"] == 0.1
    again = run("init-config", config, "--labelled", tmp_path / "train.spacy", *options)
    assert again.exit_code == 1
    assert "[X142]" in again.output


def test_init_config_for_a_shared_transformer(table, checkpoint, tmp_path):
    run("convert", table, tmp_path / "train.spacy", *FIELDS)
    raw = write_raw(tmp_path / "raw", {"da": TEXTS[4:6]})
    options = ("--labelled", tmp_path / "train.spacy", "--encoder", checkpoint, "--mode", "shared")
    result = run("init-config", tmp_path / "my.cfg", *options, "--unlabelled", raw)
    assert result.exit_code == 0, result.output
    assert "no entities" in result.output
    loaded = load_config(tmp_path / "my.cfg", interpolate=True)
    assert loaded["nlp"]["pipeline"] == ["transformer", "xling_mlm", "textcat"]
    without = run("init-config", tmp_path / "other.cfg", *options)
    assert without.exit_code == 1
    assert "[X742]" in without.output


def test_debug_data_prints_counts_and_findings(table, tmp_path):
    run("convert", table, tmp_path / "train.jsonl", *FIELDS)
    raw = write_raw(tmp_path / "raw", {"da": TEXTS[4:6]})
    result = run(
        "debug-data", tmp_path / "train.jsonl", "--test", tmp_path / "train.jsonl", "--unlabelled", raw
    )
    assert result.exit_code == 0, result.output
    rows = [line.split() for line in result.output.splitlines()]
    n = len(TEXTS) * 4
    assert ["a", str(n // 2), str(n // 2)] in rows
    assert ["texts", str(n), str(n)] in rows
    assert ["da", "2"] in rows
    assert f"{n} texts are in train too" in result.output
    assert "No raw text of en" in result.output


@Language.component("test_always_a")
def always_a(doc):
    """A classifier with one answer."""
    doc.cats = {"a": 1.0, "b": 0.0}
    return doc


def test_evaluate_prints_languages_by_pipelines(tmp_path):
    for name in ("one", "two"):
        nlp = spacy.blank("xx")
        nlp.add_pipe("test_always_a")
        (tmp_path / name).mkdir()
        nlp.to_disk(tmp_path / name / "model-best")
    rows = [("x", "a", "en"), ("y", "b", "en"), ("z", "a", "da"), ("z", "b", "de")]
    (tmp_path / "test.jsonl").write_text(
        "\n".join(json.dumps(dict(zip(("text", "label", "lang"), row, strict=True))) for row in rows)
    )
    models = [tmp_path / name / "model-best" for name in ("one", "two")]
    result = run("evaluate", *models, tmp_path / "test.jsonl", "--json", tmp_path / "new" / "scores.json")
    assert result.exit_code == 0, result.output
    lines = [line.split() for line in result.output.splitlines() if line.strip()]
    assert lines[0] == ["language", "texts", "one", "two"]
    assert lines[2:5] == [
        ["en", "2", "50.0", "50.0"],
        ["da", "1", "100.0", "100.0"],
        ["de", "1", "0.0", "0.0"],
    ]
    assert lines[-1] == ["mean", "of", "the", "targets", "50.0", "50.0"]
    assert json.loads((tmp_path / "new" / "scores.json").read_text())["two"]["da"]["accuracy"] == 1.0


def test_evaluate_reads_the_text_once(tmp_path, monkeypatch):
    nlp = spacy.blank("xx")
    nlp.add_pipe("test_always_a")
    models = [tmp_path / name for name in ("one", "two", "three")]
    for model in models:
        nlp.to_disk(model)
    (tmp_path / "test.jsonl").write_text(json.dumps({"text": "x", "label": "a"}))
    read = []
    call = LabelledText.__call__
    monkeypatch.setattr(LabelledText, "__call__", lambda self, nlp: read.append(self.path) or call(self, nlp))
    result = run("evaluate", *models, tmp_path / "test.jsonl")
    assert result.exit_code == 0, result.output
    assert read == [tmp_path / "test.jsonl"]


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        (["convert", "{table}", "{tmp}/out.spacy"], "X114"),
        (["convert", "{tmp}/none.csv", "{tmp}/out.spacy"], "X106"),
        (["convert", "{table}", "{tmp}/out", *FIELDS, "--dev-share", "1.5"], "X136"),
        (["convert", "{table}", "{table}", *FIELDS, "--dev-share", "0.1"], "X145"),
        (["debug-data", "{tmp}/none.csv"], "X106"),
        (["init-config", "{tmp}/my.cfg", "--labelled", "{tmp}/none.csv"], "X106"),
        (["evaluate", "{tmp}/none", "{tmp}/none.csv"], "X106"),
        (["evaluate", "{tmp}/none", "{tmp}/texts.jsonl", "--json", "{tmp}"], "X145"),
        (["evaluate", "{tmp}/none", "{tmp}/texts.jsonl"], "X751"),
    ],
)
def test_an_error_is_one_line(arguments, code, table, tmp_path):
    (tmp_path / "texts.jsonl").write_text(json.dumps({"text": "x", "label": "a"}))
    result = run(*(argument.format(table=table, tmp=tmp_path) for argument in arguments))
    assert result.exit_code == 1
    assert f"[{code}]" in result.output
    assert "Traceback" not in result.output
