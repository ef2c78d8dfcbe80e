"""Translations of whole texts in memory: the exact text to its translations by language."""

from collections import Counter
from collections.abc import Mapping, Sequence
from functools import cached_property
from typing import NamedTuple
from zlib import crc32

from ..data.languages import UNKNOWN


class TranslatedText(NamedTuple):
    """A translation of a text.

    language (str): Its language.
    text (str): The translation.
    """

    language: str
    text: str


class TextPairs:
    """Texts of one language, each with its translation into another.

    source (str | None): The language of the texts; None if it isn't known.
    target (str): The language of the translations.
    texts (Mapping[str, str]): Translations by text.
    """

    def __init__(self, source: str | None, target: str, texts: Mapping[str, str]) -> None:
        self.source = source
        self.target = target
        self.texts = texts

    @property
    def name(self) -> str:
        """Its languages, as "en-da"."""
        return f"{self.source or UNKNOWN}-{self.target}"

    @cached_property
    def checksum(self) -> int:
        """A number that follows from the texts and their translations."""
        found = 0
        for pair in self.texts.items():
            found = crc32(repr(pair).encode("utf8"), found)
        return found


class Translations:
    """Translations of texts by pairs of languages.

    pairs (Sequence[TextPairs]): The texts, one or none for each pair of languages.
    """

    def __init__(self, pairs: Sequence[TextPairs]) -> None:
        self._pairs = list(pairs)
        counts: Counter[str] = Counter()
        for found in self._pairs:
            counts[found.target] += len(found.texts)
        self.counts: Mapping[str, int] = counts

    @property
    def sources(self) -> list[str]:
        """The languages of the texts that have translations; "-" for one that isn't known."""
        return list(dict.fromkeys(found.source or UNKNOWN for found in self._pairs))

    def of(self, text: str, language: str | None) -> list[TranslatedText]:
        """The translations of a text.

        text (str): The text, to the last sign.
        language (str | None): Its language. One that isn't known, here or of the text that was translated,
            fits any.
        RETURNS (list[TranslatedText]): One for each other language, in the order of the pairs; none if there
            are none.
        """
        found: dict[str, str] = {}
        for pairs in self._pairs:
            fits = language is None or pairs.source is None or pairs.source == language
            if fits and pairs.target != language and text in pairs.texts:
                found.setdefault(pairs.target, pairs.texts[text])
        return [TranslatedText(*translation) for translation in found.items()]

    def checksums(self) -> dict[str, int]:
        """A number that tells the texts of each pair of languages from others, by its name, as "en-da"."""
        return {found.name: found.checksum for found in self._pairs}
