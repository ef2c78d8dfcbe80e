"""Classification losses. Torch is imported when one is taken: a pipeline that only predicts has none.

They keep thinc's contract, scores and truths in, gradient and loss out, with two additions: a mask of what
is known, and the reduction. Scores are logits, and the gradient is on the logits. What isn't known adds
nothing to the loss, to its gradient, or to the number that a mean divides by.
"""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Literal

import numpy as np
from thinc.api import xp2torch
from thinc.backends import get_array_ops

from ..errors import Errors
from ..pairs import Pairs, read_pairs
from ..types import Floats2d

if TYPE_CHECKING:
    from torch import Tensor

Reduction = Literal["mean", "sum"]
# "balanced", or pairs of a label and its weight; a label that isn't named weighs 1.
LabelWeights = Literal["balanced"] | Pairs


class LabelCounts:
    """How often each label is given and denied in the training data: what "balanced" weights come from.

    given (Counter): Texts in which a label is 1, by label.
    denied (Counter): Texts in which a label is 0, by label.
    """

    def __init__(self, given: Mapping[str, int] = {}, denied: Mapping[str, int] = {}) -> None:
        self.given = Counter(given)
        self.denied = Counter(denied)

    def add(self, cats: Mapping[str, float]) -> None:
        """Count the categories of one text."""
        for label, value in cats.items():
            (self.given if value else self.denied)[label] += 1


class ClassificationLoss:
    """What the classification losses share.

    exclusive_classes (bool): Whether exactly one label is true of a text (softmax), or any number (sigmoid).
    weights_name (str): The setting that holds the weights of the labels.
    weights (LabelWeights): Weights of the labels.
    """

    exclusive_classes: bool
    weights_name: str

    def __init__(self, weights: LabelWeights = None) -> None:
        # None for "balanced".
        self.weights: dict[str, float] | None = None
        if weights != "balanced":
            self.weights = read_pairs(self.weights_name, weights)
            for label, weight in self.weights.items():
                if not (np.isfinite(weight) and weight >= 0):
                    raise ValueError(Errors.X402.format(label=label, found=weight))

    def __call__(
        self,
        logits: Floats2d,
        truths: Floats2d,
        known: Floats2d,
        *,
        labels: Sequence[str],
        counts: LabelCounts,
        reduction: Reduction = "mean",
        over: Callable[[float], float] = float,
    ) -> tuple[Floats2d, float]:
        """The loss of a batch and its gradient on the logits.

        logits (Floats2d): *Shape:* (texts, labels)
        truths (Floats2d): 1 for a label that is true, else 0. *Shape:* (texts, labels)
        known (Floats2d): 1 where the truth is known, else 0. *Shape:* (texts, labels)
        labels (Sequence[str]): Names of the columns.
        counts (LabelCounts): Of the training data, for "balanced".
        reduction (Literal["mean", "sum"]): Over what is known.
        over (Callable[[float], float]): From the number of what is known to what a mean divides by: the same,
            or that of a batch of which this is a part.
        RETURNS (tuple[Floats2d, float]): Gradient (texts, labels) and loss, in nats; zeros and 0 where
            nothing is known.
        """
        from torch import inference_mode
        from torch.autograd import grad

        # The loss may be asked for where torch keeps no gradients.
        with inference_mode(False):
            scores = xp2torch(logits).clone().requires_grad_(True)
            truth, mask = (xp2torch(array).to(scores) for array in (truths, known))
            weights = scores.new_tensor(self.label_weights(labels, counts))
            total, normaliser = self.sums(scores, truth, mask, weights)
            divisor = over(normaliser.item())
            loss = total / divisor if reduction == "mean" and divisor else total
            (gradient,) = grad(loss, scores)
        return get_array_ops(logits).asarray(gradient.cpu().numpy()), loss.item()

    def sums(
        self, logits: "Tensor", truths: "Tensor", known: "Tensor", weights: "Tensor"
    ) -> "tuple[Tensor, Tensor]":
        """The summed loss, and the number that a mean divides it by."""
        raise NotImplementedError

    def label_weights(self, labels: Sequence[str], counts: LabelCounts) -> Sequence[float]:
        """The weight of each label.

        RAISES (ValueError): A weight for a label that isn't there.
        """
        if self.weights is None:
            return [self.balanced_weight(label, labels, counts) for label in labels]
        unknown = sorted(set(self.weights) - set(labels))
        if unknown:
            raise ValueError(Errors.X403.format(unknown=unknown, labels=list(labels)))
        return [self.weights.get(label, 1.0) for label in labels]

    def balanced_weight(self, label: str, labels: Sequence[str], counts: LabelCounts) -> float:
        """The weight of a label under "balanced"; 1 for a label that was never seen."""
        raise NotImplementedError


