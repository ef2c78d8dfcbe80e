"""The joint objective: a classification loss plus lambda times the masked-LM loss."""

from typing import Any, Callable, Literal, Sequence, Tuple, Union

import numpy as np

from ..errors import Errors
from ..training.schedules import value_at
from ..types import Floats2d
from .classification import ClassificationLoss, LabelCounts, Reduction


class JointObjective:
    """See `build_joint_objective_v1`."""

    def __init__(
        self,
        classification: ClassificationLoss,
        mlm_weight: Union[float, Callable[[int], float]],
        reduction: Reduction,
    ) -> None:
        if not (callable(mlm_weight) or isinstance(mlm_weight, (int, float))):
            raise ValueError(Errors.X406.format(found=type(mlm_weight).__name__))
        self.classification = classification
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

    def classification_term(
        self,
        logits: Floats2d,
        truths: Floats2d,
        known: Floats2d,
        labels: Sequence[str],
        counts: LabelCounts,
    ) -> Tuple[Floats2d, float]:
        """The gradient on the logits, and the classification loss; see `ClassificationLoss`."""
        return self.classification(
            logits, truths, known, labels=labels, counts=counts, reduction=self.reduction
        )

    def mlm_term(self, mlm_sum: float, n_targets: int) -> Tuple[float, float]:
        """The gradient on the summed masked-LM loss, and the masked-LM loss, before lambda.

        mlm_sum (float): The sum over targets of -log P(target), in nats.
        n_targets (int): How many targets there are.
        """
        share = self.mean_factor(n_targets)
        return share, share * mlm_sum

    def mean_factor(self, n: int) -> float:
        """What a sum over n items is multiplied by: 1 / n under `mean`, 1 under `sum`, or for no item."""
        return 1 / n if self.reduction == "mean" and n else 1.0


def build_joint_objective_v1(
    classification: ClassificationLoss,
    mlm_weight: Any = 0.1,
    reduction: Literal["mean", "sum"] = "mean",
) -> JointObjective:
    """L = classification loss + lambda * masked-LM loss.

    Under `sum` this is -sum_i log P(y_i | x_i) - lambda * sum_j log P(w_j | w_without_j). Under `mean` each
    sum is a mean over its own items, so that lambda doesn't depend on the sizes of the batches.

    classification (ClassificationLoss): A classification loss, e.g. `spacy-xling.CrossEntropy.v1`.
    mlm_weight (Union[float, Callable]): lambda, 0 or more: a number, or a schedule of optimiser steps such
        as `spacy-xling.exponential.v1`. Where it is 0 no masked pass runs.
    reduction (Literal["mean", "sum"]): How each term sums up its items.
    RETURNS (JointObjective): The objective.
    RAISES (ValueError): A negative weight, or what is neither a number nor a function of the step.
    """
    return JointObjective(classification, mlm_weight, reduction)
