"""Whether a score of 0.8 is right 8 times in 10."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from .predictions import Predictions

BINS = 15


class Bin(NamedTuple):
    """The predictions whose probability lies in a bin: their number, the mean of their probabilities, and the
    share of them that are right.
    """

    size: int
    confidence: float
    accuracy: float


def calibration_pairs(predictions: Predictions) -> tuple[np.ndarray, np.ndarray] | None:
    """What is compared with what: the probability of each text's first label and whether it is right, or
    where texts aren't exclusive, the probability of each known label and whether the text has it. None where
    a score is no probability. *Shape:* (pairs,), (pairs,)
    """
    scores = predictions.scores
    if scores.size and not (scores.min() >= 0 and scores.max() <= 1):
        return None
    if predictions.exclusive:
        return scores.max(axis=1), predictions.is_right
    return scores[predictions.known], predictions.gold[predictions.known]


def reliability_bins(probabilities: np.ndarray, right: np.ndarray, bins: int = BINS) -> Sequence[Bin]:
    """Sort predictions into bins of equal width, (0, 1/15], (1/15, 2/15] ...; 0 belongs to the first.

    probabilities (ndarray): The probabilities. *Shape:* (predictions,)
    right (ndarray): 1 where a prediction is right, else 0. *Shape:* (predictions,)
    bins (int): Number of bins.
    RETURNS (Sequence[Bin]): The bins, from low to high; an empty one has means of 0.
    """
    # A score of float32 may lie beside an edge by its rounding alone; it's 1e-7 at most.
    numbers = np.clip(np.ceil(probabilities * bins - 1e-6).astype(int) - 1, 0, bins - 1)
    counts = np.bincount(numbers, minlength=bins)
    divisors = np.maximum(counts, 1)
    confidence = np.bincount(numbers, weights=probabilities, minlength=bins) / divisors
    accuracy = np.bincount(numbers, weights=right, minlength=bins) / divisors
    return [
        Bin(int(size), float(mean), float(share))
        for size, mean, share in zip(counts, confidence, accuracy, strict=True)
    ]


def expected_calibration_error(bins: Sequence[Bin]) -> float:
    """The mean distance between confidence and accuracy over all predictions, from 0 to 1; 0 without any:
    ECE = sum_b n_b / n * |accuracy_b - confidence_b|. Guo et al. (2017), "On Calibration of Modern Neural
    Networks", section 2, https://arxiv.org/abs/1706.04599
    """
    total = sum(found.size for found in bins)
    gaps = sum(found.size * abs(found.accuracy - found.confidence) for found in bins)
    return gaps / total if total else 0.0