class SoftmaxLoss(ClassificationLoss):
    """Losses of exclusive classes. A text takes part if one of its known labels is true."""

    exclusive_classes = True
    weights_name = "class_weights"

    def balanced_weight(self, label: str, labels: Sequence[str], counts: LabelCounts) -> float:
        """Texts / (labels * texts with this label), as in scikit-learn."""
        texts = sum(counts.given[name] for name in labels)
        return texts / (len(labels) * counts.given[label]) if counts.given[label] else 1.0

    def sums(
        self, logits: "Tensor", truths: "Tensor", known: "Tensor", weights: "Tensor"
    ) -> "tuple[Tensor, Tensor]":
        takes_part = (truths * known).sum(dim=1) > 0
        target = truths[takes_part].argmax(dim=1)
        return self.softmax_sum(logits[takes_part], target, weights), weights[target].sum()

    def softmax_sum(self, logits: "Tensor", target: "Tensor", weights: "Tensor") -> "Tensor":
        """The summed loss of texts that take part, each with its true label's number."""
        raise NotImplementedError


class CrossEntropy(SoftmaxLoss):
    """See `build_cross_entropy_v1`."""

    def __init__(self, class_weights: LabelWeights, label_smoothing: float) -> None:
        super().__init__(class_weights)
        if not 0 <= label_smoothing < 1:
            raise ValueError(Errors.X404.format(found=label_smoothing))
        self.label_smoothing = label_smoothing

    def softmax_sum(self, logits: "Tensor", target: "Tensor", weights: "Tensor") -> "Tensor":
        from torch.nn.functional import cross_entropy

        return cross_entropy(logits, target, weights, reduction="sum", label_smoothing=self.label_smoothing)


class FocalLoss(SoftmaxLoss):
    """See `build_focal_loss_v1`."""

    def __init__(self, gamma: float, class_weights: LabelWeights) -> None:
        super().__init__(class_weights)
        self.gamma = _checked_gamma(gamma)

    def softmax_sum(self, logits: "Tensor", target: "Tensor", weights: "Tensor") -> "Tensor":
        log_p = logits.log_softmax(dim=1).gather(1, target.unsqueeze(1)).squeeze(1)
        return (weights[target] * _focus(log_p, self.gamma) * -log_p).sum()


class SigmoidLoss(ClassificationLoss):
    """Losses of independent labels. An unannotated label is unknown, and not 0."""

    exclusive_classes = False
    weights_name = "positive_weights"

    def balanced_weight(self, label: str, labels: Sequence[str], counts: LabelCounts) -> float:
        """Texts without the label / texts with it."""
        given, denied = counts.given[label], counts.denied[label]
        return denied / given if given and denied else 1.0


class BinaryCrossEntropy(SigmoidLoss):
    """See `build_binary_cross_entropy_v1`."""

    def sums(
        self, logits: "Tensor", truths: "Tensor", known: "Tensor", weights: "Tensor"
    ) -> "tuple[Tensor, Tensor]":
        from torch.nn.functional import binary_cross_entropy_with_logits

        total = binary_cross_entropy_with_logits(logits, truths, known, pos_weight=weights, reduction="sum")
        return total, known.sum()


