"""The words of a text, as dictionaries know them."""

from collections.abc import Sequence
from typing import NamedTuple
from unicodedata import normalize

import regex

# Scripts that put no blanks between words.
UNSPACED_SCRIPTS = ("Han", "Hiragana", "Katakana", "Thai", "Lao", "Khmer", "Myanmar", "Tibetan")

_UNSPACED = "".join(rf"\p{{{script}}}" for script in UNSPACED_SCRIPTS)
# Signs that both Japanese syllabaries share: of length and of voice, wide and narrow.
_SHARED = "ーｰﾞﾟ"
_SPACED = rf"[[\w\p{{M}}]--[{_UNSPACED}{_SHARED}]]+"
# A run of Katakana is one word, as most loanwords are.
_WORD = regex.compile(
    rf"[\p{{Katakana}}{_SHARED}\u3099\u309a]+|[{_UNSPACED}]\p{{M}}*|{_SPACED}(?:['’]{_SPACED})*",
    regex.VERSION1,
)
_STARTS_UNSPACED = regex.compile(rf"[{_UNSPACED}{_SHARED}\u3099\u309a]", regex.VERSION1)

SENTENCE_MARKS = frozenset(".!?…\n¡¿。！？।")


class Word(NamedTuple):
    """A word of a text.

    text (str): The word as it is written.
    start (int): Offset of its first character in the text.
    end (int): Offset after its last character.
    """

    text: str
    start: int
    end: int


def find_words(text: str) -> list[Word]:
    """Find the words of a text: runs of letters, marks and digits, with apostrophes inside.

    In a script without blanks between words (Chinese, Japanese, Thai, Lao, Khmer, Burmese, Tibetan) each
    character with its marks is a word of its own, but for a run of Katakana. Entries of a dictionary are
    sequences of such words, so that a Chinese word is a phrase of its characters.
    """
    return [Word(found.group(), found.start(), found.end()) for found in _WORD.finditer(text)]


def is_unspaced(word: str) -> bool:
    """Tell whether a word, or its last character, belongs to a script that puts no blanks between words."""
    # Thai is the first of these scripts.
    return word[0] >= "\u0e00" and _STARTS_UNSPACED.match(word) is not None


def lower(word: str) -> str:
    """A word as it is looked up: in lower case, letters composed (NFC), with plain apostrophes. The lower
    case of the Turkish İ is a plain i, and not an i with a second dot.
    """
    return normalize("NFC", word.lower().replace("i\u0307", "i").replace("’", "'"))


def phrase_key(text: str, words: Sequence[Word], keys: Sequence[str]) -> str:
    """What some words that follow each other in a text are looked up by: the words, and whatever stands
    between them besides blanks, all with a blank between, as "e - mail".

    text (str): The text.
    words (Sequence[Word]): The words, one or more.
    keys (Sequence[str]): Each as `lower` gives it.
    RETURNS (str): The key.
    """
    parts = [keys[0]]
    for number in range(1, len(words)):
        between = text[words[number - 1].end : words[number].start]
        parts += [*between.split(), keys[number]]
    return " ".join(parts)


def sentence_starts(text: str, words: Sequence[Word]) -> list[bool]:
    """Tell which words begin a sentence: the first one, and those after a full stop, an exclamation or
    question mark, or a line's end.
    """
    ends = [0, *(word.end for word in words)]
    return [
        number == 0 or any(mark in SENTENCE_MARKS for mark in text[ends[number] : word.start])
        for number, word in enumerate(words)
    ]
