"""Scores of words against what they must be: by plain arithmetic, by sums, by a word that was planted."""

import sys

import numpy as np
import pytest
import spacy
import torch
from spacy.language import Language

from spacy_xling.data.languages import set_language
from spacy_xling.explaining import METHODS, explain
from spacy_xling.explaining.words import split_words
from spacy_xling.models import attribution
from spacy_xling.models.architectures import joint_shim
from spacy_xling.pipeline.calibrated import Calibration
from tests.conftest import SINGLE, TEXTS, make_examples, needs_shared
from tests.explaining.planted import NO, WORD, YES, make_texts
from tests.exporting.pipelines import export, make_pipeline
from tests.pipeline.shared import TEXTCAT
from tests.pipeline.textcats import EXCLUSIVE, INDEPENDENT

pytestmark = pytest.mark.usefixtures("one_thread")
by_each_method = pytest.mark.parametrize("method", METHODS)
LATE = "LATE"
# Of two windows: the tiny encoders take 64 pieces.
TWO_WINDOWS = " ".join(TEXTS[4:7])


@pytest.fixture(scope="module")
def steep(checkpoints):
    return make_pipeline(checkpoints("xlm-roberta"))


@pytest.fixture(scope="module")
def steep_multilabel(checkpoints):
    return make_pipeline(checkpoints("bert"), INDEPENDENT)


def score(nlp, text, label=LATE):
    return nlp(text).cats[label]


def total(explanation):
    return sum(word.score for word in explanation.words)


# What must hold


@by_each_method
def test_the_word_that_decides_comes_first_in_20_of_20_texts(planted, method):
    texts = make_texts(20, seed=7)
    found = [explain(planted, text, YES, method) for text in texts]
    assert [explanation.ranked[0].text for explanation in found] == [WORD] * 20
    # It speaks against the other label as much.
    against = explain(planted, texts[0], NO, method)
    assert against.ranked[-1].text == WORD
    assert against.ranked[-1].score == pytest.approx(-found[0].ranked[0].score, rel=0.05)


def test_gradients_sum_up_to_within_a_percent(planted):
    for text in make_texts(20, seed=8):
        found = explain(planted, text, YES, "integrated_gradients")
        difference = found.score - found.baseline
        assert abs(difference) > 0.5
        assert found.score == pytest.approx(score(planted, text, YES), abs=1e-5)
        assert total(found) == pytest.approx(difference, rel=0.01)
        assert found.completeness == pytest.approx(total(found) - difference, abs=1e-5)


# Occlusion


def test_occlusion_is_the_difference_that_a_word_makes(steep):
    text = "The box, was late."
    found = explain(steep, text, LATE)
    without = ["box, was late.", "The , was late.", "The box was late.", "The box, late.", "The box, was ."]
    without.append("The box, was late")
    expected = [score(steep, text) - score(steep, other) for other in without]
    np.testing.assert_allclose([word.score for word in found.words], expected, atol=1e-5)
    assert [(word.text, word.start, word.end) for word in found.words][:3] == [
        ("The", 0, 3),
        ("box", 4, 7),
        (",", 7, 8),
    ]
    assert (found.score, found.label, found.text) == (score(steep, text), LATE, text)
    assert (found.baseline, found.original, found.language) == (None, None, None)


@by_each_method
def test_the_label_with_the_best_score_is_explained(steep, method):
    for text in TEXTS[:3]:
        cats = steep(text).cats
        assert explain(steep, text, method=method).label == max(cats, key=cats.get)


def test_an_exported_pipeline_explains_as_the_original(steep, tmp_path):
    exported = export(steep, tmp_path, precision="fp32")
    for text in (TEXTS[0], TEXTS[5], TWO_WINDOWS):
        expected = explain(steep, text, LATE)
        found = explain(exported, text, LATE)
        np.testing.assert_allclose(
            [word.score for word in found.words], [word.score for word in expected.words], atol=2e-4
        )
    with pytest.raises(ValueError, match=r"^\[X953\].*exported_textcat.*occlusion"):
        explain(exported, TEXTS[0], LATE, "integrated_gradients")


