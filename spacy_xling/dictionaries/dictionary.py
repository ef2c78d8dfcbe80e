"""Bilingual dictionaries in memory: words and phrases to their translations."""

from bisect import bisect_right
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import cached_property
from itertools import accumulate
from typing import NamedTuple, Optional
from zlib import crc32

from .words import Word


class Translations(NamedTuple):
    """What a word or phrase may be translated by.

    texts (tuple[str, ...]): The translations.
    cumulative (tuple[float, ...]): Their shares of the weight, added up; the last is 1.
    """

    texts: tuple[str, ...]
    cumulative: tuple[float, ...]

    def pick(self, draw: float) -> str:
        """The translation that a number belongs to.

        draw (float): A number from 0 to below 1, drawn evenly.
        RETURNS (str): The translation.
        """
        return self.texts[bisect_right(self.cumulative, draw)]


def _translations(weights: Mapping[str, float]) -> Translations:
    added = list(accumulate(weights.values()))
    return Translations(tuple(weights), tuple(weight / added[-1] for weight in added))


class Dictionary:
    """Words and phrases of one language with their translations in another.

    source (str): The language of the words.
    target (str): The language of the translations.
    entries (Mapping[str, Mapping[str, float]]): Weights above 0 of the translations, by the words of an entry
        in lower case with a blank between. Words are those of `find_words`: in a script without blanks,
        characters.
    """

    def __init__(self, source: str, target: str, entries: Mapping[str, Mapping[str, float]]) -> None:
        self.source = source
        self.target = target
        self._translations = {key: _translations(weights) for key, weights in entries.items()}
        # The most words of an entry, by its first word: few words begin a phrase.
        self._longest: dict[str, int] = {}
        for key in self._translations:
            first, *others = key.split(" ")
            self._longest[first] = max(self._longest.get(first, 0), 1 + len(others))

    @property
    def name(self) -> str:
        """Its languages, as "en-da"."""
        return f"{self.source}-{self.target}"

    @cached_property
    def checksum(self) -> int:
        """A number that follows from the entries, their translations and weights."""
        return crc32(repr(list(self._translations.items())).encode("utf8"))

    def __len__(self) -> int:
        return len(self._translations)

    def __contains__(self, key: str) -> bool:
        return key in self._translations

    def __getitem__(self, key: str) -> Translations:
        """The translations of an entry: its words in lower case, with a blank between."""
        return self._translations[key]

    def items(self) -> Iterable[tuple[str, Translations]]:
        """The entries and their translations."""
        return self._translations.items()

    def match(self, text: str, words: Sequence[Word], keys: Sequence[str], first: int) -> int:
        """Find the longest entry that stands at a place of a text, with nothing but blanks between its words,
        and no line end.

        text (str): The text.
        words (Sequence[Word]): Its words.
        keys (Sequence[str]): The same in lower case.
        first (int): The word to begin at, from 0 on.
        RETURNS (int): How many words the entry has; 0 for none.
        """
        longest = self._longest.get(keys[first], 0)
        if longest < 2:
            return longest
        longest = min(longest, len(words) - first)
        n_together = 1
        while n_together < longest:
            between = text[words[first + n_together - 1].end : words[first + n_together].start]
            if between.strip() or "\n" in between:
                break
            n_together += 1
        for n_words in range(min(longest, n_together), 0, -1):
            if " ".join(keys[first : first + n_words]) in self._translations:
                return n_words
        return 0


class Dictionaries:
    """Dictionaries of several languages.

    dictionaries (Sequence[Dictionary]): The dictionaries, one or none for each pair of languages.
    """

    def __init__(self, dictionaries: Sequence[Dictionary]) -> None:
        self._by_source: dict[str, list[Dictionary]] = {}
        for dictionary in dictionaries:
            self._by_source.setdefault(dictionary.source, []).append(dictionary)

    def __iter__(self) -> Iterator[Dictionary]:
        return (dictionary for group in self._by_source.values() for dictionary in group)

    @property
    def sources(self) -> list[str]:
        """The languages whose words have translations."""
        return list(self._by_source)

    def of(self, source: Optional[str]) -> Sequence[Dictionary]:
        """The dictionaries of a language's words, one for each target language; none if there are none."""
        return self._by_source.get(source, []) if source is not None else []

    def checksums(self) -> dict[str, int]:
        """A number that tells each dictionary from others, by its languages, as "en-da"."""
        return {dictionary.name: dictionary.checksum for dictionary in self}
