"""The masked-LM term: lambda, and how the losses of the masked pieces are summed up."""

from collections.abc import Callable
from typing import Any, Literal

import numpy as np

from ..errors import Errors
from ..optimizer.schedules import value_at
from .classification import Reduction

DEFAULT_WEIGHT = 0.1


class MaskedLMObjective:
    """See `build_masked_lm_objective_v1`."""

    def __init__(self, mlm_weight: float | Callable[[int], float], reduction: Reduction) -> None:
        if not (callable(mlm_weight) or isinstance(mlm_weight, (int, float))):
            raise ValueError(Errors.X406.format(found=type(mlm_weight).__name__))
        self.mlm_weight = mlm_weight
        self.reduction = reduction
        # A number is checked at once, a schedule at each step.
        self.mlm_weight_at(0)

    @property
    def has_mlm(self) -> bool:
        """Whether a masked pass may ever run."""
        return callable(self.mlm_weight) or self.mlm_weight > 0

    def mlm_weight_at(self, step: int) -> float:
        """lambda at an optimiser step, counted from 0.

        RAISES (ValueError): It is negative, or not a number.
        """
        weight = value_at(self.mlm_weight, step)
        if not (np.isfinite(weight) and weight >= 0):
            raise ValueError(Errors.X401.format(found=weight, step=step))
        return weight

    def mlm_term(self, mlm_sum: float, n_targets: float) -> tuple[float, float]:
        """The gradient on the summed masked-LM loss, and the masked-LM loss, before lambda.

        mlm_sum (float): The sum over targets of -log P(target), in nats.
        n_targets (float): How many targets there are.
        """
        share = self.mean_factor(n_targets)
        return share, share * mlm_sum

    def mean_factor(self, n: float) -> float:
        """What a sum over n items is multiplied by: 1 / n under `mean`, 1 under `sum`, or for no item."""
        return 1 / n if self.reduction == "mean" and n else 1.0

    def docs_factor(self, n_docs: int) -> float:
        """What the masked-LM loss is multiplied by to stand beside losses that are sums over docs: their
        number under `mean`, so that each doc brings lambda times the mean; 1 under `sum`.
        """
        return float(n_docs) if self.reduction == "mean" else 1.0


def build_masked_lm_objective_v1(
    mlm_weight: Any = DEFAULT_WEIGHT, reduction: Literal["mean", "sum"] = "mean"
) -> MaskedLMObjective:
    """lambda times the masked-LM loss, beside the losses L_i of other components, which spaCy sums up over
    the N docs of a batch:

        mean:  L = sum_i (L_i + lambda * mean_j -log P(w_j | w_without_j))
        sum:   L = sum_i L_i  +  lambda * sum_j -log P(w_j | w_without_j)

    Under `mean` lambda depends neither on the size of the batch nor on how much raw text goes with it.

    mlm_weight (float | Callable): lambda, 0 or more: a number, or a schedule of optimiser steps such
        as `spacy-xling.exponential.v1`. Where it is 0 no masked pass runs.
    reduction (Literal["mean", "sum"]): How the term sums up its targets.
    RETURNS (MaskedLMObjective): The objective.
    RAISES (ValueError): A negative weight, or what is neither a number nor a function of the step.
    """
    return MaskedLMObjective(mlm_weight, reduction)
