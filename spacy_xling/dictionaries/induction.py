"""A bilingual dictionary from parallel text.

IBM Model 1 is trained both ways, and a word and a translation score

    sqrt(t(translation | word) * t(word | translation))

which is high only where each is what the other becomes. Words of a script without blanks are found first: of
its characters, those that come from one word of the other side.
"""

from collections import Counter
from collections.abc import Iterator
from typing import NamedTuple

import numpy as np

from ..types import Bools1d, Ints1d
from .bitext import Bitext, Side, make_side
from .word_alignment import WordPairs, align

# What is kept: pairs of words with such a score, expected so often in both directions, and with such a share
# of the best score of the word; at most this many of a word.
LEAST_SCORE = 0.03
LEAST_COUNT = 0.5
LEAST_SHARE = 0.2
MOST_TRANSLATIONS = 3
# A word of several characters is believed if it was joined so often; longer ones are phrases, mostly.
LEAST_JOINED = 2
MOST_CHARACTERS = 4
# The word at the other end of the best link, where there is no such link.
NONE = -1


class Entry(NamedTuple):
    """A word and a translation.

    word (str): The word, in lower case.
    translation (str): The translation, as it is usually written.
    weight (float): Its score, up to 1.
    """

    word: str
    translation: str
    weight: float


def induce(bitext: Bitext) -> list[Entry]:
    """Make a dictionary of the source language's words.

    bitext (Bitext): Parallel text.
    RETURNS (list[Entry]): The entries: by word as it first stands in the text, the best translation first.
    """
    if bitext.source.joins.any() or bitext.target.joins.any():
        bitext = join_characters(bitext, align(bitext))
    return list(_entries(bitext, align(bitext)))


def _entries(bitext: Bitext, pairs: WordPairs) -> Iterator[Entry]:
    forward, backward = pairs.forward, pairs.backward
    score = np.sqrt(forward.t * backward.t)
    expected = np.minimum(forward.counts, backward.counts)
    kept = np.flatnonzero((score >= LEAST_SCORE) & (expected >= LEAST_COUNT))
    # By word, then by score; of equal scores, by the translation's first appearance.
    kept = kept[np.lexsort((pairs.target[kept], -score[kept], pairs.source[kept]))]
    word, best, n = -1, 0.0, 0
    for pair in kept:
        if pairs.source[pair] != word:
            word, best, n = pairs.source[pair], score[pair], 0
        if n < MOST_TRANSLATIONS and score[pair] >= LEAST_SHARE * best:
            n += 1
            yield Entry(
                word=_written(bitext.source.types[word]),
                translation=_written(bitext.target.forms[pairs.target[pair]]),
                weight=float(score[pair]),
            )


def _written(word: str) -> str:
    """A word as it is written: one that was joined of characters has blanks between them."""
    return word.replace(" ", "")


def join_characters(bitext: Bitext, pairs: WordPairs) -> Bitext:
    """Join characters of scripts without blanks into words (Ma & Way 2009, "Bilingually Motivated
    Domain-Adapted Word Segmentation for Statistical Machine Translation", E09-1063): neighbours that most
    probably come from the same word of the other side are a word, if that is seen more than once, and the
    text is cut again into the longest of these words.

    bitext (Bitext): Parallel text, by character where there are no blanks.
    pairs (WordPairs): The model of it.
    RETURNS (Bitext): The same text; a word of several characters has blanks between them.
    """
    best_source, best_target = best_links(bitext, pairs)
    return Bitext(_join(bitext.source, best_source), _join(bitext.target, best_target))


def best_links(bitext: Bitext, pairs: WordPairs) -> tuple[Ints1d, Ints1d]:
    """Find the word of the other side that each word comes from, more probably than from all others together.

    bitext (Bitext): Parallel text.
    pairs (WordPairs): The model of it.
    RETURNS (tuple[Ints1d, Ints1d]): Of each word the number of that word among all of its side, or `NONE`.
        *Shapes:* (source words,), (target words,)
    """
    source = np.full(len(bitext.source.words), NONE, dtype=np.int64)
    target = np.full(len(bitext.target.words), NONE, dtype=np.int64)
    for links, numbers in pairs.links():
        backward, _ = pairs.backward.link(numbers, links.source, links.distance)
        forward, _ = pairs.forward.link(numbers, links.target, links.distance)
        source[links.source[backward > 0.5]] = links.target[backward > 0.5]
        target[links.target[forward > 0.5]] = links.source[forward > 0.5]
    return source, target


def _join(side: Side, best: Ints1d) -> Side:
    """Join characters by their best links."""
    if not side.joins.any():
        return side
    starts = np.ones(len(side.words), dtype=bool)
    starts[1:] = ~(side.joins[1:] & (best[1:] == best[:-1]) & (best[1:] != NONE))
    joined = Counter(tuple(word) for word in _groups(side, starts) if 1 < len(word) <= MOST_CHARACTERS)
    vocabulary = {word for word, count in joined.items() if count >= LEAST_JOINED}
    return _rewrite(side, _longest_matches(side, vocabulary))


def _groups(side: Side, starts: Bools1d) -> Iterator[list[int]]:
    """The types of the characters from each start to the next."""
    firsts, types = np.flatnonzero(starts).tolist(), side.words.tolist()
    for first, last in zip(firsts, [*firsts[1:], len(types)], strict=True):
        yield types[first:last]


def _longest_matches(side: Side, vocabulary: set[tuple[int, ...]]) -> Bools1d:
    """Cut a text into the longest words of a vocabulary, from left to right. With the words AB and BC, and D
    that doesn't join C:

        text    A B C D
        joins   0 1 1 0
        starts  1 0 1 1

    side (Side): The text by character.
    vocabulary (set[tuple[int, ...]]): The words.
    RETURNS (Bools1d): True for a character that begins a word. *Shape:* (characters,)
    """
    starts, types = np.ones(len(side.words), dtype=bool), side.words.tolist()
    # Where runs of characters that join begin, and for each character where its run ends.
    runs = np.flatnonzero(np.append(~side.joins, True))
    ends = np.repeat(runs[1:], np.diff(runs)).tolist()
    firsts = {word[0] for word in vocabulary}
    number = 0
    while number < len(types):
        length = min(MOST_CHARACTERS, ends[number] - number) if types[number] in firsts else 1
        while length > 1 and tuple(types[number : number + length]) not in vocabulary:
            length -= 1
        starts[number + 1 : number + length] = False
        number += length
    return starts


def _rewrite(side: Side, starts: Bools1d) -> Side:
    """The same text with a word from each start to the next."""
    numbers: dict[str, int] = {}
    forms: Counter = Counter()
    words = []
    for group in _groups(side, starts):
        words.append(numbers.setdefault(" ".join([side.types[word] for word in group]), len(numbers)))
        forms[" ".join([side.forms[word] for word in group])] += 1
    lengths = np.add.reduceat(starts, side.starts).astype(np.int64)
    return make_side(numbers, forms, np.array(words, dtype=np.int64), lengths, side.joins[starts])
