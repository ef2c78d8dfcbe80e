"""Texts to windows of pieces."""

from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

from ..errors import Errors
from ..types import NO_WORD, Bools1d, Ints1d, MaskedPieces, Pieces

if TYPE_CHECKING:
    from tokenizers import Tokenizer

# Piece numbers start at 0.
NO_TARGET = -1


def set_window(tokenizer: "Tokenizer", window: int, overlap: int) -> None:
    """Tell a tokenizer, once, how `split_windows` is to cut. (Splitting itself only reads the tokenizer, so
    that threads can share it.)

    tokenizer (tokenizers.Tokenizer): The encoder's tokenizer.
    window (int): The most pieces a window may hold, specials included.
    overlap (int): Pieces that neighbouring windows of one text share.
    RAISES (ValueError): The overlap leaves a window no room for new pieces.
    """
    room = window - tokenizer.num_special_tokens_to_add(False)
    if not 0 <= overlap < room:
        raise ValueError(Errors.X201.format(overlap=overlap, window=window, room=room))
    tokenizer.no_padding()
    tokenizer.enable_truncation(max_length=window, stride=overlap)


def split_windows(tokenizer: "Tokenizer", texts: Sequence[str]) -> Pieces:
    """Cut texts into pieces and, where a text is longer than the window, into overlapping windows.
    Every piece of a text is in at least one window.

    tokenizer (tokenizers.Tokenizer): The encoder's tokenizer, after `set_window`.
    texts (Sequence[str]): The texts.
    RETURNS (Pieces): The windows, in the order of the texts.
    """
    # Some tokenizers make a piece of white space; here it is no text.
    read = [text if text.strip() else "" for text in texts]
    encodings = tokenizer.encode_batch(read)
    windows = [(text, part) for text, whole in enumerate(encodings) for part in (whole, *whole.overflowing)]
    return Pieces(
        ids=_flat(part.ids for _, part in windows),
        words=_flat([NO_WORD if word is None else word for word in part.word_ids] for _, part in windows),
        lengths=np.array([len(part) for _, part in windows], dtype=np.int64),
        texts=np.array([text for text, _ in windows], dtype=np.int64),
        n_texts=len(texts),
    )


def select_texts(pieces: Pieces, chosen: Bools1d) -> Pieces:
    """The windows of the texts for which `chosen` is True, renumbered. *Shape of `chosen`:* (texts,)"""
    kept = select_windows(pieces, np.flatnonzero(chosen[pieces.texts]).tolist())
    number = np.cumsum(chosen) - 1
    return replace(kept, texts=number[kept.texts], n_texts=int(chosen.sum()))


def select_windows(pieces: Pieces, windows: Sequence[int]) -> Pieces:
    """Some of the windows, by their numbers in any order. They stay in their own order, and keep the numbers
    of their texts.
    """
    chosen = np.sort(np.asarray(windows, dtype=np.int64))
    at = _places(pieces, chosen)
    return Pieces(
        pieces.ids[at], pieces.words[at], pieces.lengths[chosen], pieces.texts[chosen], pieces.n_texts
    )


def select_masked_windows(masked: MaskedPieces, windows: Sequence[int]) -> MaskedPieces:
    """Some of the windows, with their targets; see `select_windows`."""
    target = np.full(len(masked.pieces.ids), NO_TARGET, dtype=np.int64)
    target[masked.positions] = masked.targets
    kept = target[_places(masked.pieces, np.sort(np.asarray(windows, dtype=np.int64)))]
    positions = np.flatnonzero(kept != NO_TARGET)
    return MaskedPieces(select_windows(masked.pieces, windows), positions, kept[positions])


def without_specials(pieces: Pieces) -> Pieces:
    """The same windows, without their special pieces."""
    kept = pieces.is_word
    lengths = np.add.reduceat(kept.astype(np.int64), pieces.starts)
    return Pieces(pieces.ids[kept], pieces.words[kept], lengths, pieces.texts, pieces.n_texts)


def windows_as_texts(pieces: Pieces) -> Pieces:
    """The same windows, each a text of its own: the masked-LM term knows no longer texts."""
    n_windows = len(pieces.lengths)
    return replace(pieces, texts=np.arange(n_windows), n_texts=n_windows)


def one_window(ids: Ints1d, words: Ints1d) -> Pieces:
    """A single window, of a single text.

    ids (Ints1d): Piece ids. *Shape:* (pieces,)
    words (Ints1d): Number of each piece's word, NO_WORD for a special piece. *Shape:* (pieces,)
    RETURNS (Pieces): The window.
    """
    return Pieces(ids, words, np.array([len(ids)]), np.zeros(1, dtype=np.int64), 1)


def separate(pieces: Pieces) -> list[Pieces]:
    """Take windows apart: each becomes a text of its own."""
    starts = pieces.starts[1:]
    return [
        one_window(ids, words)
        for ids, words in zip(np.split(pieces.ids, starts), np.split(pieces.words, starts), strict=True)
        if len(ids)
    ]


def places(pieces: Pieces) -> Ints1d:
    """The place of each piece in its text. In a window with the two texts of a pair the second has the
    places that it has by itself, as in XLM (Conneau & Lample 2019, arXiv 1901.07291, figure 1):

        <s>  a  b  </s>  </s>  c  d  </s>
          0  1  2     3     4  1  2     3

    pieces (Pieces): The windows; only between the texts of a pair do special pieces stand inside one.
    RETURNS (Ints1d): Places, counted from 0. *Shape:* (pieces,)
    """
    offset = np.arange(len(pieces.ids))
    column = offset - np.repeat(pieces.starts, pieces.lengths)
    text_start = pieces.is_word & (column == 0)
    text_start[1:] |= pieces.is_word[1:] & ~pieces.is_word[:-1]
    first = np.minimum.reduceat(np.where(pieces.is_word, column, len(column)), pieces.starts)
    shift = np.where(text_start, column - np.repeat(first, pieces.lengths), 0)
    return column - shift[np.maximum.accumulate(np.where(text_start | (column == 0), offset, 0))]


def join(batches: Sequence[Pieces]) -> Pieces:
    """Batches one after the other, as one batch."""
    shifts = np.cumsum([0] + [batch.n_texts for batch in batches])
    return Pieces(
        ids=_flat(batch.ids for batch in batches),
        words=_flat(batch.words for batch in batches),
        lengths=_flat(batch.lengths for batch in batches),
        texts=_flat(batch.texts + shift for batch, shift in zip(batches, shifts, strict=False)),
        n_texts=int(shifts[-1]),
    )


def _places(pieces: Pieces, windows: Ints1d) -> Ints1d:
    """Offsets of the pieces of some windows. *Shape:* (pieces of these windows,)"""
    spans = zip(pieces.starts[windows], pieces.lengths[windows], strict=True)
    return _flat(np.arange(start, start + length) for start, length in spans)


def _flat(parts: Iterable[Any]) -> Ints1d:
    arrays = [np.asarray(part, dtype=np.int64) for part in parts]
    return np.concatenate(arrays) if arrays else np.zeros(0, dtype=np.int64)
