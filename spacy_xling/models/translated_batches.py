"""Texts and their translations as padded batches of tensors."""

from dataclasses import dataclass, replace

import numpy as np
from torch import Tensor

from ..pieces.padding import PassShape, padded_positions, within_half
from ..pieces.windows import select_windows
from ..types import NO_WORD, Pieces, TranslatedPieces
from .batches import Batch, Padding, padded_ids, to_tensor


@dataclass(frozen=True, eq=False, kw_only=True)
class TranslatedBatch:
    """A padded batch of texts and their translations.

    sources (Batch): The texts.
    inputs (Batch): The pieces of the translations, without special ones.
    languages (Tensor): Numbers of the languages of the translations. *Shape:* (texts,)
    positions (Tensor): Places of the targets, counted row by row in (texts * (length of inputs + 1)).
        *Shape:* (targets,)
    targets (Tensor): The pieces of the translations, each followed by the end piece. *Shape:* (targets,)
    """

    sources: Batch
    inputs: Batch
    languages: Tensor
    positions: Tensor
    targets: Tensor


def translated_batches(
    translated: TranslatedPieces, padding: Padding, *, multiple: int, end: int
) -> list[TranslatedBatch]:
    """Lay out texts and their translations: translations of like lengths together, for the decoder is the one
    whose padding costs.

    translated (TranslatedPieces): The texts.
    padding (Padding): How they become batches.
    multiple (int): What the padded positions of a batch are a multiple of, see `PassShape`.
    end (int): The end piece.
    RETURNS (list[TranslatedBatch]): The batches, which together hold each text once.
    """
    groups = within_half(translated.targets.lengths + 1)
    return [_batch(translated, sorted(group), padding, multiple, end) for group in groups]


def source_batch(pieces: Pieces, padding: Padding) -> Batch:
    """Lay out texts, each of one window, as one batch, in their order."""
    return Batch(**padded_ids(pieces, padding, int(pieces.lengths.max())))


def _batch(
    translated: TranslatedPieces, group: list[int], padding: Padding, multiple: int, end: int
) -> TranslatedBatch:
    sources = select_windows(translated.sources, group)
    inputs = select_windows(translated.targets, group)
    # What the decoder passes is one longer than its inputs: the language stands before them.
    shape = PassShape(padding.shape.pieces, multiple)
    length = int(shape.padded_length(inputs.lengths.max(initial=0) + 1, len(group))) - 1
    with_ends = _with_ends(inputs, end)
    return TranslatedBatch(
        sources=source_batch(sources, padding),
        inputs=Batch(**padded_ids(inputs, padding, length)),
        languages=to_tensor(translated.languages[group], padding),
        positions=to_tensor(padded_positions(with_ends, length + 1), padding),
        targets=to_tensor(with_ends.ids, padding),
    )


def _with_ends(pieces: Pieces, end: int) -> Pieces:
    """Windows with a piece more, at their end."""
    at = np.cumsum(pieces.lengths)
    return replace(
        pieces,
        ids=np.insert(pieces.ids, at, end),
        words=np.insert(pieces.words, at, NO_WORD),
        lengths=pieces.lengths + 1,
    )
