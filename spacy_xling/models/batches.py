"""Windows of pieces as padded batches of tensors, each of windows of like lengths."""

from dataclasses import dataclass
from typing import Any, Literal, NamedTuple, Optional

import numpy as np
import torch
from torch import Tensor

from ..pieces.padding import (
    PassShape,
    cheapest_passes,
    pad,
    padded_ids,
    padded_positions,
    padded_windows,
)
from ..pieces.windows import places, select_masked_windows
from ..types import MaskedPieces, Pieces

# What the padded pieces of a pass in bf16 are a multiple of.
BF16_MULTIPLE = 64


@dataclass(frozen=True, eq=False)
class Windows:
    """A padded batch of windows to classify.

    ids (Tensor): Piece ids. *Shape:* (windows, length)
    attention (Tensor): True for a piece, False for padding. *Shape:* (windows, length)
    pooled (Tensor): True for a piece that is pooled. *Shape:* (windows, length)
    texts (Tensor): The text each window belongs to. *Shape:* (windows,)
    n_texts (int): Number of texts.
    """

    ids: Tensor
    attention: Tensor
    pooled: Tensor
    texts: Tensor
    n_texts: int


@dataclass(frozen=True, eq=False)
class MaskedWindows:
    """A padded batch of windows with masked pieces.

    ids (Tensor): Piece ids after masking. *Shape:* (windows, length)
    attention (Tensor): True for a piece, False for padding. *Shape:* (windows, length)
    positions (Tensor): Places of the targets, counted row by row in (windows * length).
        *Shape:* (targets,)
    targets (Tensor): The pieces that stood there. *Shape:* (targets,)
    places (Optional[Tensor]): The place of each piece in its text; None where each window is one text, and
        places run from 0 on. *Shape:* (windows, length)
    """

    ids: Tensor
    attention: Tensor
    positions: Tensor
    targets: Tensor
    places: Optional[Tensor] = None


class Padding(NamedTuple):
    """How windows become batches.

    pad_id (int): The padding piece.
    shape (PassShape): What a batch looks like.
    device (torch.device): Where the tensors go.
    """

    pad_id: int
    shape: PassShape
    device: torch.device


def padding_for(
    tokenizer: Any, pass_pieces: int, precision: Literal["fp32", "bf16"], device: torch.device
) -> Padding:
    """How windows become batches for an encoder.

    tokenizer (PreTrainedTokenizerFast): Its tokenizer, after `set_window`.
    pass_pieces (int): The most pieces that pass it at a time.
    precision (Literal["fp32", "bf16"]): What it computes in.
    device (torch.device): Where it is.
    RETURNS (Padding): The padding.
    """
    window = tokenizer.backend_tokenizer.truncation["max_length"]
    multiple = BF16_MULTIPLE if precision == "bf16" else 1
    return Padding(tokenizer.pad_token_id, PassShape(pass_pieces, multiple, window), device)


def windows(pieces: Pieces, padding: Padding, *, pool_specials: bool) -> list[Windows]:
    """Lay out windows to classify.

    pieces (Pieces): The windows.
    padding (Padding): How they become batches.
    pool_specials (bool): Whether special pieces are pooled too.
    RETURNS (list[Windows]): The batches, which together hold each window once.
    """
    batches = padded_windows(pieces, pad_id=padding.pad_id, shape=padding.shape, pool_specials=pool_specials)
    return [
        Windows(
            _tensor(batch.ids, padding),
            _tensor(batch.attention, padding),
            _tensor(batch.pooled, padding),
            _tensor(batch.texts, padding),
            pieces.n_texts,
        )
        for batch in batches
    ]


def masked_windows(masked: MaskedPieces, padding: Padding) -> list[MaskedWindows]:
    """Lay out windows with masked pieces.

    masked (MaskedPieces): The windows.
    padding (Padding): How they become batches.
    RETURNS (list[MaskedWindows]): The batches, which together hold each window once.
    """
    groups = cheapest_passes(masked.pieces.lengths, padding.shape)
    return [_masked_windows(select_masked_windows(masked, group), padding) for group in groups]


def _masked_windows(masked: MaskedPieces, padding: Padding) -> MaskedWindows:
    length = padding.shape.length_for(masked.pieces)
    ids, attention = padded_ids(masked.pieces, padding.pad_id, length)
    positions = padded_positions(masked.pieces, length)[masked.positions]
    return MaskedWindows(
        _tensor(ids, padding),
        _tensor(attention, padding),
        _tensor(positions, padding),
        _tensor(masked.targets, padding),
        _places(masked.pieces, padding, length),
    )


def _places(pieces: Pieces, padding: Padding, length: int) -> Optional[Tensor]:
    own = places(pieces)
    running = np.arange(len(pieces.ids)) - np.repeat(pieces.starts, pieces.lengths)
    return None if (own == running).all() else _tensor(pad(own, pieces, 0, length), padding)


def _tensor(array: np.ndarray, padding: Padding) -> Tensor:
    return torch.from_numpy(np.ascontiguousarray(array)).to(padding.device, non_blocking=True)
