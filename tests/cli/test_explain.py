"""`spacy xling explain`, and what `evaluate --explain` adds to a report."""

import json

import pytest
import spacy
import srsly
from spacy.language import Language
from typer.testing import CliRunner

from spacy_xling.cli import app
from spacy_xling.explaining import explain
from tests.conftest import TEXTS
from tests.exporting.pipelines import make_pipeline

HARM = "<b>late</b> & box"


@pytest.fixture(scope="module")
def model(checkpoints, tmp_path_factory):
    folder = tmp_path_factory.mktemp("explained") / "model"
    make_pipeline(checkpoints("distilbert")).to_disk(folder)
    return folder


def run(*arguments, command="explain"):
    return CliRunner().invoke(app, [command, *map(str, arguments)])


def assert_one_line(result, code):
    assert result.exit_code == 1
    assert f"[{code}]" in result.output
    assert "Traceback" not in result.output


@pytest.mark.parametrize("method", ["occlusion", "integrated_gradients"])
def test_a_text_is_explained_on_the_screen_and_in_files(model, tmp_path, method):
    html, scores = tmp_path / "why.html", tmp_path / "why.json"
    options = ("--label", "LATE", "--method", method, "--language", "de", "--html", html, "--json", scores)
    result = run(model, TEXTS[2], *options)
    assert result.exit_code == 0, result.output
    nlp = spacy.load(model)
    doc = nlp.make_doc(TEXTS[2])
    doc._.language = "de"
    expected = explain(nlp, doc, "LATE", method)
    assert f"LATE {expected.score:.4f}" in result.output
    best = expected.ranked[0]
    assert f"{best.start}-{best.end}" in result.output
    assert f"{best.score:+.4f}" in result.output
    (found,) = json.loads(scores.read_text(encoding="utf-8"))
    assert (found["label"], found["method"], found["language"]) == ("LATE", method, "de")
    assert [word["score"] for word in found["words"]] == pytest.approx(
        [word.score for word in expected.words], abs=1e-6
    )
    assert html.read_text(encoding="utf-8").count("<mark") == len(expected.words) + 2


def test_texts_of_a_file_are_explained_but_for_blank_ones(model, tmp_path):
    lines = [{"text": text, "lang": "da"} for text in ("", TEXTS[0], "  ", TEXTS[1], TEXTS[2])]
    srsly.write_jsonl(tmp_path / "texts.jsonl", lines)
    result = run(model, tmp_path / "texts.jsonl", "--limit", 2, "--json", tmp_path / "why.json")
    assert result.exit_code == 0, result.output
    found = srsly.read_json(tmp_path / "why.json")
    assert [one["text"] for one in found] == TEXTS[:2]
    assert {one["language"] for one in found} == {"da"}


def test_no_more_words_than_asked_for(model):
    result = run(model, TEXTS[0], "--top", 2)
    assert result.output.count("+0.") + result.output.count("-0.") == 2


def test_bad_input_is_one_line(model, tmp_path):
    blank = tmp_path / "blank.txt"
    blank.write_text("\n \n", encoding="utf-8")
    (tmp_path / "empty.txt").write_text("", encoding="utf-8")
    srsly.write_jsonl(tmp_path / "fields.jsonl", [{"body": "late"}])
    assert_one_line(run(model, tmp_path / "nothing.jsonl"), "X106")
    assert_one_line(run(model, "nothing.csv.gz"), "X106")
    assert_one_line(run(model, tmp_path / "empty.txt"), "X109")
    assert_one_line(run(model, blank), "X128")
    assert_one_line(run(model, tmp_path / "fields.jsonl"), "X114")
    assert_one_line(run(model, " "), "X954")
    assert_one_line(run(model, TEXTS[0], "--label", "SOON"), "X951")
    assert_one_line(run(tmp_path / "nothing", TEXTS[0]), "X751")
    assert_one_line(run(model, blank, "--html", blank), "X173")


def test_what_was_found_before_an_error_is_written(model, tmp_path):
    srsly.write_jsonl(tmp_path / "texts.jsonl", [{"text": TEXTS[0]}, {"text": 5}])
    assert_one_line(run(model, tmp_path / "texts.jsonl", "--json", tmp_path / "why.json"), "X115")
    assert [one["text"] for one in srsly.read_json(tmp_path / "why.json")] == [TEXTS[0]]


