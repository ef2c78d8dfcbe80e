"""IBM Model 1: which word of a text is the translation of which.

Word f_j of a translation f_1 .. f_m comes from one word of the text e_1 .. e_n, or from none:

    P(f_j | e) = null * t(f_j | none) + (1 - null) * sum_i d(i | j) t(f_j | e_i)
    d(i | j)  ~  exp(-tension * |(i - 1/2)/n - (j - 1/2)/m|),  which sums to 1 over i

t is found by expectation maximisation from a uniform start (Brown et al. 1993, "The Mathematics of
Statistical Machine Translation", Computational Linguistics 19(2)), with the prior d of fast_align (Dyer et
al. 2013, N13-1073).
"""

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from ..types import Ints1d
from .bitext import Bitext, Links, Side, link_blocks

ROUNDS = 5
NULL = 0.1
TENSION = 4.0
# Pairs of words that are kept: some 60 bytes each.
MOST_PAIRS = 12_000_000
# The number of a pair of words that isn't kept.
NOT_KEPT = -1
# Blocks of links whose pairs of words are looked up once, and not in each round: up to 200 MB.
MOST_REMEMBERED = 100
TINY = np.finfo(np.float64).tiny

Floats = NDArray[np.float64]
Numbers = NDArray[np.int32]


class Direction:
    """The model of one direction: the words of one side come from those of the other, which are given.

    given (Ints1d): Type of the given word of each pair of words. *Shape:* (pairs,)
    n_given (int): Types of the given side.
    coming (Side): The side whose words come from those.
    """

    def __init__(self, given: Ints1d, n_given: int, coming: Side) -> None:
        n_coming = len(coming.types)
        self.given = given
        self.n_given = n_given
        self.coming = coming
        # t(word | given word) of each pair of words, and t(word | none) of each type.
        self.t = np.full(len(given), 1.0 / n_coming)
        self.t_none = np.full(n_coming, 1.0 / n_coming)
        self.forget()

    def forget(self) -> None:
        """Start to count again."""
        self.counts = np.zeros(len(self.t))
        self.counts_none = np.zeros(len(self.t_none))

    def link(self, pairs: Numbers, words: Ints1d, distance: Floats) -> tuple[Floats, Floats]:
        """Find out how probable each link is, given the texts.

        pairs (Numbers): The pair of words of each link, or `NOT_KEPT`. *Shape:* (links,)
        words (Ints1d): Number of the word that comes from the other side, among all of its words; all links
            of a word are there, and all words of the texts. *Shape:* (links,)
        distance (Floats): Distance of each link from the diagonal. *Shape:* (links,)
        RETURNS (tuple[Floats, Floats]): The probability of each link, and of each word that it comes from
            none. *Shapes:* (links,), (words,)
        """
        first = words.min()
        words = words - first
        n = words.max() + 1
        types = self.coming.words[first : first + n]
        prior = np.exp(-TENSION * distance)
        prior *= ((1 - NULL) / np.bincount(words, prior, n))[words]
        weight = np.where(pairs != NOT_KEPT, prior * self.t[pairs], 0.0)
        none = NULL * self.t_none[types]
        total = np.maximum(np.bincount(words, weight, n) + none, TINY)
        return weight / total[words], none / total

    def count(self, pairs: Numbers, words: Ints1d, distance: Floats) -> None:
        """Add what is expected of links to the counts; see `link`."""
        probability, none = self.link(pairs, words, distance)
        kept = pairs != NOT_KEPT
        np.add.at(self.counts, pairs[kept], probability[kept])
        first = words.min()
        np.add.at(self.counts_none, self.coming.words[first : first + len(none)], none)

    def maximise(self) -> None:
        """Set t to what was counted."""
        by_given = np.bincount(self.given, self.counts, self.n_given)
        self.t = self.counts / np.maximum(by_given, TINY)[self.given]
        self.t_none = self.counts_none / max(self.counts_none.sum(), TINY)


