"""The words of a text that get a score, and which piece of an encoder belongs to which."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from ..types import NO_WORD, Floats2d, Ints1d

if TYPE_CHECKING:
    from ..dictionaries.words import Word


def split_words(text: str) -> "list[Word]":
    """Split a text into words so that only blanks are left between them: the words of `find_words`, and what
    stands between these besides blanks, as "!!" or a smiley, up to the next blank.

        "It's late!! Why?"  ->  "It's", "late", "!!", "Why", "?"
    """
    # Where exported pipelines are served without torch, `regex` may be missing.
    from ..dictionaries.words import Word, find_words

    words: list[Word] = []
    end = 0
    for word in [*find_words(text), Word("", len(text), len(text))]:
        start = end
        for part in text[end : word.start].split():
            start = text.index(part, start)
            words.append(Word(part, start, start + len(part)))
            start += len(part)
        words.append(word)
        end = word.end
    return words[:-1]


def piece_shares(words: "Sequence[Word]", offsets: Sequence[tuple[int, int]], pieces: Ints1d) -> Floats2d:
    """How much of each piece belongs to each word. A piece that reaches over several words is shared among
    them by characters; one of blanks alone belongs to the word that follows, or to the last one.

    words (Sequence[Word]): The words, one or more.
    offsets (Sequence[tuple[int, int]]): Start and end of each piece in the text.
    pieces (Ints1d): Number of each piece's word by the tokenizer, NO_WORD for a special piece, which belongs
        to none. *Shape:* (pieces,)
    RETURNS (Floats2d): Each row sums up to 1, that of a special piece to 0. *Shape:* (pieces, words)
    """
    starts = np.array([word.start for word in words])
    ends = np.array([word.end for word in words])
    spans = np.array(offsets, dtype=np.int64).reshape(-1, 2)
    common = np.minimum(spans[:, 1:], ends) - np.maximum(spans[:, :1], starts)
    shares = np.maximum(common, 0).astype(np.float64)
    blank = np.flatnonzero(~shares.any(axis=1))
    following = np.searchsorted(starts, spans[blank, 0])
    shares[blank, np.minimum(following, len(words) - 1)] = 1.0
    shares[pieces == NO_WORD] = 0.0
    return shares / np.maximum(shares.sum(axis=1, keepdims=True), 1.0)
