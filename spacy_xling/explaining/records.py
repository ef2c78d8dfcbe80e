"""What an explanation says: records that JSON can hold."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple


@dataclass(frozen=True)
class WordScore:
    """A word, and what it did for the score.

    text (str): The word as it is written, or signs that stand between words.
    start (int): Offset of its first character in the text.
    end (int): Offset after its last character.
    score (float): Above 0 where it raised the score of the label, below 0 where it lowered it.
    """

    text: str
    start: int
    end: int
    score: float


class Scored(NamedTuple):
    """What a method found: the fields of an `Explanation` of these names."""

    words: Sequence[WordScore]
    score: float
    baseline: float | None = None
    completeness: float | None = None


@dataclass(frozen=True)
class Explanation:
    """Why a text has the score that it has.

    text (str): The text that the classifier read: with `text_field = "translation"` the translation.
    words (Sequence[WordScore]): Its words, in their order. Only blanks stand between them.
    label (str): The label.
    score (float): Its score, from 0 to 1.
    method (str): "occlusion" or "integrated_gradients".
    language (str | None): Language of the Doc's own text, if it is known.
    original (str | None): The Doc's own text, where a translation was read; else None.
    baseline (float | None): For integrated gradients, the score of the baseline, a text of pieces that say
        nothing in particular.
    completeness (float | None): For integrated gradients, what the words' scores sum up to, less what they
        should: `score` minus `baseline`.
    """

    text: str
    words: Sequence[WordScore]
    label: str
    score: float
    method: str
    language: str | None = None
    original: str | None = None
    baseline: float | None = None
    completeness: float | None = None

    @property
    def ranked(self) -> list[WordScore]:
        """The words, those that raised the score most first; of equal ones, the first."""
        return sorted(self.words, key=lambda word: -word.score)
