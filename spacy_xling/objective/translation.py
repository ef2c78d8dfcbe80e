"""The objective of a translator: cross entropy of the translation plus lambda times the masked-LM loss."""

from collections.abc import Callable
from typing import Any, Literal

from ..errors import Errors
from .classification import Reduction
from .masked_lm import DEFAULT_WEIGHT, MaskedLMObjective


class TranslationObjective(MaskedLMObjective):
    """See `build_translation_objective_v1`."""

    def __init__(
        self,
        mlm_weight: float | Callable[[int], float],
        label_smoothing: float,
        reduction: Reduction,
    ) -> None:
        super().__init__(mlm_weight, reduction)
        if not 0 <= label_smoothing < 1:
            raise ValueError(Errors.X404.format(found=label_smoothing))
        self.label_smoothing = label_smoothing


def build_translation_objective_v1(
    mlm_weight: Any = DEFAULT_WEIGHT,
    label_smoothing: float = 0.1,
    reduction: Literal["mean", "sum"] = "mean",
) -> TranslationObjective:
    """L = - sum_i log P(y_i | x, y_1 ... y_i-1)  -  lambda * sum_j log P(w_j | w_without_j).

    The first sum is over the pieces y of the translations and their end pieces, the second over masked pieces
    of raw text. Under `mean` each sum is a mean over its own items, so that lambda doesn't depend on the
    sizes of the batches.

    mlm_weight (float | Callable): lambda, 0 or more: a number, or a schedule of optimiser steps such
        as `spacy-xling.exponential.v1`. Where it is 0 no masked pass runs.
    label_smoothing (float): Share of each piece that is spread over the vocabulary (Szegedy et al. 2016,
        arXiv 1512.00567), from 0 to below 1.
    reduction (Literal["mean", "sum"]): How each term sums up its items.
    RETURNS (TranslationObjective): The objective.
    RAISES (ValueError): A setting out of range.
    """
    return TranslationObjective(mlm_weight, label_smoothing, reduction)
