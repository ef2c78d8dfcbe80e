"""Windows of pieces as padded batches of tensors, each of windows of like lengths, and passes of batches."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal, NamedTuple

import numpy as np
import torch
from torch import Tensor

from ..pieces.padding import (
    PassShape,
    cheapest_passes,
    equal_passes,
    is_piece,
    pad,
    padded_positions,
    padded_windows,
    within_half,
    work,
)
from ..pieces.windows import places, select_masked_windows, select_windows
from ..types import MaskedPieces, Pieces
from .passes import count_passes

# What the pieces of a pass in bf16 are a multiple of.
BF16_MULTIPLE = 64


@dataclass(frozen=True, eq=False, kw_only=True)
class Batch:
    """A padded batch of windows.

    ids (Tensor): Piece ids. *Shape:* (windows, length)
    attention (Tensor): True for a piece, False for padding, which follows the pieces.
        *Shape:* (windows, length)
    places (Tensor | None): The place of each piece in its text; None where each window is one text, and
        places run from 0 on. *Shape:* (windows, length)
    """

    ids: Tensor
    attention: Tensor
    places: Tensor | None = None


@dataclass(frozen=True, eq=False, kw_only=True)
class Windows(Batch):
    """A padded batch of windows to classify.

    pooled (Tensor): True for a piece that is pooled. *Shape:* (windows, length)
    texts (Tensor): The text each window belongs to. *Shape:* (windows,)
    n_texts (int): Number of texts.
    """

    pooled: Tensor
    texts: Tensor
    n_texts: int


@dataclass(frozen=True, eq=False, kw_only=True)
class MaskedWindows(Batch):
    """A padded batch of windows with masked pieces: the ids are those after masking.

    positions (Tensor): Places of the targets, counted row by row in (windows * length).
        *Shape:* (targets,)
    targets (Tensor): The pieces that stood there. *Shape:* (targets,)
    """

    positions: Tensor
    targets: Tensor


class Padding(NamedTuple):
    """How windows become batches.

    pad_id (int): The padding piece.
    shape (PassShape): What a batch looks like.
    device (torch.device): Where the tensors go.
    packs (bool): Whether several batches go in one pass, in which no padding is left.
    """

    pad_id: int
    shape: PassShape
    device: torch.device
    packs: bool = False


def padding_for(
    tokenizer: Any,
    pass_pieces: int,
    precision: Literal["fp32", "bf16"],
    device: torch.device,
    *,
    packs: bool = False,
) -> Padding:
    """How windows become batches for an encoder.

    tokenizer (PreTrainedTokenizerFast): Its tokenizer, after `set_window`.
    pass_pieces (int): The most pieces that pass it at a time; of a packed pass, what it may cost.
    precision (Literal["fp32", "bf16"]): What it computes in.
    device (torch.device): Where it is.
    packs (bool): Whether it packs, see `BaseEncoder.packs`.
    RETURNS (Padding): The padding.
    """
    if packs:
        # Nothing is padded beyond the longest window: the pass itself is rounded up.
        shape = PassShape(pass_pieces)
    else:
        window = tokenizer.backend_tokenizer.truncation["max_length"]
        shape = PassShape(pass_pieces, BF16_MULTIPLE if precision == "bf16" else 1, window)
    return Padding(tokenizer.pad_token_id, shape, device, packs)


def windows(pieces: Pieces, padding: Padding, *, pool_specials: bool) -> list[Windows]:
    """Lay out windows to classify, in batches that together hold each window once. `pool_specials` is whether
    special pieces are pooled too.
    """
    groups = _groups(pieces, padding)
    return [
        one_batch(select_windows(pieces, group), padding, pool_specials=pool_specials) for group in groups
    ]


def one_batch(pieces: Pieces, padding: Padding, *, pool_specials: bool) -> Windows:
    """Lay out windows to classify as a single batch, in their order; see `windows`."""
    batch = padded_windows(pieces, pad_id=padding.pad_id, shape=padding.shape, pool_specials=pool_specials)
    fields = {name: to_tensor(array, padding) for name, array in batch._asdict().items()}
    return Windows(n_texts=pieces.n_texts, **fields)


def passes(pieces: Pieces, padding: Padding, *, pool_specials: bool, n_threads: int) -> list[list[Windows]]:
    """Lay out windows to classify by the pass they go in, where `n_threads` may run passes side by side; see
    `windows`.
    """
    if not padding.packs:
        return [[batch] for batch in windows(pieces, padding, pool_specials=pool_specials)]
    return [
        windows(select_windows(pieces, group), padding, pool_specials=pool_specials)
        for group in _packed_passes(pieces, padding, n_threads)
    ]


def pass_cost(batches: Sequence[Batch], *, packs: bool) -> int:
    """What batches that pass together cost an encoder, in pieces: where it packs, without their padding. See
    `pieces.padding.work`.
    """
    if packs:
        return sum(int(work(batch.attention.sum(dim=1)).sum()) for batch in batches)
    return sum(len(batch.ids) * work(batch.ids.shape[1]) for batch in batches)


def masked_windows(masked: MaskedPieces, padding: Padding) -> list[MaskedWindows]:
    """Lay out windows with masked pieces, in batches that together hold each window once."""
    groups = _groups(masked.pieces, padding)
    return [_masked_windows(select_masked_windows(masked, group), padding) for group in groups]


def masked_passes(masked: MaskedPieces, padding: Padding) -> list[list[MaskedWindows]]:
    """Lay out windows with masked pieces by the pass they go in, which bounds memory where nothing is learnt;
    see `masked_windows`.
    """
    if not padding.packs:
        return [[batch] for batch in masked_windows(masked, padding)]
    return [
        masked_windows(select_masked_windows(masked, group), padding)
        for group in _packed_passes(masked.pieces, padding, n_threads=1)
    ]


def _packed_passes(pieces: Pieces, padding: Padding, n_threads: int) -> list[list[int]]:
    """Numbers of the windows of each packed pass."""
    costs = work(pieces.lengths)
    return equal_passes(costs, count_passes(costs.sum(), padding.shape.pieces, n_threads))


def _groups(pieces: Pieces, padding: Padding) -> list[list[int]]:
    """Numbers of the windows of each batch. The padding of a packed pass is embedded and pooled, which costs
    little, and doesn't pass.
    """
    if padding.packs:
        return within_half(pieces.lengths)
    return cheapest_passes(pieces.lengths, padding.shape)


def _masked_windows(masked: MaskedPieces, padding: Padding) -> MaskedWindows:
    length = padding.shape.length_for(masked.pieces)
    positions = padded_positions(masked.pieces, length)[masked.positions]
    return MaskedWindows(
        **padded_ids(masked.pieces, padding, length),
        places=_places(masked.pieces, padding, length),
        positions=to_tensor(positions, padding),
        targets=to_tensor(masked.targets, padding),
    )


def _places(pieces: Pieces, padding: Padding, length: int) -> Tensor | None:
    own = places(pieces)
    running = np.arange(len(pieces.ids)) - np.repeat(pieces.starts, pieces.lengths)
    return None if (own == running).all() else to_tensor(pad(own, pieces, 0, length), padding)


def padded_ids(pieces: Pieces, padding: Padding, length: int) -> dict[str, Tensor]:
    """`ids` and `attention` of a `Batch`. *Shape of each:* (windows, length)"""
    return {
        "ids": to_tensor(pad(pieces.ids, pieces, padding.pad_id, length), padding),
        "attention": to_tensor(is_piece(pieces, length), padding),
    }


def to_tensor(array: np.ndarray, padding: Padding) -> Tensor:
    """An array as a tensor, where those of the batches go."""
    return torch.from_numpy(np.ascontiguousarray(array)).to(padding.device, non_blocking=True)