class WordPairs:
    """The pairs of words that stand in a text and in its translation, and the model of each direction.

    source (Ints1d): Type of the source word. *Shape:* (pairs,)
    target (Ints1d): Type of the target word. *Shape:* (pairs,)
    forward (Direction): t(target | source).
    backward (Direction): t(source | target).

    bitext (Bitext): Parallel text.
    """

    def __init__(self, bitext: Bitext) -> None:
        self._bitext = bitext
        # Sorted; see `_keys_of`.
        self._keys = _count_pairs(bitext)
        self._numbers: list[Numbers] = []
        n_target = len(bitext.target.types)
        self.source, self.target = self._keys // n_target, self._keys % n_target
        self.forward = Direction(self.source, len(bitext.source.types), bitext.target)
        self.backward = Direction(self.target, n_target, bitext.source)

    def links(self) -> Iterator[tuple[Links, Numbers]]:
        """All links of the text.

        YIELDS (tuple[Links, Numbers]): Some links, and the number of the pair of words of each, `NOT_KEPT`
            for one that isn't kept. *Shape:* (links,)
        """
        for block, links in enumerate(link_blocks(self._bitext)):
            if block < len(self._numbers):
                numbers = self._numbers[block]
            else:
                numbers = self._find(links)
                if block < MOST_REMEMBERED:
                    self._numbers.append(numbers)
            yield links, numbers

    def _find(self, links: Links) -> Numbers:
        keys = _keys_of(self._bitext, links)
        found = np.minimum(np.searchsorted(self._keys, keys), len(self._keys) - 1)
        return np.where(self._keys[found] == keys, found, NOT_KEPT).astype(np.int32)


def align(bitext: Bitext, *, rounds: int = ROUNDS) -> WordPairs:
    """Train both directions.

    bitext (Bitext): Parallel text.
    rounds (int): How many rounds of expectation maximisation.
    RETURNS (WordPairs): The pairs of words, with the counts of the last round and the t that follows from
        them.
    """
    pairs = WordPairs(bitext)
    for _ in range(rounds):
        for direction in (pairs.forward, pairs.backward):
            direction.forget()
        for links, numbers in pairs.links():
            pairs.forward.count(numbers, links.target, links.distance)
            pairs.backward.count(numbers, links.source, links.distance)
        for direction in (pairs.forward, pairs.backward):
            direction.maximise()
    return pairs


def _keys_of(bitext: Bitext, links: Links) -> Ints1d:
    """One number for the pair of words of each link: type of the source word * types of the target + type of
    the target word. *Shape:* (links,)
    """
    source, target = bitext.source.words[links.source], bitext.target.words[links.target]
    return source * len(bitext.target.types) + target


def _count_pairs(bitext: Bitext) -> Ints1d:
    """The keys of the pairs of words that stand together, sorted. Where there are more than `MOST_PAIRS` at a
    time, the rarest go (lossy counting, Manku & Motwani 2002, VLDB). *Shape:* (pairs,)
    """
    keys, counts = np.zeros(0, dtype=np.int64), np.zeros(0, dtype=np.int64)
    waiting: list[Ints1d] = []
    for links in link_blocks(bitext):
        waiting.append(_keys_of(bitext, links))
        if sum(map(len, waiting)) > MOST_PAIRS // 2:
            keys, counts = _merge(keys, counts, waiting)
    return _merge(keys, counts, waiting)[0]


def _merge(keys: Ints1d, counts: Ints1d, waiting: list[Ints1d]) -> tuple[Ints1d, Ints1d]:
    """Add keys to those that were counted, and leave out the rarest if there are too many."""
    new, new_counts = np.unique(np.concatenate([*waiting, keys[:0]]), return_counts=True)
    waiting.clear()
    merged, where = np.unique(np.concatenate([keys, new]), return_inverse=True)
    total = np.bincount(where, np.concatenate([counts, new_counts]), len(merged)).astype(np.int64)
    if len(merged) > MOST_PAIRS:
        kept = np.sort(np.argsort(-total, kind="stable")[:MOST_PAIRS])
        merged, total = merged[kept], total[kept]
    return merged, total
