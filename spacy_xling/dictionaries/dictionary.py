"""Bilingual dictionaries in memory: words and phrases to their translations."""

from bisect import bisect_right
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import cached_property
from itertools import accumulate
from typing import NamedTuple
from zlib import crc32

from .words import Word, find_words, phrase_key


class Translations(NamedTuple):
    """What a word or phrase may be translated by.

    texts (tuple[str, ...]): The translations.
    cumulative (tuple[float, ...]): Their shares of the weight, added up; the last is 1.
    """

    texts: tuple[str, ...]
    cumulative: tuple[float, ...]

    def pick(self, draw: float) -> str:
        """The translation that a number from 0 to below 1, drawn evenly, belongs to."""
        return self.texts[bisect_right(self.cumulative, draw)]


def _translations(weights: Mapping[str, float]) -> Translations:
    added = list(accumulate(weights.values()))
    return Translations(tuple(weights), tuple(weight / added[-1] for weight in added))


class Dictionary:
    """Words and phrases of one language with their translations in another.

    source (str): The language of the words.
    target (str): The language of the translations.
    entries (Mapping[str, Mapping[str, float]]): Weights above 0 of the translations, by the key of an entry,
        see `phrase_key`. Words are those of `find_words`: in a script without blanks, characters.
    """

    def __init__(self, source: str, target: str, entries: Mapping[str, Mapping[str, float]]) -> None:
        self.source = source
        self.target = target
        self._translations = {key: _translations(weights) for key, weights in entries.items()}
        # Of the entries that begin with a word, how many words they have, the longest first: few begin a
        # phrase.
        self._lengths: dict[str, list[int]] = {}
        for key in self._translations:
            first, *others = key.split(" ")
            n_words = len(find_words(key)) if others else 1
            lengths = self._lengths.setdefault(first, [])
            if n_words not in lengths:
                lengths.append(n_words)
                lengths.sort(reverse=True)

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
        """The translations of an entry, by its key; see `phrase_key`."""
        return self._translations[key]

    def items(self) -> Iterable[tuple[str, Translations]]:
        """The entries and their translations."""
        return self._translations.items()

    def match(self, text: str, words: Sequence[Word], keys: Sequence[str], first: int) -> tuple[int, str]:
        """Find the longest entry that stands at a place of a text, on one line.

        text (str): The text.
        words (Sequence[Word]): Its words.
        keys (Sequence[str]): The same as `lower` gives them.
        first (int): The word to begin at, from 0 on.
        RETURNS (tuple[int, str]): How many words the entry has, and its key; 0 for no entry.
        """
        for n_words in self._lengths.get(keys[first], ()):
            last = first + n_words
            if n_words == 1:
                if keys[first] in self._translations:
                    return 1, keys[first]
            elif last <= len(words) and "\n" not in text[words[first].end : words[last - 1].start]:
                key = phrase_key(text, words[first:last], keys[first:last])
                if key in self._translations:
                    return n_words, key
        return 0, ""


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

    def of(self, source: str | None) -> Sequence[Dictionary]:
        """The dictionaries of a language's words, one for each target language; none if there are none."""
        return self._by_source.get(source, []) if source is not None else []

    def checksums(self) -> dict[str, int]:
        """A number that tells each dictionary from others, by its languages, as "en-da"."""
        return {dictionary.name: dictionary.checksum for dictionary in self}
