"""Predictions without a pipeline."""

import numpy as np

from spacy_xling.evaluation.predictions import Predictions


def softmax(values):
    powers = np.exp(values - values.max(axis=1, keepdims=True))
    return powers / powers.sum(axis=1, keepdims=True)


def exclusive(texts, labels, *, languages=("en",), skill=1.5, seed=0):
    """Texts with one label each; the greater the skill, the oftener it has the highest score."""
    generator = np.random.default_rng(seed)
    true = generator.integers(labels, size=texts)
    gold = np.eye(labels, dtype=bool)[true]
    scores = softmax(generator.normal(size=(texts, labels)) + skill * gold)
    return predictions(scores, gold, np.ones_like(gold), languages, is_exclusive=True)


def independent(texts, labels, *, languages=("en",), known=0.8, seed=0):
    """Texts with any number of labels, each known with a probability, the first label always."""
    generator = np.random.default_rng(seed)
    gold = generator.random((texts, labels)) < 0.3
    scores = 1 / (1 + np.exp(-generator.normal(size=(texts, labels)) - 2 * gold + 1))
    annotated = generator.random((texts, labels)) < known
    annotated[:, 0] = True
    return predictions(scores, gold & annotated, annotated, languages, is_exclusive=False)


def predictions(scores, gold, known, languages=("en",), *, is_exclusive, unseen=None, threshold=0.5):
    """Predictions of texts 0, 1, 2 ... with the labels A, B, C ...; languages take turns."""
    texts, labels = np.shape(gold)
    return Predictions(
        labels=[chr(ord("A") + number) for number in range(labels)],
        texts=[f"text {number}" for number in range(texts)],
        rows={name: np.arange(number, texts, len(languages)) for number, name in enumerate(languages)},
        scores=np.asarray(scores, dtype=np.float64),
        gold=np.asarray(gold, dtype=bool),
        known=np.asarray(known, dtype=bool),
        unseen=[()] * texts if unseen is None else unseen,
        exclusive=is_exclusive,
        threshold=threshold,
    )
