"""Temperatures and thresholds, against independent minimisers and on text that they weren't fitted on."""

from types import SimpleNamespace

import numpy as np
import pytest
import spacy
import torch
from thinc.api import NumpyOps

from spacy_xling.data.languages import set_language
from spacy_xling.evaluation.calibration import (
    Truths,
    calibrate,
    choose_threshold,
    find_component,
    fit_temperature,
)
from spacy_xling.evaluation.reliability import expected_calibration_error, reliability_bins
from spacy_xling.pipeline.xling_textcat import XlingTextCategorizer
from spacy_xling.pipeline.xling_textcat_multilabel import XlingMultiLabelTextCategorizer

LABELS = ["A", "B", "C", "D"]
NLP = spacy.blank("xx")


def simulate(seed, n_texts, sharpness, exclusive=True):
    """Logits `sharpness` times those that the truths were drawn by."""
    rng = np.random.default_rng(seed)
    logits = 2 * rng.normal(size=(n_texts, len(LABELS)))
    if exclusive:
        # The highest of logits with Gumbel noise is drawn by their softmax.
        drawn = (logits + rng.gumbel(size=logits.shape)).argmax(axis=1)
        values = np.eye(len(LABELS))[drawn]
    else:
        values = (logits + rng.logistic(size=logits.shape) > 0).astype(float)
    return (sharpness * logits).astype("f"), Truths(values, np.ones_like(values, dtype=bool), exclusive)


def stand_in(logits, exclusive=True):
    """A component whose model says this of the texts "0", "1" ..."""
    kind = XlingTextCategorizer if exclusive else XlingMultiLabelTextCategorizer
    pipe = kind.__new__(kind)
    pipe.name = "stand_in"
    pipe._set_centring(False)
    pipe.cfg = {"labels": LABELS, "calibration": None, "text_field": "text"}
    pipe.model = SimpleNamespace(ops=NumpyOps())
    pipe.raw_logits = lambda texts: (
        logits[[int(text) for text in texts]],
        np.ones(len(texts), dtype=bool),
    )
    return pipe


def make_docs(truths, languages="en", start=0):
    docs = []
    for number, row in enumerate(truths.values[start:], start):
        doc = NLP.make_doc(str(number))
        doc.cats = dict(zip(LABELS, row.tolist(), strict=True))
        set_language(doc, languages if isinstance(languages, str) else languages[number])
        docs.append(doc)
    return docs


@pytest.mark.parametrize("exclusive", [True, False])
@pytest.mark.parametrize("sharpness", [0.3, 1.0, 4.0])
def test_the_temperature_is_that_of_torchs_minimiser(exclusive, sharpness):
    logits, truths = simulate(0, 300, sharpness, exclusive)
    known = truths.known.copy()
    if not exclusive:
        known[::3, 1] = False
    found = fit_temperature(logits, truths._replace(known=known))
    inputs, targets = torch.tensor(logits, dtype=torch.float64), torch.tensor(truths.values)
    log = torch.zeros((), dtype=torch.float64, requires_grad=True)
    minimiser = torch.optim.LBFGS([log], lr=0.5, max_iter=500, tolerance_grad=1e-12, tolerance_change=1e-15)

    def loss():
        minimiser.zero_grad()
        scaled = inputs / log.exp()
        if exclusive:
            value = torch.nn.functional.cross_entropy(scaled, targets)
        else:
            each = torch.nn.functional.binary_cross_entropy_with_logits(scaled, targets, reduction="none")
            value = each[torch.tensor(known)].mean()
        value.backward()
        return value

    minimiser.step(loss)
    assert found == pytest.approx(log.exp().item(), rel=1e-6)
    # And that by which the logits were made too sharp, but for chance.
    assert found == pytest.approx(sharpness, rel=0.2)


def test_all_right_has_no_temperature_and_knowing_nothing_the_highest():
    values = np.eye(4)[[0, 1, 2, 3, 0]]
    truths = Truths(values, np.ones_like(values, dtype=bool), True)
    assert fit_temperature(5 * values, truths) is None
    assert fit_temperature(-5 * values, truths) == 100.0


