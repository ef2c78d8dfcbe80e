"""Padded batches, and groups of like lengths."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from ..types import Ints1d, Pieces


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
