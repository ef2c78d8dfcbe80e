"""The text classifier with independent labels under the joint objective."""

from collections.abc import Callable, Iterable

from spacy.language import Language
from spacy.pipeline import MultiLabel_TextCategorizer
from spacy.training import Example

from ..errors import Errors
from ..types import Floats2d
from .xling_textcat import XlingTextCategorizer


class XlingMultiLabelTextCategorizer(XlingTextCategorizer, MultiLabel_TextCategorizer):
    """Text classification with independent labels: any number is true of a text. A label that a text
    doesn't name is unknown, and takes no part in the classification loss of that text.
    """

    exclusive_classes = False

    def initialize(  # type: ignore[override]
        self,
        get_examples: Callable[[], Iterable[Example]],
        *,
        nlp: Language | None = None,
        labels: Iterable[str] | None = None,
        unlabelled: Callable | None = None,
        dictionaries: Callable | None = None,
        translations: Callable | None = None,
        heldout_texts: int = 0,
        heldout_languages: list[str] | None = None,
    ) -> None:
        """Read the checkpoint, and get ready to train; see `XlingTextCategorizer.initialize`.

        get_examples (Callable[[], Iterable[Example]]): Gives a representative sample of the training data.
        nlp (Language | None): The pipeline.
        labels (Iterable[str] | None): The labels; without them, those of the examples.
        unlabelled (Callable | None): A reader of raw text, e.g. `spacy-xling.UnlabelledText.v1`.
        dictionaries (Callable | None): A reader of dictionaries, e.g. `spacy-xling.Dictionaries.v1`.
        translations (Callable | None): A reader of translations, e.g. `spacy-xling.Translations.v1`.
        heldout_texts (int): How many held-out texts of each language to measure the masked-LM loss on.
        heldout_languages (list[str] | None): Those languages; None for all.
        """
        super().initialize(
            get_examples,
            nlp=nlp,
            labels=labels,
            unlabelled=unlabelled,
            dictionaries=dictionaries,
            translations=translations,
            heldout_texts=heldout_texts,
            heldout_languages=heldout_languages,
        )

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