@pytest.mark.parametrize("exclusive", [True, False])
def test_ece_falls_on_text_that_was_not_fitted_on(exclusive):
    logits, truths = simulate(1, 4000, 3.0, exclusive)
    pipe, docs = stand_in(logits, exclusive), make_docs(truths)
    held_out = docs[1000:]

    def error():
        scores = pipe.scores_of(logits[1000:], held_out)
        if exclusive:
            top = scores.argmax(axis=1)
            found = scores.max(axis=1), truths.values[1000:][np.arange(3000), top]
        else:
            found = scores.ravel(), truths.values[1000:].ravel()
        return expected_calibration_error(reliability_bins(*found))

    before = error()
    (row, total) = calibrate(pipe, docs[:1000])
    assert before > 0.08
    assert error() < 0.03
    assert total.language == "all"
    assert total.ece_after < total.ece_before
    assert (row.texts, row.own) == (1000, False)


def test_languages_have_their_own_temperatures_if_they_have_texts_enough():
    sharp, sharp_truths = simulate(2, 400, 4.0)
    blunt, blunt_truths = simulate(3, 430, 0.5)
    logits = np.concatenate([sharp, blunt])
    truths = Truths(
        np.concatenate([sharp_truths.values, blunt_truths.values]), np.ones((830, 4), dtype=bool), True
    )
    languages = ["da"] * 400 + ["de"] * 400 + ["tr"] * 30
    pipe = stand_in(logits)
    rows = calibrate(pipe, make_docs(truths, languages), by_language=True, min_texts=50)
    calibration = pipe.calibration
    assert calibration.by_language == {
        "da": fit_temperature(sharp, sharp_truths),
        "de": fit_temperature(blunt[:400], blunt_truths.rows(range(400))),
    }
    assert calibration.temperature == fit_temperature(logits, truths)
    assert {row.language: row.own for row in rows} == {"da": True, "de": True, "tr": False, "all": False}
    # A text is scored by its language; one of another, or of none, by all.
    texts = make_docs(truths, languages)[:3]
    for doc, language in zip(texts, ["de", "fr", None], strict=True):
        set_language(doc, language)
    used = [calibration.by_language["de"], calibration.temperature, calibration.temperature]
    expected = torch.softmax(torch.tensor(logits[:3]) / torch.tensor(used)[:, None], dim=1)
    np.testing.assert_allclose(pipe.scores_of(logits[:3], texts), expected, rtol=1e-5)


def test_texts_without_a_language_have_no_temperature_of_their_own():
    logits, truths = simulate(4, 200, 2.0)
    pipe = stand_in(logits)
    calibrate(pipe, make_docs(truths, [None] * 200), by_language=True)
    assert pipe.calibration.by_language == {}


