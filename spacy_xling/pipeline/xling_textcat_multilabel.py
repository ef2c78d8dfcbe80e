"""The text classifier with independent labels under the joint objective."""

from spacy.pipeline import MultiLabel_TextCategorizer

from ..errors import Errors
from ..types import Floats2d
from .xling_textcat import XlingTextCategorizer


class XlingMultiLabelTextCategorizer(XlingTextCategorizer, MultiLabel_TextCategorizer):
    """Text classification with independent labels: any number is true of a text. A label that a text
    doesn't name is unknown, and takes no part in the classification loss of that text.
    """

    exclusive_classes = False

    def _probabilities(self, logits: Floats2d) -> Floats2d:
        return self.model.ops.sigmoid(logits)

    def _logits(self, probabilities: Floats2d) -> Floats2d:
        xp = self.model.ops.xp
        info = xp.finfo(probabilities.dtype)
        probabilities = xp.clip(probabilities, info.tiny, 1 - info.epsneg)
        return xp.log(probabilities) - xp.log1p(-probabilities)

    def _keep_decisions(self, scores: Floats2d, plain: Floats2d) -> Floats2d:
        """Let rounding lift no score to 0.5, nor push one below it, that isn't there without temperatures."""
        xp = self.model.ops.xp
        half = xp.asarray(0.5, dtype=scores.dtype)
        below = xp.nextafter(half, xp.zeros_like(half))
        return xp.where(plain < half, xp.minimum(scores, below), xp.maximum(scores, half))

    def _require_labels(self) -> None:
        if not self.labels:
            raise ValueError(Errors.X507.format(name=self.name))
