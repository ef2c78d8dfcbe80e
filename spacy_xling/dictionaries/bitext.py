"""Parallel text as numbers."""

from array import array
from collections import Counter
from collections.abc import Iterable, Iterator
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from ..types import Bools1d, Ints1d
from .words import Word, find_words, is_unspaced, lower, sentence_starts

# A longer text says little of which word belongs to which, and costs most.
MOST_WORDS = 40
# Links between words that are in memory at a time.
BLOCK_LINKS = 500_000


class Side(NamedTuple):
    """One side of parallel text.

    types (list[str]): The different words, in lower case.
    forms (list[str]): How each is usually written: its most frequent form that doesn't begin a sentence.
    words (Ints1d): Number of each word's type, text after text. *Shape:* (words,)
    lengths (Ints1d): Words of each text. *Shape:* (texts,)
    joins (Bools1d): True for a word that directly follows another one, where both are of scripts without
        blanks. *Shape:* (words,)
    """

    types: list[str]
    forms: list[str]
    words: Ints1d
    lengths: Ints1d
    joins: Bools1d

    @property
    def starts(self) -> Ints1d:
        """Offset of each text's first word. *Shape:* (texts,)"""
        return np.cumsum(self.lengths) - self.lengths


class Bitext(NamedTuple):
    """Texts and their translations.

    source (Side): The texts.
    target (Side): Their translations, in the same order.
    """

    source: Side
    target: Side


class Links(NamedTuple):
    """All links between a word of a text and a word of its translation.

    source (Ints1d): Number of the source word among all words of the source side. *Shape:* (links,)
    target (Ints1d): Number of the target word among all words of the target side. *Shape:* (links,)
    distance (NDArray): |(i - 1/2)/n - (j - 1/2)/m| for word i of n of the text and word j of m of the
        translation, counted from 1: how far the link is from the diagonal. *Shape:* (links,)
    """

    source: Ints1d
    target: Ints1d
    distance: NDArray[np.float64]


def read_bitext(pairs: Iterable[tuple[str, str]]) -> Bitext:
    """Read parallel text. Pairs with more than `MOST_WORDS` words on a side are left out (characters of a
    script without blanks count half), and those with none.

    pairs (Iterable[tuple[str, str]]): Texts and their translations.
    RETURNS (Bitext): The same as numbers.
    """
    source, target = _SideReader(), _SideReader()
    for pair in pairs:
        words = [find_words(text) for text in pair]
        if all(0 < _length(found) <= MOST_WORDS for found in words):
            source.add(pair[0], words[0])
            target.add(pair[1], words[1])
    return Bitext(source.side(), target.side())


def make_side(types: Iterable[str], forms: Counter, words: Ints1d, lengths: Ints1d, joins: Bools1d) -> Side:
    """Make a side of parallel text.

    types (Iterable[str]): The different words, in lower case.
    forms (Counter): How often each form of a word was seen that doesn't begin a sentence.
    words, lengths, joins: As in `Side`.
    RETURNS (Side): The side.
    """
    usual: dict[str, str] = {}
    # The first of a word is its most frequent one; of two that are as frequent, the first in the text.
    for form, _ in forms.most_common():
        usual.setdefault(lower(form), form)
    types = list(types)
    return Side(types, [usual.get(name, name) for name in types], words, lengths, joins)


def link_blocks(bitext: Bitext) -> Iterator[Links]:
    """All links, for some texts at a time.

    bitext (Bitext): The texts.
    YIELDS (Links): The links of the next texts: `BLOCK_LINKS` or fewer, unless a single pair has more.
    """
    counts = bitext.source.lengths * bitext.target.lengths
    first, ends = 0, np.cumsum(counts)
    while first < len(counts):
        done = ends[first - 1] if first else 0
        last = max(first + 1, int(np.searchsorted(ends, done + BLOCK_LINKS, side="right")))
        yield _links(bitext, slice(first, last))
        first = last


def _links(bitext: Bitext, texts: slice) -> Links:
    """The links of some texts. Of two texts with 2 and 1 words, and translations with 2 and 1:

    pair    0 0 0 0 1
    within  0 1 2 3 0
    source  0 0 1 1 2    its row, within // words of the translation, after the first word of its text
    target  0 1 0 1 2    its column, within % words of the translation
    """
    n, m = bitext.source.lengths[texts], bitext.target.lengths[texts]
    pair = np.repeat(np.arange(len(n)), n * m)
    within = np.arange(len(pair)) - np.repeat(np.cumsum(n * m) - n * m, n * m)
    row, column = within // m[pair], within % m[pair]
    return Links(
        source=bitext.source.starts[texts][pair] + row,
        target=bitext.target.starts[texts][pair] + column,
        distance=np.abs((row + 0.5) / n[pair] - (column + 0.5) / m[pair]),
    )


def _follows(before: Word, word: Word) -> bool:
    return before.end == word.start and is_unspaced(before.text) and is_unspaced(word.text)


def _length(words: list[Word]) -> float:
    return sum(0.5 if is_unspaced(word.text) else 1.0 for word in words)


class _SideReader:
    """Turns the texts of one side into numbers, as they come."""

    def __init__(self) -> None:
        self._numbers: dict[str, int] = {}
        self._forms: Counter = Counter()
        self._words = array("q")
        self._lengths = array("q")
        self._joins = array("b")

    def add(self, text: str, words: list[Word]) -> None:
        before: Word | None = None
        for word, begins in zip(words, sentence_starts(text, words), strict=True):
            self._words.append(self._numbers.setdefault(lower(word.text), len(self._numbers)))
            if not begins:
                self._forms[word.text] += 1
            self._joins.append(before is not None and _follows(before, word))
            before = word
        self._lengths.append(len(words))

    def side(self) -> Side:
        return make_side(
            self._numbers,
            self._forms,
            np.array(self._words, dtype=np.int64),
            np.array(self._lengths, dtype=np.int64),
            np.array(self._joins, dtype=bool),
        )
