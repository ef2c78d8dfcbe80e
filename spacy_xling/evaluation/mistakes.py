"""The texts that a pipeline gets most surely wrong."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from ..types import Ints1d
from .predictions import Predictions


class Mistake(NamedTuple):
    """A text that is wrong.

    text (str): The text.
    gold (Sequence[str]): Its labels, those that the pipeline doesn't have too.
    predicted (Sequence[str]): The labels that the pipeline gives it, of those that it was annotated for.
    score (float): How sure the pipeline is of its surest wrong decision: the score of a label that it gives
        wrongly, or 1 minus that of a label that it doesn't give.
    """

    text: str
    gold: Sequence[str]
    predicted: Sequence[str]
    score: float


def worst_mistakes(predictions: Predictions, limit: int) -> list[Mistake]:
    """The mistakes that the pipeline is surest of, the surest first; of equal ones, the first text."""
    given, scores, known = predictions.predicted, predictions.scores, predictions.known
    wrong = (given != predictions.gold) & known
    if predictions.exclusive:
        # What the right label lacks is no decision of its own.
        wrong &= given
    sureness = np.where(wrong, np.where(given, scores, 1 - scores), -np.inf).max(axis=1)
    # A text may be wrong by a label alone that the pipeline doesn't have.
    sureness[np.isneginf(sureness)] = 0.0
    rows: Ints1d = np.flatnonzero(~predictions.is_right)
    worst = rows[np.argsort(-sureness[rows], kind="stable")][:limit]
    return [
        Mistake(
            predictions.texts[row],
            [*_names(predictions.labels, predictions.gold[row]), *predictions.unseen[row]],
            _names(predictions.labels, given[row] & known[row]),
            float(sureness[row]),
        )
        for row in map(int, worst)
    ]


def _names(labels: Sequence[str], chosen: np.ndarray) -> list[str]:
    return [labels[column] for column in map(int, np.flatnonzero(chosen))]
