"""The predictor maps a batch of columns to columns that say what the pipeline says."""

import pickle

import pytest
import spacy
import torch

from spacy_xling.applying.predictor import Predictor, PredictorSettings, predict, predictor_of
from tests.applying.conftest import BREAKS
from tests.conftest import TEXTS


def test_the_columns_are_what_the_pipeline_says(model, expected):
    languages = ["de" if number % 2 else None for number in range(len(TEXTS))]
    predictor = Predictor(PredictorSettings(str(model), scores=True))
    found = predictor({"text": TEXTS, "lang": languages, "other": [object()] * len(TEXTS)})
    assert list(found) == ["label", "score", "scores", "language", "abstained", "error"]
    for row, (text, language) in enumerate(zip(TEXTS, languages, strict=True)):
        label, score, scores, abstained = expected(text, language)
        assert found["label"][row] == label
        assert found["score"][row] == pytest.approx(score, abs=2e-6)
        assert found["scores"][row] == pytest.approx(scores, abs=2e-6)
        assert found["abstained"][row] is abstained
    assert found["language"] == languages
    assert found["error"] == [None] * len(TEXTS)
    # The texts tell labels, languages and abstentions apart.
    assert expected(TEXTS[0])[1] != pytest.approx(expected(TEXTS[0], "de")[1], abs=1e-3)
    assert set(found["abstained"]) == {True, False}


def test_a_language_of_all_texts_stands_where_none_is_named(model, expected):
    predictor = Predictor(PredictorSettings(str(model), language="de"))
    found = predictor({"text": TEXTS[:2], "lang": [" ", "en"]})
    assert found["language"] == ["de", "en"]
    assert found["score"][0] == pytest.approx(expected(TEXTS[0], "de")[1], abs=2e-6)
    assert predictor({"text": TEXTS[:1]})["score"] == found["score"][:1]


def test_any_number_of_labels(any_label):
    found = Predictor(PredictorSettings(str(any_label)))({"text": TEXTS})
    docs = list(spacy.load(any_label).pipe(TEXTS))
    assert list(found) == ["labels", "score", "language", "abstained", "error"]
    given = [[label for label, score in doc.cats.items() if score >= 0.5] for doc in docs]
    assert found["labels"] == given
    assert len({len(labels) for labels in given}) > 1
    assert found["score"] == pytest.approx([max(doc.cats.values()) for doc in docs], abs=2e-6)


def test_a_text_that_breaks_is_one_rows_error(model):
    texts = [*TEXTS, BREAKS, "", None, TEXTS[0]]
    found = Predictor(PredictorSettings(str(model)))({"text": texts, "lang": [None] * (len(texts) - 1) + [7]})
    assert found["error"][: len(TEXTS)] == [None] * len(TEXTS)
    assert found["label"][: len(TEXTS)] == Predictor(PredictorSettings(str(model)))({"text": TEXTS})["label"]
    broken, blank, missing, language = range(len(TEXTS), len(texts))
    assert "found a text that breaks" in found["error"][broken]
    assert found["error"][missing].startswith("[X902] Found a NoneType")
    assert found["error"][language].startswith("[X101]")
    assert [found["label"][row] for row in (broken, blank, missing, language)] == [None] * 4
    # No piece is no error.
    assert found["error"][blank] is None
    assert found["score"][blank] == 0.0


def test_a_pipeline_without_a_classifier_is_each_rows_error(tmp_path):
    spacy.blank("xx").to_disk(tmp_path)
    found = Predictor(PredictorSettings(str(tmp_path)))({"text": TEXTS[:2]})
    assert [error[:6] for error in found["error"]] == ["[X752]"] * 2


def test_no_pipeline_is_X751(tmp_path):
    with pytest.raises(ValueError, match=r"^\[X751\]"):
        Predictor(PredictorSettings(str(tmp_path / "nothing")))
    with pytest.raises(ValueError, match=r"^\[X751\]"):
        Predictor(PredictorSettings(str(tmp_path)))


def test_a_process_loads_once(model):
    settings = PredictorSettings(str(model))
    predictor_of.cache_clear()
    for _ in range(3):
        predict(pickle.loads(pickle.dumps(settings)), {"text": TEXTS[:1]})
    assert predictor_of.cache_info().misses == 1


def test_threads_are_those_of_the_settings(model):
    before = torch.get_num_threads()
    try:
        Predictor(PredictorSettings(str(model), threads=3))
        assert torch.get_num_threads() == 3
    finally:
        torch.set_num_threads(before)


def test_memory_of_a_batch_is_free_after_it(model):
    predictor = Predictor(PredictorSettings(str(model)))
    strings = len(predictor.nlp.vocab.strings)
    predictor({"text": [f"unheard{number} of{number}" for number in range(50)]})
    assert len(predictor.nlp.vocab.strings) == strings
