"""Words' scores by what the score of a text loses without each."""

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from .records import Scored, WordScore

if TYPE_CHECKING:
    from ..dictionaries.words import Word


def occlude_words(
    text: str, words: "Sequence[Word]", score: float, score_texts: Callable[[list[str]], list[float]]
) -> Scored:
    """Take each word out in turn: score(text) - score(text without the word).

    text (str): The text.
    words (Sequence[Word]): Its words.
    score (float): Its score.
    score_texts (Callable[[list[str]], list[float]]): The scores of other texts.
    RETURNS (Scored): The words, with their scores.
    """
    without = score_texts([_leave_out(text, word) for word in words])
    scores = [WordScore(*word, score - left) for word, left in zip(words, without, strict=True)]
    return Scored(scores, score)


def _leave_out(text: str, word: "Word") -> str:
    """A text without a word: of the blanks around it those before it are left, and where there are none those
    after it, so that what it stood between stays apart.

        _leave_out("very late, again", "late")  ->  "very , again"
        _leave_out("very late, again", ",")     ->  "very late again"
    """
    before, after = text[: word.start], text[word.end :]
    return before + (after if before[-1:].strip() else after.lstrip())
