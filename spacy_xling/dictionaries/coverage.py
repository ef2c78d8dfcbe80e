"""How much of a text a dictionary has."""

from collections.abc import Iterable
from typing import NamedTuple

from .dictionary import Dictionary
from .words import find_words, lower


class Coverage(NamedTuple):
    """How many words of some texts an entry of a dictionary was found for.

    words (int): Running words of the texts.
    found (int): Those that belong to an entry.
    """

    words: int
    found: int

    @property
    def share(self) -> float:
        """Share of the running words that were found, from 0 to 1; 0 where there are none."""
        return self.found / self.words if self.words else 0.0


def measure_coverage(dictionary: Dictionary, texts: Iterable[str]) -> Coverage:
    """Count the running words that a dictionary has of texts in its source language; of a phrase, each of its
    words.
    """
    n_words = n_found = 0
    for text in texts:
        words = find_words(text)
        keys = [lower(word.text) for word in words]
        number = 0
        while number < len(words):
            matched, _ = dictionary.match(text, words, keys, number)
            n_found += matched
            number += max(1, matched)
        n_words += len(words)
    return Coverage(n_words, n_found)
