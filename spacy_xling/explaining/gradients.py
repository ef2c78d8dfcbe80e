"""Words' scores by integrated gradients."""

import warnings
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from spacy.pipeline import TextCategorizer
from spacy.tokens import Doc

from ..errors import Errors, Warnings
from ..models.contracts import classifier_of
from ..pipeline.calibrated import CalibratedScores
from .records import Scored, WordScore
from .words import piece_shares

if TYPE_CHECKING:
    from torch import Tensor

    from ..dictionaries.words import Word


def word_gradients(pipe: TextCategorizer | None, doc: Doc, words: "Sequence[Word]", label: str) -> Scored:
    """Integrate the gradient of a text's score, and sum up the pieces of each word, in all windows.

    pipe (TextCategorizer | None): The component that gave the score; None for one of another kind.
    doc (Doc): The Doc, with the language and the translation that the component read.
    words (Sequence[Word]): The words of the text that was read.
    label (str): The label.
    RETURNS (Scored): The words, with their scores.
    RAISES (ValueError): X953: another component; X954: no word has a piece. (ImportError): X950.
    WARNS (UserWarning): W950.
    """
    if not isinstance(pipe, CalibratedScores) or not classifier_of(pipe.model).is_trainable:
        other = "a component of another kind" if pipe is None else f"'{pipe.name}' ({pipe.model.name})"
        raise ValueError(Errors.X953.format(label=label, found=other))
    from ..models.architectures import joint_shim

    shim = joint_shim(pipe.model)
    text = pipe.read([doc])[0].text
    pieces = shim.split([text])
    if not pieces.has_words.any():
        raise ValueError(Errors.X954.format(text=text[:60]))
    values, found = shim.attribute(pieces, _score(pipe, doc, label))
    if not found.is_complete:
        expected = found.score - found.baseline
        warnings.warn(
            Warnings.W950.format(steps=found.steps, found=expected + found.completeness, expected=expected),
            stacklevel=3,
        )
    whole = shim.tokenizer.backend_tokenizer.encode(text)
    offsets = [offset for window in (whole, *whole.overflowing) for offset in window.offsets]
    scores = values @ piece_shares(words, offsets, pieces.words)
    return Scored(
        [WordScore(*word, score) for word, score in zip(words, scores.tolist(), strict=True)],
        found.score,
        found.baseline,
        found.completeness,
    )


def _score(pipe: CalibratedScores, doc: Doc, label: str) -> "Callable[[Tensor], Tensor]":
    """Logits (texts, labels) to the score of a label (texts,), as `CalibratedScores.scores_of` makes it."""
    from thinc.api import xp2torch

    offsets, temperature = pipe.offsets_of([doc]), pipe.temperatures_of([doc])
    column = pipe.cfg["labels"].index(label)

    def score(logits: "Tensor") -> "Tensor":
        offset, divisor = (xp2torch(array, device=logits.device) for array in (offsets, temperature))
        logits = (logits + offset) / divisor
        scores = logits.softmax(dim=1) if pipe.exclusive_classes else logits.sigmoid()
        return scores[:, column]

    return score
