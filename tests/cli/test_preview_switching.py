"""`spacy xling preview-switching` parses, switches and prints."""

import json
import re

import pytest
from typer.testing import CliRunner

from spacy_xling.cli import app
from spacy_xling.dictionaries.reader import build_dictionaries_v1
from spacy_xling.switching.code_switching import build_code_switching_v1
from spacy_xling.switching.previewing import preview_switching

ANSI = re.compile(r"\x1b\[[0-9;]*m")


@pytest.fixture
def labelled(tmp_path):
    texts = [f"Parcel {n}, I want my money back: it's late." for n in range(20)]
    records = [{"text": text, "label": "A", "lang": "en"} for text in texts]
    path = tmp_path / "texts.jsonl"
    path.write_text("\n".join(map(json.dumps, records)), encoding="utf-8")
    return path


@pytest.fixture
def dictionaries(tmp_path):
    folder = tmp_path / "dictionaries"
    folder.mkdir()
    (folder / "en-da.tsv").write_text("parcel\tpakke\nmoney back\tpengene tilbage\n", encoding="utf-8")
    (folder / "en-de.tsv").write_text("parcel\tPaket\nlate\tspät\nmoney\tGeld\n", encoding="utf-8")
    return folder


def run(*arguments, **settings):
    return CliRunner().invoke(app, ["preview-switching", *map(str, arguments)], **settings)


def test_a_text_is_shown_with_what_stood_there(tmp_path, labelled, dictionaries):
    result = run(labelled, dictionaries / "en-da.tsv", "--n", 1)
    assert result.exit_code == 0, result.output
    assert not ANSI.search(result.output)
    now, words, blank = result.output.splitlines()
    number = re.findall(r"\d+", now)[0]
    assert now == f"Pakke {number}, I want my pengene tilbage: it's late."
    assert words == f"[da pakke<-Parcel] {number} I want my [da pengene tilbage<-money back] it's late"
    assert blank == ""


def test_options_are_passed_on(labelled, dictionaries):
    options = ["--n", 4, "--share", 0.7, "--rate", 0.6, "--by", "word", "--alpha", 1, "--seed", 3]
    result = run(labelled, dictionaries, *options, "--source", "en", "--targets", "de, da")
    assert result.exit_code == 0, result.output
    reader = build_dictionaries_v1(dictionaries, source="en", targets=["de", "da"])
    expected = preview_switching(labelled, reader(), build_code_switching_v1(0.7, 0.6, "word", 1.0, 3), n=4)
    assert result.output.splitlines()[::3] == [preview.now for preview in expected]
    assert any(preview.now != preview.before for preview in expected)


def test_targets_choose_dictionaries(labelled, dictionaries):
    output = run(labelled, dictionaries, "--targets", "de").output
    assert "[de Paket<-Parcel]" in output
    assert "[da " not in output


def test_texts_are_all_switched_unless_a_share_is_named(labelled, dictionaries):
    output = run(labelled, dictionaries, "--n", 20).output
    assert len(output.splitlines()[::3]) == 20
    assert not re.search("^Parcel", output, re.MULTILINE)
    assert re.findall("<-", run(labelled, dictionaries, "--share", 0).output) == []


def test_colours_add_nothing_but_colours(labelled, dictionaries, monkeypatch):
    plain = run(labelled, dictionaries)
    coloured = run(labelled, dictionaries, color=True)
    assert ANSI.sub("", coloured.output) == plain.output != coloured.output
    monkeypatch.setenv("NO_COLOR", "1")
    assert run(labelled, dictionaries, color=True).output == plain.output


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        (["{tmp}/none.jsonl", "{dictionaries}"], "X106"),
        (["{labelled}", "{tmp}/none"], "X106"),
        (["{labelled}", "{dictionaries}", "--share", "2"], "X208"),
        (["{labelled}", "{dictionaries}", "--rate", "0"], "X208"),
        (["{labelled}", "{dictionaries}", "--alpha", "2"], "X102"),
        (["{labelled}", "{dictionaries}", "--targets", "fr"], "X151"),
        (["{labelled}", "{dictionaries}", "--source", "da"], "X151"),
        (["{labelled}", "{tmp}/da-en.tsv"], "X159"),
        (["{labelled}", "{tmp}/danish.tsv"], "X147"),
    ],
)
def test_an_error_is_one_line(labelled, dictionaries, tmp_path, arguments, code):
    for name in ("da-en.tsv", "danish.tsv"):
        (tmp_path / name).write_text("pakke\tparcel", encoding="utf-8")
    names = {"labelled": labelled, "dictionaries": dictionaries, "tmp": tmp_path}
    result = run(*(argument.format(**names) for argument in arguments))
    assert result.exit_code == 1
    assert f"[{code}]" in result.output
    assert "Traceback" not in result.output
