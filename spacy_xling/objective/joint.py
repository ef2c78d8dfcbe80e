"""The joint objective: a classification loss plus lambda times the masked-LM loss."""

from collections.abc import Callable
from typing import Any, Literal

from .classification import ClassificationLoss, Reduction
from .masked_lm import DEFAULT_WEIGHT, MaskedLMObjective


class JointObjective(MaskedLMObjective):
    """See `build_joint_objective_v1`."""

    def __init__(
        self,
        classification: ClassificationLoss,
        mlm_weight: float | Callable[[int], float] | None,
        reduction: Reduction,
    ) -> None:
        super().__init__(DEFAULT_WEIGHT if mlm_weight is None else mlm_weight, reduction)
        # Where lambda was set, text for the masked-LM term must be there.
        self.needs_raw_text = mlm_weight is not None
        self.classification = classification


def build_joint_objective_v1(
    classification: ClassificationLoss,
    mlm_weight: Any = None,
    reduction: Literal["mean", "sum"] = "mean",
) -> JointObjective:
    """L = classification loss + lambda * masked-LM loss.

    Under `sum` this is -sum_i log P(y_i | x_i) - lambda * sum_j log P(w_j | w_without_j). Under `mean` each
    sum is a mean over its own items, so that lambda doesn't depend on the sizes of the batches.

    classification (ClassificationLoss): A classification loss, e.g. `spacy-xling.CrossEntropy.v1`.
    mlm_weight (float | Callable | None): lambda, 0 or more: a number, or a schedule of optimiser
        steps such as `spacy-xling.exponential.v1`. Where it is 0 no masked pass runs. None is 0.1 where there
        is raw text, else 0.
    reduction (Literal["mean", "sum"]): How each term sums up its items.
    RETURNS (JointObjective): The objective.
    RAISES (ValueError): A negative weight, or what is neither a number nor a function of the step.
    """
    return JointObjective(classification, mlm_weight, reduction)