@pytest.mark.parametrize("temperature", [0.05, 0.7, 1.0, 1.3, 40.0, 100.0])
def test_no_top_label_changes_not_even_of_ties(temperature):
    rng = np.random.default_rng(0)
    one = np.float32(1.0)
    ties = [
        [one, one, 0, -1],
        [0, one, np.nextafter(one, 2), -1],
        [np.nextafter(one, 2), one, np.nextafter(one, 2), -1],
        [1e-6, 2e-6, 0, -1e-6],
        [0, 0, 0, 0],
        [80, 200, -300, 200],
    ]
    close = 1 + 1e-7 * rng.integers(-4, 5, size=(5000, 4))
    logits = np.concatenate([np.array(ties), close, 10 * rng.normal(size=(5000, 4))]).astype("f")
    docs = [NLP.make_doc("x")] * len(logits)
    pipe = stand_in(logits)
    plain = pipe.scores_of(logits, docs)
    pipe.cfg["calibration"] = {"temperature": temperature, "by_language": {}, "abstain_below": None}
    scores = pipe.scores_of(logits, docs)
    # The first of the highest, as spaCy's scorer takes it.
    np.testing.assert_array_equal(scores.argmax(axis=1), plain.argmax(axis=1))
    np.testing.assert_allclose(scores.sum(axis=1), 1, rtol=1e-5)
    scaled = torch.softmax(torch.tensor(logits) / temperature, dim=1).numpy()
    np.testing.assert_allclose(scores, scaled, rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize("temperature", [0.05, 1.3, 100.0])
def test_no_independent_label_crosses_a_half(temperature):
    logits = np.array([[1e-6, -1e-6, -3e-8, 0.0], [5, -5, 0.1, -0.1]], dtype="f")
    pipe, docs = stand_in(logits, exclusive=False), [NLP.make_doc("x")] * 2
    plain = pipe.scores_of(logits, docs)
    pipe.cfg["calibration"] = {"temperature": temperature, "by_language": {}, "abstain_below": None}
    scores = pipe.scores_of(logits, docs)
    np.testing.assert_array_equal(scores >= 0.5, plain >= 0.5)
    np.testing.assert_allclose(scores, torch.sigmoid(torch.tensor(logits) / temperature), atol=1e-6)


def test_the_threshold_leaves_most_texts_of_those_that_reach_the_target():
    scores = np.array([0.9, 0.5, 0.8, 0.7, 0.7, 0.6])
    right = np.array([True, False, True, True, False, True])
    # From the top: 1/1, 2/2, (3 or) 3/4, 4/5, 4/6.
    assert choose_threshold(scores, right, 0.8, min_texts=1) == pytest.approx(0.55)
    assert choose_threshold(scores, right, 0.9, min_texts=1) == pytest.approx(0.75)
    assert choose_threshold(scores, right, 0.6, min_texts=1) == 0.0
    with pytest.raises(ValueError, match=r"X766.*0\.800"):
        choose_threshold(scores, right, 0.9, min_texts=3)


def test_the_target_accuracy_is_that_of_the_texts_that_are_answered():
    logits, truths = simulate(5, 1000, 2.0)
    pipe = stand_in(logits)
    *_, total = calibrate(pipe, make_docs(truths), target_accuracy=0.9)
    scores = pipe.scores_of(logits, make_docs(truths))
    kept = scores.max(axis=1) >= pipe.calibration.abstain_below
    right = truths.values[np.arange(1000), scores.argmax(axis=1)][kept]
    assert right.mean() >= 0.9
    assert (total.answered, total.answered_accuracy) == (kept.mean(), right.mean())
    assert total.accuracy < 0.9


def test_bad_dev_text_is_refused():
    logits, truths = simulate(6, 60, 2.0)
    pipe, docs = stand_in(logits), make_docs(truths)
    with pytest.raises(ValueError, match="X761"):
        calibrate(pipe, [NLP.make_doc("0")])
    with pytest.raises(ValueError, match=r"X764.*0\.5"):
        calibrate(pipe, docs, abstain_below=0.5, target_accuracy=0.9)
    with pytest.raises(ValueError, match=r"X764.*1\.5"):
        calibrate(pipe, docs, target_accuracy=1.5)
    with pytest.raises(ValueError, match="X532"):
        calibrate(stand_in(logits, exclusive=False), docs, abstain_below=0.5)
    right = [doc for doc, row in zip(docs, logits, strict=True) if doc.cats[LABELS[row.argmax()]]]
    with pytest.raises(ValueError, match="X762"):
        calibrate(pipe, right)
    docs[0].cats = dict.fromkeys(LABELS, 1.0)
    with pytest.raises(ValueError, match=r"X767.*1 dev text"):
        calibrate(pipe, docs)
    docs[0].cats["NEW"] = 1.0
    with pytest.raises(ValueError, match=r"X763.*NEW"):
        calibrate(pipe, docs)


def test_the_component_is_found_by_name():
    nlp = spacy.blank("xx")
    with pytest.raises(ValueError, match=r"X760.*none"):
        find_component(nlp)
    for name in ("one", "two"):
        nlp.add_pipe("xling_textcat", name=name)
    with pytest.raises(ValueError, match=r"X760.*one.*two"):
        find_component(nlp)
    assert find_component(nlp, "two").name == "two"
