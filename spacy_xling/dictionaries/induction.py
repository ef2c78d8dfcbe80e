"""A bilingual dictionary from parallel text.

IBM Model 1 is trained both ways, and a word and a translation score

    sqrt(t(translation | word) * t(word | translation))

which is high only where each is what the other becomes. Words of a script without blanks are found first: of
its characters, those that come from one word of the other side.
"""

from collections import Counter
from collections.abc import Callable, Iterator
from typing import NamedTuple, Optional

import numpy as np

from ..types import Ints1d
from .alignment import Floats, WordPairs, align
from .bitext import Bitext, Side, make_side

# What is kept: pairs of words with such a score, expected so often in both directions, and with such a share
# of the best score of the word; so many of a word.
LEAST_SCORE = 0.03
LEAST_COUNT = 0.5
LEAST_SHARE = 0.2
MOST_TRANSLATIONS = 3
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


def induce(bitext: Bitext, *, on_round: Optional[Callable[[], object]] = None) -> list[Entry]:
    """Make a dictionary of the source language's words.

    bitext (Bitext): Parallel text.
    on_round (Optional[Callable]): Called after each round of training.
    RETURNS (list[Entry]): The entries: by word as it first stands in the text, the best translation first.
    """
    if bitext.source.joins.any() or bitext.target.joins.any():
        bitext = join_characters(bitext, align(bitext, on_round=on_round))
    return list(_entries(bitext, align(bitext, on_round=on_round)))


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
    """Join characters of scripts without blanks into words: neighbours that most probably come from the same
    word of the other side (Ma & Way 2009, "Bilingually Motivated Domain-Adapted Word Segmentation for
    Statistical Machine Translation", E09-1063).

    bitext (Bitext): Parallel text, by character where there are no blanks.
    pairs (WordPairs): The model of it.
    RETURNS (Bitext): The same text; a word of several characters has blanks between them.
    """
    best_source, best_target = _best_links(bitext, pairs)
    return Bitext(
        source=_join(bitext.source, best_source) if bitext.source.joins.any() else bitext.source,
        target=_join(bitext.target, best_target) if bitext.target.joins.any() else bitext.target,
    )


def _best_links(bitext: Bitext, pairs: WordPairs) -> tuple[Ints1d, Ints1d]:
    """The word of the other side that each word most probably comes from, or `NONE`.
    *Shapes:* (source words,), (target words,)
    """
    source = np.full(len(bitext.source.words), NONE, dtype=np.int64)
    target = np.full(len(bitext.target.words), NONE, dtype=np.int64)
    for links, numbers in pairs.links():
        backward = pairs.backward.expect(numbers, links.source, links.distance)
        forward = pairs.forward.expect(numbers, links.target, links.distance)
        _note_best(source, links.source, links.target, backward)
        _note_best(target, links.target, links.source, forward)
    return source, target


def _note_best(best: Ints1d, words: Ints1d, others: Ints1d, probability: Floats) -> None:
    """Note, for each word of a block of links, the word at the other end of its most probable link, if that
    is more probable than all its others together.
    """
    sure = probability > 0.5
    best[words[sure]] = others[sure]


def _join(side: Side, best: Ints1d) -> Side:
    """Join each word that directly follows one with the same best link to it."""
    starts = np.ones(len(side.words), dtype=bool)
    starts[1:] = ~(side.joins[1:] & (best[1:] == best[:-1]) & (best[1:] != NONE))
    numbers: dict[str, int] = {}
    forms: Counter = Counter()
    words = []
    firsts = np.flatnonzero(starts).tolist()
    all_words = side.words.tolist()
    for first, last in zip(firsts, [*firsts[1:], len(all_words)], strict=True):
        group = all_words[first:last]
        words.append(numbers.setdefault(" ".join([side.types[word] for word in group]), len(numbers)))
        forms[" ".join([side.forms[word] for word in group])] += 1
    lengths = np.add.reduceat(starts, side.starts).astype(np.int64)
    joins = side.joins[starts]
    return make_side(numbers, forms, np.array(words, dtype=np.int64), lengths, joins)