def test_spacys_own_classifier_is_explained():
    nlp = spacy.blank("en")
    nlp.add_pipe("textcat")
    examples = make_examples(nlp, SINGLE)
    optimizer = nlp.initialize(lambda: examples)
    for _ in range(10):
        nlp.update(examples, sgd=optimizer)
    words = ["The", "second", "order", "arrived", "late"]
    text = " ".join(words)
    found = explain(nlp, text, LATE)
    without = [" ".join(words[:number] + words[number + 1 :]) for number in range(len(words))]
    expected = [score(nlp, text) - score(nlp, other) for other in without]
    np.testing.assert_allclose([word.score for word in found.words], expected, atol=1e-6)
    assert max(expected) > 0.01
    with pytest.raises(ValueError, match=r"^\[X953\].*textcat"):
        explain(nlp, text, LATE, "integrated_gradients")


@needs_shared
def test_a_classifier_on_a_shared_transformer_is_explained(checkpoint):
    nlp = spacy.blank("xx")
    model = {"@architectures": "spacy-transformers.TransformerModel.v3", "name": str(checkpoint)}
    nlp.add_pipe("transformer", config={"model": model})
    nlp.add_pipe("textcat", config=TEXTCAT)
    nlp.initialize(lambda: make_examples(nlp, SINGLE))
    text = "The box late."
    expected = [score(nlp, text) - score(nlp, other) for other in ("box late.", "The late.", "The box .")]
    found = explain(nlp, text, LATE)
    np.testing.assert_allclose([word.score for word in found.words][:3], expected, atol=1e-5)


# Integrated gradients


@pytest.mark.parametrize("family", ["albert", "bert", "distilbert", "modernbert", "roberta", "xlm-roberta"])
@pytest.mark.parametrize("pooling", ["mean", "attention"])
def test_all_families_sum_up(checkpoints, family, pooling):
    nlp = make_pipeline(checkpoints(family), pooling=pooling)
    found = explain(nlp, TEXTS[0], LATE, "integrated_gradients")
    assert found.score == pytest.approx(score(nlp, TEXTS[0]), abs=1e-5)
    assert total(found) == pytest.approx(found.score - found.baseline, rel=0.01, abs=2e-4)


def test_gradients_of_a_linear_model_are_its_terms(checkpoint):
    """Where the encoder is the identity, a piece's share of a logit is its vector less the mean of all, times
    the weights, divided by the number of pieces, special ones too.
    """
    nlp = make_pipeline(checkpoint, INDEPENDENT)
    shim = joint_shim(nlp.get_pipe(INDEPENDENT).model)
    encoder, head = shim.module.masked_lm.encoder, shim.module.head.output
    pieces = shim.split([TEXTS[0]])

    def identity(embedded, batches):
        return embedded

    encoder.encode_embedded = identity
    found, whole = shim.attribute(pieces, lambda logits: logits[:, 1])
    vectors = encoder.embeddings.weight[torch.tensor(pieces.ids)] - encoder.embeddings.weight.mean(dim=0)
    expected = (vectors @ head.weight[1]).detach().numpy() / len(pieces.ids)
    np.testing.assert_allclose(found, np.where(pieces.is_word, expected, 0.0), rtol=1e-3, atol=1e-5)
    assert whole.steps == attribution.STEPS


def test_pieces_and_windows_of_a_word_are_summed_up(steep):
    shim = joint_shim(steep.get_pipe(EXCLUSIVE).model)
    text = TWO_WINDOWS
    pieces = shim.split([text])
    assert len(pieces.lengths) == 2
    found = explain(steep, text, LATE, "integrated_gradients")
    assert [word.text for word in found.words] == [word.text for word in split_words(text)]
    assert total(found) == pytest.approx(found.score - found.baseline, rel=0.011, abs=2e-4)


@by_each_method
def test_labels_that_are_independent_and_calibrations_are_explained_as_they_score(steep_multilabel, method):
    nlp = steep_multilabel
    pipe = nlp.get_pipe(INDEPENDENT)
    pipe.calibration = Calibration(2.0, {"da": 0.5}, offsets={"da": [0.5, -0.5, 0.25]})
    doc = nlp.make_doc(TEXTS[4])
    set_language(doc, "da")
    found = explain(nlp, doc, "REFUND", method)
    assert found.language == "da"
    assert found.score == pytest.approx(nlp(doc).cats["REFUND"], abs=1e-5)
    assert found.score != pytest.approx(score(nlp, TEXTS[4], "REFUND"), abs=1e-4)
    pipe.calibration = None


def test_the_model_is_left_as_it_was(checkpoint):
    nlp = make_pipeline(checkpoint)
    module = joint_shim(nlp.get_pipe(EXCLUSIVE).model).module
    before = score(nlp, TEXTS[0])
    with torch.inference_mode():
        explain(nlp, TEXTS[0], LATE, "integrated_gradients")
    assert all(parameter.grad is None for parameter in module.parameters())
    assert score(nlp, TEXTS[0]) == before


