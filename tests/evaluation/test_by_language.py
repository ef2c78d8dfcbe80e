import json
from pathlib import Path

import pytest
import spacy
import srsly
from sklearn.metrics import accuracy_score, f1_score
from spacy.language import Language

from spacy_xling.data.labelled import build_labelled_text_v1
from spacy_xling.evaluation.bootstrap import Resampling
from spacy_xling.evaluation.by_language import (
    column_names,
    evaluate_by_language,
    evaluate_models,
    labelled_texts,
    load_pipeline,
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
    srsly.write_jsonl(path, records)
    return build_labelled_text_v1(path)


def rows_to_corpus(path, *rows):
    return corpus(path, [dict(zip(("text", "label", "lang"), row, strict=True)) for row in rows])


def evaluate(nlp, folder, texts, **changes):
    """The evaluation of a pipeline, saved under the name `model`."""
    nlp.to_disk(folder / "model")
    return evaluate_models({"model": folder / "model"}, texts, **changes)


def warnings_of(evaluation):
    """Its warnings, but for those of labels without texts."""
    return [warning for warning in evaluation.warnings if warning[1:5] not in ("W754", "W758")]


def read(path, records):
    return labelled_texts(corpus(path, records)).docs


def read_rows(path, *rows):
    return labelled_texts(rows_to_corpus(path, *rows)).docs


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
        # The mean is over all labels of the pipeline, whether or not a language has texts of them.
        expected = f1_score(truth, guess, labels=list("abc"), average="macro", zero_division=0)
        assert score.macro_f1 == pytest.approx(expected)


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


def test_the_pipeline_knows_the_language_and_nothing_else_of_the_truth(tmp_path):
    seen = []

    @Language.component("test_look")
    def look(doc):
        seen.append((doc.text, doc._.language, dict(doc.cats)))
        doc.cats = {"a": 1.0}
        return doc

    nlp = spacy.blank("xx")
    nlp.add_pipe("test_look")
    evaluate_by_language(nlp, read_rows(tmp_path / "in.jsonl", ("a", "a", "en"), ("b", "b", None)))
    assert seen == [("a", "en", {}), ("b", None, {})]


def test_the_record_is_what_json_holds(nlp, tmp_path):
    texts = rows_to_corpus(tmp_path / "in.jsonl", ("a", "a", "en"), ("b", "a", "en"), ("c", "c", "da"))
    record = evaluate(nlp, tmp_path, texts, resampling=Resampling(resamples=50)).to_json()
    record = json.loads(json.dumps(record, allow_nan=False))
    english = record["model"]["en"]
    assert (english["texts"], english["accuracy"]) == (2, 0.5)
    assert record["model"].keys() == {"en", "da"}
    assert english["mistakes"] == [{"text": "b", "gold": ["a"], "predicted": ["b"], "score": 0.6}]
    assert english["accuracy_interval"][0] <= 0.5 <= english["accuracy_interval"][1]
    rest = record["$evaluation"]
    assert (rest["source"], rest["resamples"], rest["confidence"], rest["seed"]) == ("en", 50, 0.95, 0)
    assert rest["models"]["model"]["labels"] == ["a", "b", "c"]
    assert rest["models"]["model"]["transfer"]["accuracy"]["gap"] == -0.5


# Bad input


def test_a_language_without_labels_is_left_out_and_named(nlp, tmp_path):
    texts = rows_to_corpus(tmp_path / "in.jsonl", ("a", "a", "en"), ("b", None, "da"), ("c", None, "da"))
    found = evaluate(nlp, tmp_path, texts)
    assert list(found.models["model"].languages) == ["en"]
    (warning,) = warnings_of(found)
    assert "W750" in warning
    assert "2 text(s) of language 'da'" in warning


def test_a_file_of_a_language_that_gives_no_text_is_named(nlp, tmp_path):
    (tmp_path / "texts").mkdir()
    corpus(tmp_path / "texts" / "en.jsonl", [{"text": "a", "label": "a"}])
    corpus(tmp_path / "texts" / "da.jsonl", [{"text": "", "label": "a"}])
    found = evaluate(nlp, tmp_path, build_labelled_text_v1(tmp_path / "texts"))
    (warning,) = warnings_of(found)
    assert "W751" in warning
    assert "da.jsonl" in warning


def test_a_text_without_a_language_has_a_group_of_its_own_and_is_named(nlp, tmp_path):
    texts = rows_to_corpus(tmp_path / "in.jsonl", ("a", "a", "en"), ("b", "b", "da"), ("a", "b", None))
    found = evaluate(nlp, tmp_path, texts)
    assert found.languages == ["en", "da", "-"]
    assert found.models["model"].languages["-"].accuracy == 0
    assert found.models["model"].transfer["accuracy"].targets == 1
    (warning,) = warnings_of(found)
    assert "W756" in warning
    assert "1 text(s)" in warning


def test_a_class_never_seen_is_wrong_and_named_with_its_count(nlp, tmp_path):
    rows = [("a", "a", "en"), ("a", "new", "en"), ("b", "new", "da"), ("c", "c", "da"), ("b", "b", "da")]
    found = evaluate(nlp, tmp_path, rows_to_corpus(tmp_path / "in.jsonl", *rows))
    (warning,) = warnings_of(found)
    assert "W753" in warning
    assert "'new'" in warning
    assert "2 text(s)" in warning
    scores = found.models["model"]
    assert scores.unseen == {"new": 2}
    assert (scores.languages["en"].accuracy, scores.languages["da"].accuracy) == (1 / 2, 2 / 3)
    assert scores.languages["en"].confusion[-1] == [1, 0, 0]


def test_pipelines_of_other_labels_than_each_other_and_than_the_texts_are_named(nlp, tmp_path):
    @Language.component("test_two_labels")
    def two_labels(doc):
        doc.cats = {"a": 0.9, "z": 0.1}
        return doc

    other = spacy.blank("xx")
    other.add_pipe("test_two_labels")
    nlp.to_disk(tmp_path / "one")
    other.to_disk(tmp_path / "two")
    texts = rows_to_corpus(tmp_path / "in.jsonl", ("a", "a", "en"), ("b", "b", "en"), ("c", "c", "en"))
    found = evaluate_models({name: tmp_path / name for name in ("one", "two")}, texts)
    codes = [(warning[1:5], warning.split("'")[1]) for warning in found.warnings]
    assert codes == [("W755", "one"), ("W753", "two"), ("W753", "two"), ("W754", "two"), ("W755", "two")]
    assert "labels that another one lacks: b, c;" in found.warnings[0]
    assert "no text was annotated for: z." in found.warnings[3]
    with pytest.raises(ValueError, match=r"\[X753\].*a, z.*b$|\[X753\].*a, z.*b\."):
        evaluate_by_language(other, read_rows(tmp_path / "other.jsonl", ("b", "b", "en")))


def test_labels_that_a_language_has_no_text_of_are_named(nlp, tmp_path):
    rows = [("a", "a", "en"), ("b", "b", "en"), ("a", "a", "da"), ("c", "a", "da"), ("a", "a", None)]
    found = evaluate(nlp, tmp_path, rows_to_corpus(tmp_path / "in.jsonl", *rows))
    (warning,) = [warning for warning in found.warnings if "W758" in warning]
    # No text at all has c, of which W754 tells.
    assert "(da: b; -: b)" in warning
    assert found.models["model"].languages["da"].macro_f1 == pytest.approx(2 / 3 / 3)
    # Where labels are independent it's the true ones that count.
    records = [
        {"text": "a b c", "labels": ["a", "b", "c"], "label_set": list("abc"), "lang": "en"},
        {"text": "a c", "labels": ["a", "c"], "label_set": list("abc"), "lang": "da"},
    ]
    found = evaluate(nlp, tmp_path, corpus(tmp_path / "in.jsonl", records))
    assert [warning[1:5] for warning in found.warnings] == ["W758"]
    assert "(da: b)" in found.warnings[0]


def test_a_source_that_no_text_has_is_named(nlp, tmp_path):
    found = evaluate(nlp, tmp_path, rows_to_corpus(tmp_path / "in.jsonl", ("a", "a", "da")), source="fr")
    (warning,) = warnings_of(found)
    assert "W752" in warning
    assert "'fr'" in warning
    unnamed = evaluate(nlp, tmp_path, rows_to_corpus(tmp_path / "in.jsonl", ("a", "a", None)))
    assert [warning[1:5] for warning in warnings_of(unnamed)] == ["W756"]


def test_texts_that_a_classifier_of_one_label_does_not_fit_are_named(tmp_path):
    nlp = spacy.blank("xx")
    nlp.add_pipe("textcat", config={"threshold": 0.0}).add_label("a")
    nlp.get_pipe("textcat").add_label("b")
    nlp.initialize()
    records = [
        {"text": text, "labels": list(labels), "label_set": ["a", "b"], "lang": "en"}
        for text, labels in (("one", "a"), ("two", "b"), ("three", ""), ("four", "ab"))
    ]
    fits = evaluate(nlp, tmp_path, corpus(tmp_path / "in.jsonl", records[:2]))
    assert fits.models["model"].exclusive
    assert fits.warnings == []
    found = evaluate(nlp, tmp_path, corpus(tmp_path / "in.jsonl", records))
    assert not found.models["model"].exclusive
    (warning,) = found.warnings
    assert "W757" in warning
    assert "2 text(s)" in warning
    assert "'model'" in warning
    # A pipeline that gives any number of labels fits all texts.
    nlp.remove_pipe("textcat")
    many = nlp.add_pipe("textcat_multilabel")
    many.add_label("a")
    many.add_label("b")
    nlp.initialize()
    assert evaluate(nlp, tmp_path, corpus(tmp_path / "in.jsonl", records)).warnings == []


def test_a_text_of_labels_that_nothing_is_known_about_is_left_out(nlp, tmp_path):
    records = [
        {"text": "a b", "labels": ["a", "b"], "label_set": ["a", "b"]},
        {"text": "a", "labels": [], "label_set": ["other"], "lang": "da"},
    ]
    scores = evaluate_by_language(nlp, read(tmp_path / "in.jsonl", records))
    assert list(scores) == ["-"]


def test_a_score_that_is_no_number_is_X754(tmp_path):
    @Language.component("test_nan")
    def nan(doc):
        doc.cats = {"a": float("nan")}
        return doc

    nlp = spacy.blank("xx")
    nlp.add_pipe("test_nan")
    with pytest.raises(ValueError, match="X754"):
        evaluate_by_language(nlp, read_rows(tmp_path / "in.jsonl", ("a", "a", "en")))


@pytest.mark.parametrize(
    ("settings", "code"),
    [
        ({"confidence": 1.0}, "X755"),
        ({"confidence": 0.0}, "X755"),
        ({"resamples": -1}, "X756"),
        ({"resamples": 10**12}, "X756"),
        ({"seed": -1}, "X756"),
    ],
)
def test_settings_of_intervals_that_say_nothing_are_errors(settings, code, tmp_path):
    texts = rows_to_corpus(tmp_path / "in.jsonl", ("a", "a", "en"))
    with pytest.raises(ValueError, match=code):
        evaluate_models({}, texts, resampling=Resampling(**settings))


@pytest.mark.parametrize("threshold", [-0.1, 1.1, float("nan")])
def test_a_threshold_that_is_no_score_is_X746(threshold, nlp, tmp_path):
    docs = read_rows(tmp_path / "in.jsonl", ("a", "a", "en"))
    with pytest.raises(ValueError, match="X746"):
        evaluate_by_language(nlp, docs, threshold=threshold)


def test_a_missing_pipeline_is_missed_before_any_is_loaded(nlp, tmp_path, monkeypatch):
    nlp.to_disk(tmp_path / "one")
    paths, loaded = {"one": tmp_path / "one", "two": tmp_path / "two"}, []
    monkeypatch.setattr(spacy, "load", loaded.append)
    with pytest.raises(ValueError, match=r"X751.*two"):
        evaluate_models(paths, rows_to_corpus(tmp_path / "in.jsonl", ("a", "a", "en")))
    assert loaded == []


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


@pytest.mark.parametrize("half", [True, False])
@pytest.mark.parametrize("lost", ["config.cfg", "meta.json", "tokenizer", "textcat/model"])
def test_a_pipeline_that_is_half_written_is_X751(lost, half, tmp_path):
    nlp = spacy.blank("xx")
    nlp.add_pipe("textcat").add_label("a")
    nlp.get_pipe("textcat").add_label("b")
    nlp.initialize()
    nlp.to_disk(tmp_path)
    whole = (tmp_path / lost).read_bytes()
    (tmp_path / lost).unlink()
    if half:
        (tmp_path / lost).write_bytes(whole[: len(whole) // 2])
    with pytest.raises(ValueError, match="X751") as caught:
        load_pipeline(tmp_path)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("paths", "names"),
    [
        (["t/baseline/model-best", "t/joint/model-best"], ["baseline", "joint"]),
        (["t/a/model-best", "t/a/model-last"], ["model-best", "model-last"]),
        (["one"], ["one"]),
        (["x/one", "two"], ["x/one", "two"]),
        (["a", "a"], ["a", "a"]),
        # Else both would be "b", and one of them lost.
        (["x/b", "x/b/b"], ["x/b", "x/b/b"]),
    ],
)
def test_columns_are_named_by_what_differs(paths, names):
    assert column_names([Path(path) for path in paths]) == names