class BinaryFocalLoss(SigmoidLoss):
    """See `build_binary_focal_loss_v1`."""

    def __init__(self, gamma: float, positive_weights: LabelWeights) -> None:
        super().__init__(positive_weights)
        self.gamma = _checked_gamma(gamma)

    def sums(
        self, logits: "Tensor", truths: "Tensor", known: "Tensor", weights: "Tensor"
    ) -> "tuple[Tensor, Tensor]":
        from torch.nn.functional import logsigmoid

        log_p = logsigmoid(logits.where(truths > 0, -logits))
        weight = weights.expand_as(truths).where(truths > 0, weights.new_ones(()))
        return (known * weight * _focus(log_p, self.gamma) * -log_p).sum(), known.sum()


def build_cross_entropy_v1(
    class_weights: LabelWeights = None, label_smoothing: float = 0.0
) -> ClassificationLoss:
    """Cross entropy of exclusive classes: -w_y log P(y | x).

    class_weights (LabelWeights): Pairs of a class and its weight, `[["refund", 2.0]]`, or "balanced": texts /
        (classes * texts of the class), counted in the examples that `initialize` sees (with `max_epochs = -1`
        the first 100); None weighs all alike. A mean is divided by the sum of the weights, as in torch.
    label_smoothing (float): Share of the truth that is spread over all classes (Szegedy et al. 2016,
        arXiv 1512.00567), from 0 to below 1.
    RETURNS (ClassificationLoss): The loss.
    RAISES (ValueError): A setting out of range.
    """
    return CrossEntropy(class_weights, label_smoothing)


def build_focal_loss_v1(gamma: float = 2.0, class_weights: LabelWeights = None) -> ClassificationLoss:
    """Focal loss of exclusive classes: -w_y (1 - p_y)^gamma log p_y (Lin et al. 2017, arXiv 1708.02002),
    which turns from texts that are easy already. gamma = 0 is cross entropy.

    gamma (float): How far to turn from easy texts, 0 or more.
    class_weights (LabelWeights): As for cross entropy.
    RETURNS (ClassificationLoss): The loss.
    RAISES (ValueError): A setting out of range.
    """
    return FocalLoss(gamma, class_weights)


def build_binary_cross_entropy_v1(positive_weights: LabelWeights = None) -> ClassificationLoss:
    """Cross entropy of independent labels: -(w t log p + (1 - t) log (1 - p)), over the labels that are
    annotated.

    positive_weights (LabelWeights): Pairs of a label and its weight w where it is true, `[["joy", 3.0]]`, or
        "balanced": texts without the label / texts with it, counted in the training data; None weighs all
        alike.
    RETURNS (ClassificationLoss): The loss.
    RAISES (ValueError): Weights that are no pairs, or out of range.
    """
    return BinaryCrossEntropy(positive_weights)


def build_binary_focal_loss_v1(
    gamma: float = 2.0, positive_weights: LabelWeights = None
) -> ClassificationLoss:
    """Focal loss of independent labels: -w (1 - p_t)^gamma log p_t, p_t the probability of what is true
    (Lin et al. 2017, arXiv 1708.02002), over the labels that are annotated. gamma = 0 is binary cross
    entropy.

    gamma (float): How far to turn from easy labels, 0 or more.
    positive_weights (LabelWeights): As for binary cross entropy.
    RETURNS (ClassificationLoss): The loss.
    RAISES (ValueError): A setting out of range.
    """
    return BinaryFocalLoss(gamma, positive_weights)


def _focus(log_p: "Tensor", gamma: float) -> "Tensor":
    from torch import finfo

    # 1 - p through expm1, which is exact where p is near 1; the floor keeps the power's gradient finite.
    return (-log_p.expm1()).clamp(min=finfo(log_p.dtype).tiny) ** gamma


def _checked_gamma(gamma: float) -> float:
    if not (np.isfinite(gamma) and gamma >= 0):
        raise ValueError(Errors.X405.format(found=gamma))
    return gamma