def test_a_long_text_is_no_path(model):
    result = run(model, "late " * 100)
    assert result.exit_code == 0, result.output


def test_a_report_explains_the_surest_mistakes(model, tmp_path):
    pytest.importorskip("matplotlib", reason="needs the extra 'plots'")
    nlp = spacy.load(model)
    (tmp_path / "texts").mkdir()
    for language, texts in (("en", [*TEXTS[:2], HARM]), ("de", TEXTS[2:4])):
        cats = [nlp(text).cats for text in texts]
        # All wrong.
        rows = [{"text": text, "label": min(one, key=one.get)} for text, one in zip(texts, cats, strict=True)]
        srsly.write_jsonl(tmp_path / "texts" / f"{language}.jsonl", rows)
    files = ("--html", tmp_path / "report.html", "--json", tmp_path / "report.json")
    result = run(model, tmp_path / "texts", *files, "--explain", 5, "--resamples", 0, command="evaluate")
    assert result.exit_code == 0, result.output
    explained = srsly.read_json(tmp_path / "report.json")["$evaluation"]["models"]["model"]["explained"]
    assert {one["explanation"]["text"] for one in explained} == {*TEXTS[:4], HARM}
    sureness = [one["explanation"]["score"] for one in explained]
    assert sureness == sorted(sureness, reverse=True)
    for one in explained:
        assert [one["explanation"]["label"]] == one["predicted"] != one["gold"]
    page = (tmp_path / "report.html").read_text(encoding="utf-8")
    assert page.count("<mark") == sum(len(one["explanation"]["words"]) for one in explained)
    assert 'href="#why"' in page
    assert "<b>late" not in page


@Language.component("some_translations_of_a_test", assigns=["doc._.translation"])
def some_translations_of_a_test(doc):
    """Stands for a translator that makes nothing of a text, and lets another be."""
    doc._.translation = {TEXTS[0]: "", HARM: None}.get(doc.text, doc.text)
    return doc


def test_a_text_that_can_not_be_explained_says_so_in_its_place(checkpoint, tmp_path):
    pytest.importorskip("matplotlib", reason="needs the extra 'plots'")
    nlp = make_pipeline(checkpoint)
    nlp.add_pipe("some_translations_of_a_test", first=True)
    nlp.get_pipe("xling_textcat").text_field = "translation"
    nlp.to_disk(tmp_path / "model")
    texts = [TEXTS[0], HARM, TEXTS[1], TEXTS[2]]
    given = [max(doc.cats, key=doc.cats.get) for doc in nlp.pipe(texts)]
    wrong = [next(label for label in nlp.pipe_labels["xling_textcat"] if label != one) for one in given]
    rows = [{"text": text, "label": label} for text, label in zip(texts, wrong, strict=True)]
    srsly.write_jsonl(tmp_path / "en.jsonl", rows)
    files = ("--html", tmp_path / "report.html", "--json", tmp_path / "report.json")
    options = (*files, "--explain", 4, "--resamples", 0)
    result = run(tmp_path / "model", tmp_path / "en.jsonl", *options, command="evaluate")
    assert result.exit_code == 0, result.output
    explained = srsly.read_json(tmp_path / "report.json")["$evaluation"]["models"]["model"]["explained"]
    errors = {one["text"]: one["error"] for one in explained}
    assert errors[TEXTS[0]].startswith("[X954]")
    assert errors[HARM].startswith("[X557]")
    assert [one["text"] for one in explained if one["explanation"]] == [
        text for text in errors if text in TEXTS[1:3]
    ]
    assert errors[TEXTS[1]] is errors[TEXTS[2]] is None
    page = (tmp_path / "report.html").read_text(encoding="utf-8")
    assert page.count("can't be explained: [X") == 2
    assert page.count("<mark") == sum(
        len(one["explanation"]["words"]) for one in explained if one["explanation"]
    )
    assert TEXTS[0] in page.partition('id="why"')[2]
    assert "<b>late" not in page


def test_mistakes_are_explained_in_a_report_alone(model, tmp_path):
    srsly.write_jsonl(tmp_path / "en.jsonl", [{"text": TEXTS[0], "label": "LATE"}])
    result = run(model, tmp_path / "en.jsonl", "--explain", 3, command="evaluate")
    assert_one_line(result, "X786")
    assert "--explain" in result.output