def test_bf16_is_explained_in_fp32(checkpoint):
    settings = {"encoder": {"name": str(checkpoint), "precision": "bf16"}}
    found = explain(make_pipeline(checkpoint, **settings), TEXTS[0], LATE, "integrated_gradients")
    expected = explain(make_pipeline(checkpoint), TEXTS[0], LATE, "integrated_gradients")
    assert found.score == pytest.approx(expected.score, abs=1e-5)
    np.testing.assert_allclose(
        [word.score for word in found.words], [word.score for word in expected.words], atol=1e-4
    )


def test_an_integral_that_does_not_sum_up_is_W950(planted, monkeypatch):
    monkeypatch.setattr(attribution, "MOST_STEPS", 2)
    monkeypatch.setattr(attribution, "STEPS", 2)
    with pytest.warns(UserWarning, match=r"^\[W950\] After 2 steps"):
        explain(planted, make_texts(1, seed=9)[0], YES, "integrated_gradients")


# Translations


@Language.component("translations_of_a_test", assigns=["doc._.translation"])
def translations_of_a_test(doc):
    """Stands for a translator that makes something else of a text that was changed."""
    known = {TEXTS[4]: TEXTS[0], TEXTS[1]: TEXTS[1]}
    doc._.translation = known.get(doc.text, "garbage")
    return doc


@by_each_method
def test_a_translation_is_explained_beside_its_text(checkpoint, method):
    nlp = make_pipeline(checkpoint)
    expected = explain(nlp, TEXTS[0], LATE, method)
    nlp.add_pipe("translations_of_a_test", first=True)
    nlp.get_pipe(EXCLUSIVE).text_field = "translation"
    found = explain(nlp, TEXTS[4], LATE, method)
    assert (found.text, found.original) == (TEXTS[0], TEXTS[4])
    np.testing.assert_allclose(
        [word.score for word in found.words], [word.score for word in expected.words], atol=1e-6
    )


def test_a_text_that_its_translator_leaves_alone_keeps_its_language(checkpoint):
    nlp = make_pipeline(checkpoint)
    pipe = nlp.get_pipe(EXCLUSIVE)
    pipe.calibration = Calibration(offsets={"en": [1.5, -0.5]})
    doc = nlp.make_doc(TEXTS[1])
    set_language(doc, "en")
    expected = explain(nlp, doc, LATE)
    nlp.add_pipe("translations_of_a_test", first=True)
    pipe.text_field = "translation"
    found = explain(nlp, doc, LATE)
    assert found.original is None
    np.testing.assert_allclose(
        [word.score for word in found.words], [word.score for word in expected.words], atol=1e-6
    )


# What can't be explained


def test_a_wrong_label_or_method_is_named(steep):
    with pytest.raises(ValueError, match=r"^\[X951\].*'late'.*LATE, REFUND"):
        explain(steep, TEXTS[0], "late")
    with pytest.raises(ValueError, match=r"^\[X952\].*'lime'.*occlusion or integrated_gradients"):
        explain(steep, TEXTS[0], LATE, "lime")


@by_each_method
@pytest.mark.parametrize("text", ["", " \n"])
def test_a_text_without_words_is_X954(steep, method, text):
    with pytest.raises(ValueError, match=r"^\[X954\]"):
        explain(steep, text, LATE, method)


def test_a_pipeline_without_a_classifier_is_X752():
    with pytest.raises(ValueError, match=r"^\[X752\]"):
        explain(spacy.blank("xx"), TEXTS[0])


def test_without_captum_the_extra_is_named(steep, monkeypatch):
    monkeypatch.setitem(sys.modules, "captum.attr", None)
    with pytest.raises(ImportError, match=r"^\[X950\].*spacy-xling\[explain\]"):
        explain(steep, TEXTS[0], LATE, "integrated_gradients")
    assert explain(steep, TEXTS[0], LATE).words


def test_a_single_word_has_the_whole_score(steep):
    found = explain(steep, "late", LATE)
    assert [word.score for word in found.words] == [found.score]


@by_each_method
def test_the_doc_stays_as_it_was(steep, method):
    doc = steep.make_doc(TEXTS[0])
    explain(steep, doc, LATE, method)
    assert doc.cats == {}
