"""Padded batches, and groups of like lengths."""

import sys
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from ..types import Ints1d, Pieces

# What a pass of the encoder costs beside its pieces, in pieces: measured on 2 cores with encoders of 4 layers
# of 192 and 12 of 768.
PASS_COST = 64
# How long a window is whose attention costs as much as all else, measured on the same encoders: 500 in bf16
# with the small one, else 1,000.
ATTENTION_LENGTH = 768


class PaddedWindows(NamedTuple):
    """A padded batch of windows to classify.

    ids (np.ndarray): Piece ids. *Shape:* (windows, length)
    attention (np.ndarray): True for a piece, False for padding. *Shape:* (windows, length)
    pooled (np.ndarray): True for a piece that is pooled. *Shape:* (windows, length)
    texts (Ints1d): The text each window belongs to. *Shape:* (windows,)
    """

    ids: np.ndarray
    attention: np.ndarray
    pooled: np.ndarray
    texts: Ints1d


class PassShape(NamedTuple):
    """What a pass of the encoder looks like.

    pieces (int): The most pieces of a pass, padding included, but for what `multiple` adds; a longer item is
        a pass of its own.
    multiple (int): What the padded pieces of a pass are a multiple of. A bf16 kernel for matrices of a number
        of rows that wasn't there before is made at its first use, which costs a good part of a pass: few such
        numbers are faster.
    longest (int): What nothing is padded beyond, whatever the multiple: an encoder has no more positions.
    """

    pieces: int
    multiple: int = 1
    longest: int = sys.maxsize

    def padded_length(self, longest: Any, items: Any) -> Any:
        """The length that items are padded to.

        longest (int or Ints1d): The longest item.
        items (int or Ints1d): How many items.
        """
        step = self.multiple // np.gcd(self.multiple, items)
        rounded = -(-longest // step) * step
        return np.where(rounded > self.longest, longest, rounded)

    def length_for(self, pieces: Pieces) -> int:
        """The length that the windows of a pass are padded to."""
        return int(self.padded_length(pieces.lengths.max(), len(pieces.lengths)))


def is_piece(pieces: Pieces, length: int | None = None) -> np.ndarray:
    """True for a piece of a padded batch, False for padding. *Shape:* (windows, length)

    Without a length it is that of the longest window.
    """
    longest = pieces.lengths.max(initial=0) if length is None else length
    return np.arange(longest) < pieces.lengths[:, np.newaxis]


def padded_positions(pieces: Pieces, length: int | None = None) -> Ints1d:
    """Where each piece stands in a padded batch, counted row by row. *Shape:* (pieces,)

    A batch of windows is padded to (windows, length); piece k of window w stands at w * length + k. Windows
    of 2 and 3 pieces, padded to 3, stand at 0 1 and 3 4 5.
    """
    return np.flatnonzero(is_piece(pieces, length))


def pad(values: np.ndarray, pieces: Pieces, fill: Any, length: int | None = None) -> np.ndarray:
    """Lay out one value per piece (pieces,) as a padded batch (windows, length), with `fill` as padding."""
    there = is_piece(pieces, length)
    padded = np.full(there.shape, fill, dtype=values.dtype)
    padded[there] = values
    return padded


def like_lengths(lengths: Sequence[int], max_padded: int) -> list[list[int]]:
    """Group items of like length, so that padding is little and memory bounded.

    lengths (Sequence[int]): The length of each item.
    max_padded (int): The most a group's longest length times its number of items may be; an item longer
        than that is a group of its own.
    RETURNS (list[list[int]]): Numbers of the items of each group, the longest items first.
    """
    groups: list[list[int]] = []
    for item in sorted(range(len(lengths)), key=lambda i: (-lengths[i], i)):
        if groups and lengths[groups[-1][0]] * (len(groups[-1]) + 1) <= max_padded:
            groups[-1].append(item)
        else:
            groups.append([item])
    return groups


def cheapest_passes(lengths: Ints1d, shape: PassShape) -> list[list[int]]:
    """Group items into passes of the encoder at the least cost. A pass costs its items times the length they
    are padded to, and `PASS_COST`: with few items to choose from, small passes of like lengths are cheaper
    than full ones. Items of 30, 12, 11, 4 and 3 pieces go as [30], [12, 11, 4, 3]: 30 + 4 * 12 and two
    passes, 206, compared with 5 * 30 and one, 214.

    lengths (Ints1d): The length of each item. *Shape:* (items,)
    shape (PassShape): What a pass looks like.
    RETURNS (list[list[int]]): Numbers of the items of each group, the longest items first.
    """
    order = np.argsort(-lengths, kind="stable")
    ordered = lengths[order]
    # The least cost of the first N items, and where the last group of them starts.
    cost = np.zeros(len(order) + 1)
    start = np.zeros(len(order) + 1, dtype=np.int64)
    first = 0
    for end in range(1, len(order) + 1):
        while first < end - 1 and ordered[first] * (end - first) > shape.pieces:
            first += 1
        items = np.arange(end - first, 0, -1)
        costs = cost[first:end] + items * shape.padded_length(ordered[first:end], items)
        start[end] = first + costs.argmin()
        cost[end] = costs.min() + PASS_COST
    groups: list[list[int]] = []
    end = len(order)
    while end:
        groups.insert(0, order[start[end] : end].tolist())
        end = start[end]
    return groups


def within_half(lengths: Ints1d) -> list[list[int]]:
    """Group items so that none is shorter than half of the longest one of its group.

    lengths (Ints1d): The length of each item. *Shape:* (items,)
    RETURNS (list[list[int]]): Numbers of the items of each group, the longest items first.
    """
    groups: list[list[int]] = []
    for item in np.argsort(-lengths, kind="stable").tolist():
        if groups and 2 * lengths[item] >= lengths[groups[-1][0]]:
            groups[-1].append(item)
        else:
            groups.append([item])
    return groups


def work(lengths: Any) -> Any:
    """What windows cost an encoder, in pieces of short windows: attention makes those of a long one dearer.

    lengths (int, Ints1d or Tensor): Pieces of each window.
    RETURNS (int, Ints1d or Tensor): As many as their pieces, or more; whole numbers, so that windows of one
        length are dealt out evenly.
    """
    return lengths + lengths * lengths // ATTENTION_LENGTH


def equal_passes(costs: Ints1d, n: int) -> list[list[int]]:
    """Cut items into passes without padding, of about the same cost each.

    costs (Ints1d): What each item costs, 1 or more. *Shape:* (items,)
    n (int): How many passes; items that are too few or too unlike make fewer.
    RETURNS (list[list[int]]): Numbers of the items of each group, the dearest items first.
    """
    order = np.argsort(-costs, kind="stable")
    before = np.cumsum(costs[order]) - costs[order]
    group = before * n // costs.sum() if len(order) else order
    return [order[group == number].tolist() for number in np.unique(group)]


def padded_windows(pieces: Pieces, *, pad_id: int, shape: PassShape, pool_specials: bool) -> PaddedWindows:
    """Lay out windows to classify as a batch.

    pieces (Pieces): The windows.
    pad_id (int): The padding piece.
    shape (PassShape): What a batch looks like.
    pool_specials (bool): Whether special pieces are pooled too.
    RETURNS (PaddedWindows): The batch.
    """
    length = shape.length_for(pieces)
    attention = is_piece(pieces, length)
    pooled = attention if pool_specials else pad(pieces.is_word, pieces, False, length)
    return PaddedWindows(pad(pieces.ids, pieces, pad_id, length), attention, pooled, pieces.texts)
