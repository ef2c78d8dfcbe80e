"""Scores as pure functions of predictions, as spaCy's scorer and scikit-learn define them.

With tp, fp and fn the texts of a label that are rightly given it, wrongly given it and not given it:

    precision = tp / (tp + fp)    recall = tp / (tp + fn)    f1 = 2 tp / (2 tp + fp + fn)
    macro F1  = mean of f1 over ALL labels of the pipeline
    micro F1  = 2 sum tp / (2 sum tp + sum fp + sum fn)
    accuracy  = share of the texts all of whose known labels are right

and 0 for 0 / 0. A label that no text of a language has, and none is given, thus counts as 0 in its macro F1,
so that the means of all languages are over the same labels, and `spacy evaluate` gives the same number.
"""

from typing import NamedTuple

import numpy as np

from .predictions import Doubles2d, Predictions


class Tally(NamedTuple):
    """What accuracy and F1 are computed from, for any number of samples of texts at once.

    right (Doubles1d): Number of texts that are right. *Shape:* (samples,)
    tp (Doubles2d): True positives of each label. *Shape:* (samples, labels)
    fp (Doubles2d): False positives. *Shape:* (samples, labels)
    fn (Doubles2d): False negatives. *Shape:* (samples, labels)
    texts (int): Number of texts of each sample.
    """

    right: np.ndarray
    tp: np.ndarray
    fp: np.ndarray
    fn: np.ndarray
    texts: int

    @property
    def accuracy(self) -> np.ndarray:
        """Share of the texts that are right. *Shape:* (samples,)"""
        return self.right / self.texts

    @property
    def f1(self) -> np.ndarray:
        """F1 of each label. *Shape:* (samples, labels)"""
        return ratio(2 * self.tp, 2 * self.tp + self.fp + self.fn)

    @property
    def macro_f1(self) -> np.ndarray:
        """Mean of the F1 of all labels. *Shape:* (samples,)"""
        return self.f1.mean(axis=-1)

    @property
    def micro_f1(self) -> np.ndarray:
        """F1 of the sums over all labels. *Shape:* (samples,)"""
        tp, fp, fn = (counts.sum(axis=-1) for counts in (self.tp, self.fp, self.fn))
        return ratio(2 * tp, 2 * tp + fp + fn)


def outcomes(predictions: Predictions) -> Doubles2d:
    """What each text adds to a tally: 1 if it is right, then its tp, fp and fn of each label. A sum of rows
    is the tally of those texts. *Shape:* (texts, 1 + 3 * labels)
    """
    given, gold, known = predictions.predicted, predictions.gold, predictions.known
    parts = (
        predictions.is_right[:, None],
        given & gold & known,
        given & ~gold & known,
        ~given & gold & known,
    )
    return np.concatenate(parts, axis=1).astype(np.float64)


def tally(sums: Doubles2d, texts: int) -> Tally:
    """Take the sums of outcomes over samples of texts apart. *Shape:* (samples, 1 + 3 * labels)"""
    tp, fp, fn = np.split(sums[:, 1:], 3, axis=1)
    return Tally(sums[:, 0], tp, fp, fn, texts)


def ratio(part: np.ndarray, whole: np.ndarray) -> np.ndarray:
    """Divide element by element, with 0 for 0 / 0. *Shape:* any, the same for all three"""
    return np.divide(part, whole, out=np.zeros_like(part, dtype=np.float64), where=whole != 0)


def macro_auc(predictions: Predictions) -> float:
    """Area under the ROC curve, from 0 to 1, the mean over all labels: 0, as for spaCy, for one that all or
    none of the texts have. Of the pairs of a text with the label and one without, it is the share where the
    first has the higher score, equal ones counting half (Mann & Whitney 1947).
    """
    total = 0.0
    for column in range(len(predictions.labels)):
        known = predictions.known[:, column]
        gold = predictions.gold[known, column]
        scores = predictions.scores[known, column]
        with_label, without = scores[gold], np.sort(scores[~gold])
        if len(with_label) and len(without):
            below, not_above = (np.searchsorted(without, with_label, side) for side in ("left", "right"))
            total += (below + not_above).mean() / (2 * len(without))
    return total / len(predictions.labels)


def confusion(predictions: Predictions) -> list[list[int]]:
    """Count what was taken for what: where texts are exclusive, their number by label (rows; the last row is
    that of labels that the pipeline doesn't have) and predicted label (columns). Else the true negatives,
    false positives, false negatives and true positives of each label.
    """
    labels = len(predictions.labels)
    given, gold, known = predictions.predicted, predictions.gold, predictions.known
    if not predictions.exclusive:
        pairs = ((~given, ~gold), (given, ~gold), (~given, gold), (given, gold))
        return np.stack([(a & b & known).sum(axis=0) for a, b in pairs], axis=1).tolist()
    true = np.where(gold.any(axis=1), gold.argmax(axis=1), labels)
    counts = np.bincount(true * labels + given.argmax(axis=1), minlength=(labels + 1) * labels)
    return counts.reshape(labels + 1, labels).tolist()
