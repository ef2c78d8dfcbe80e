"""Padded batches, and groups of like lengths."""

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from ..types import Ints1d, Pieces
from .windows import select_windows


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


def padded_windows(
    pieces: Pieces, *, pad_id: int, pass_pieces: int, pool_specials: bool
) -> list[PaddedWindows]:
    """Lay out windows to classify, those of like lengths together.

    pieces (Pieces): The windows.
    pad_id (int): The padding piece.
    pass_pieces (int): The most pieces of a batch, padding included; a longer window is a batch of its own.
    pool_specials (bool): Whether special pieces are pooled too.
    RETURNS (list[PaddedWindows]): The batches, which together hold each window once.
    """
    groups = like_lengths(pieces.lengths.tolist(), pass_pieces)
    return [_padded(select_windows(pieces, group), pad_id, pool_specials) for group in groups]


def padded_positions(pieces: Pieces) -> Ints1d:
    """Where each piece stands in a padded batch, counted row by row. *Shape:* (pieces,)

    A batch of windows is padded to (windows, longest window); piece k of window w stands at
    w * longest + k.
    """
    longest = int(pieces.lengths.max(initial=0))
    row = np.repeat(np.arange(len(pieces.lengths)), pieces.lengths)
    column = np.arange(len(pieces.ids)) - np.repeat(pieces.starts, pieces.lengths)
    return row * longest + column


def pad(values: np.ndarray, pieces: Pieces, fill: Any) -> np.ndarray:
    """Lay out one value per piece as a padded batch.

    values (np.ndarray): *Shape:* (pieces,)
    pieces (Pieces): The windows.
    fill (Any): What padding gets.
    RETURNS (np.ndarray): *Shape:* (windows, longest window)
    """
    shape = (len(pieces.lengths), int(pieces.lengths.max(initial=0)))
    padded = np.full(shape, fill, dtype=values.dtype)
    padded.reshape(-1)[padded_positions(pieces)] = values
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


def _padded(pieces: Pieces, pad_id: int, pool_specials: bool) -> PaddedWindows:
    attention = pad(np.ones(len(pieces.ids), dtype=bool), pieces, False)
    pooled = attention if pool_specials else pad(pieces.is_word, pieces, False)
    return PaddedWindows(pad(pieces.ids, pieces, pad_id), attention, pooled, pieces.texts)
