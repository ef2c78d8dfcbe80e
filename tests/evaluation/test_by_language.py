import json
from pathlib import Path

import pytest
import spacy
from sklearn.metrics import accuracy_score, f1_score
from spacy.language import Language

from spacy_xling.data.labelled import build_labelled_text_v1
from spacy_xling.evaluation.by_language import (
    column_names,
    evaluate_by_language,
    load_pipeline,
    mean_of_targets,
    read_test_text,
)


@Language.component("test_first_letter")
def first_letter(doc):
    """A classifier whose answer is the text's first letter; in a text of two words, both words'."""
    letters = {word[0] for word in doc.text.split()}
    doc.cats = {label: 0.6 if label in letters else 0.3 for label in "abc"}
    return doc


@pytest.fixture
def nlp():
    nlp = spacy.blank("xx")
    nlp.add_pipe("test_first_letter")
    return nlp


def corpus(path, records):
    path.write_text("\n".join(json.dumps(record) for record in records), encoding="utf-8")
    return build_labelled_text_v1(path)


def read(path, records):
    return read_test_text(corpus(path, records))


def test_scores_are_scikit_learns_on_one_label(nlp, tmp_path):
    rows = [("ax", "a", "en"), ("by", "a", "en"), ("cz", "c", "en"), ("a", "b", "da"), ("b", "b", "da")]
    records = [{"text": text, "label": label, "lang": lang} for text, label, lang in rows]
    scores = evaluate_by_language(nlp, read(tmp_path / "in.jsonl", records))
    assert list(scores) == ["en", "da"]
    for language, score in scores.items():
        truth = [label for _, label, lang in rows if lang == language]
        guess = [text[0] for text, _, lang in rows if lang == language]
        assert score.texts == len(truth)
        assert score.accuracy == pytest.approx(accuracy_score(truth, guess))
        assert score.macro_f1 == pytest.approx(f1_score(truth, guess, average="macro"))


def test_scores_are_scikit_learns_on_any_number_of_labels(nlp, tmp_path):
    rows = [("ax b", "ab"), ("c", "a"), ("b c", "bc"), ("x", "c"), ("x", "")]
    label_set = list("abc")
    records = [{"text": text, "labels": list(labels), "label_set": label_set} for text, labels in rows]
    (score,) = evaluate_by_language(nlp, read(tmp_path / "in.jsonl", records)).values()
    truth = [[label in labels for label in "abc"] for _, labels in rows]
    guess = [[any(word[0] == label for word in text.split()) for label in "abc"] for text, _ in rows]
    assert score.accuracy == pytest.approx(accuracy_score(truth, guess)) == pytest.approx(3 / 5)
    assert score.macro_f1 == pytest.approx(f1_score(truth, guess, average="macro"))


def test_the_threshold_counts_for_any_number_of_labels(nlp, tmp_path):
    records = [
        {"text": "a", "labels": ["a"], "label_set": ["a", "b"]},
        {"text": "x", "labels": [], "label_set": ["a"]},
    ]
    (score,) = evaluate_by_language(nlp, read(tmp_path / "in.jsonl", records), threshold=0.9).values()
    assert score.accuracy == 0.5


def test_the_mean_leaves_the_source_out(nlp, tmp_path):
    rows = [("a", "a", "en"), ("a", "b", "da"), ("b", "b", "da"), ("a", "b", "de")]
    records = [{"text": text, "label": label, "lang": lang} for text, label, lang in rows]
    scores = evaluate_by_language(nlp, read(tmp_path / "in.jsonl", records))
    assert mean_of_targets(scores, "en") == pytest.approx((1 / 2 + 0) / 2)


def test_unlabelled_text_is_passed_over(tmp_path):
    (doc,) = read(tmp_path / "in.jsonl", [{"text": "a", "label": None}, {"text": "b", "label": "b"}])
    assert (doc.text, doc.cats) == ("b", {"b": 1.0})


def test_unlabelled_text_alone_is_X750(tmp_path):
    with pytest.raises(ValueError, match="X750"):
        read(tmp_path / "in.jsonl", [{"text": "a", "label": None}])


def test_a_pipeline_without_categories_is_X752(tmp_path):
    with pytest.raises(ValueError, match="X752"):
        evaluate_by_language(spacy.blank("xx"), read(tmp_path / "in.jsonl", [{"text": "a", "label": "a"}]))


def test_a_folder_without_a_pipeline_is_X751(tmp_path):
    with pytest.raises(ValueError, match="X751"):
        load_pipeline(tmp_path)


@pytest.mark.parametrize(
    ("paths", "names"),
    [
        (["t/baseline/model-best", "t/joint/model-best"], ["baseline", "joint"]),
        (["t/a/model-best", "t/a/model-last"], ["model-best", "model-last"]),
        (["one"], ["one"]),
        (["x/one", "two"], ["x/one", "two"]),
        (["a", "a"], ["a", "a"]),
    ],
)
def test_columns_are_named_by_what_differs(paths, names):
    assert column_names([Path(path) for path in paths]) == names
