"""Masks: pure functions of pieces and a generator.

A share of the pieces becomes targets. Of the targets, most are replaced by the mask piece, some by a random
piece, and the rest stay as they are (Devlin et al. 2019, arXiv 1810.04805).
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from ..data.languages import UNKNOWN
from ..errors import Errors
from ..generators import make_generator
from ..types import Ints1d, MaskedPieces, Pieces
from .cutting import Split
from .windows import windows_as_texts

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerFast


class MaskingVocabulary(NamedTuple):
    """What a mask needs to know of a tokenizer.

    mask_id (int): The mask piece.
    special_ids (Ints1d): Pieces that are never targets: mask, padding, unknown, start, end ...
    replacements (Ints1d): Pieces that a random replacement may draw: all but the special ones.
    """

    mask_id: int
    special_ids: Ints1d
    replacements: Ints1d


Masking = Callable[[Pieces, MaskingVocabulary, np.random.Generator], MaskedPieces]
# Gives each piece the number of its group; the pieces of a group are masked together.
Grouping = Callable[[Pieces], Ints1d]


def masking_vocabulary(tokenizer: "PreTrainedTokenizerFast") -> MaskingVocabulary:
    """Look up the mask piece, the special pieces and the ordinary ones.

    RAISES (ValueError): The tokenizer has no mask piece.
    """
    if tokenizer.mask_token_id is None:
        raise ValueError(Errors.X202.format(name=tokenizer.name_or_path, found=tokenizer.all_special_tokens))
    special = np.array(sorted(set(tokenizer.all_special_ids)), dtype=np.int64)
    everything = np.array(sorted(set(tokenizer.get_vocab().values())), dtype=np.int64)
    return MaskingVocabulary(
        mask_id=tokenizer.mask_token_id,
        special_ids=special,
        replacements=np.setdiff1d(everything, special, assume_unique=True),
    )


def build_piece_masking_v1(rate: float = 0.15, mask_share: float = 0.8, random_share: float = 0.1) -> Masking:
    """Mask piece by piece: each ordinary piece becomes a target with probability `rate`, and each window
    that holds an ordinary piece gets one target at least.

    rate (float): Share of the pieces that become targets, in (0, 1].
    mask_share (float): Share of the targets replaced by the mask piece.
    random_share (float): Share of the targets replaced by a random piece; the rest is left as it is.
    RETURNS (Masking): Pieces, vocabulary and generator to masked pieces.
    RAISES (ValueError): A rate or share out of range.
    """
    return _make_masking(each_piece, rate, mask_share, random_share)


def build_whole_word_masking_v1(
    rate: float = 0.15, mask_share: float = 0.8, random_share: float = 0.1, max_word_pieces: int = 10
) -> Masking:
    """Mask word by word: the pieces of a word become targets together, each word with probability `rate`.

    A tokenizer that splits at spaces takes a whole sentence of an unspaced script for one word; a "word" of
    more than `max_word_pieces` pieces is therefore masked piece by piece.

    rate (float): Share of the words that become targets, in (0, 1].
    mask_share (float): Share of the targets replaced by the mask piece.
    random_share (float): Share of the targets replaced by a random piece; the rest is left as it is.
    max_word_pieces (int): The longest word that is masked as a whole, in pieces.
    RETURNS (Masking): Pieces, vocabulary and generator to masked pieces.
    RAISES (ValueError): A rate, share or length out of range.
    """
    if max_word_pieces < 1:
        raise ValueError(Errors.X205.format(value=max_word_pieces))
    grouping = partial(each_word, max_word_pieces=max_word_pieces)
    return _make_masking(grouping, rate, mask_share, random_share)


def mask_groups(
    pieces: Pieces,
    vocabulary: MaskingVocabulary,
    generator: np.random.Generator,
    *,
    rate: float,
    mask_share: float,
    random_share: float,
    grouping: Grouping,
) -> MaskedPieces:
    """Draw targets group by group and replace them.

    pieces (Pieces): The windows to mask; they are not changed.
    vocabulary (MaskingVocabulary): The tokenizer's mask piece and ordinary pieces.
    generator (numpy.random.Generator): Where the draws come from.
    RETURNS (MaskedPieces): New windows, the places of the targets, and what stood there.
    """
    maskable = pieces.is_word & ~np.isin(pieces.ids, vocabulary.special_ids)
    positions = np.flatnonzero(_choose(pieces, maskable, grouping(pieces), rate, generator))
    targets = pieces.ids[positions]
    fate = generator.random(len(targets))
    drawn = vocabulary.replacements[generator.integers(len(vocabulary.replacements), size=len(targets))]
    ids = pieces.ids.copy()
    ids[positions] = np.where(
        fate < mask_share, vocabulary.mask_id, np.where(fate < mask_share + random_share, drawn, targets)
    )
    return MaskedPieces(replace(pieces, ids=ids), positions, targets)


def mask_heldout(
    texts: Mapping[str | None, Sequence[str]],
    *,
    split: Split,
    masking: Masking,
    vocabulary: MaskingVocabulary,
    seed: int,
) -> dict[str, MaskedPieces]:
    """Mask held-out texts. Each language has a generator of its own, so that its masks depend neither on the
    other languages nor on what training has drawn.

    texts (Mapping[str | None, Sequence[str]]): The texts by language.
    split (Split): Texts to windows.
    masking (Masking): How pieces are masked.
    vocabulary (MaskingVocabulary): What the mask needs to know of the tokenizer.
    seed (int): Seed of each generator.
    RETURNS (dict[str, MaskedPieces]): The windows by language, but for those with nothing that can be masked.
    """
    masked = {}
    for language, found in texts.items():
        generator = make_generator(seed)
        pieces = masking(windows_as_texts(split(found)), vocabulary, generator)
        if len(pieces.targets):
            masked[language or UNKNOWN] = pieces
    return masked


def each_piece(pieces: Pieces) -> Ints1d:
    """Every piece is a group of its own. *Shape:* (pieces,)"""
    return np.arange(len(pieces.ids))


def each_word(pieces: Pieces, *, max_word_pieces: int) -> Ints1d:
    """The pieces of one word in one window are a group, if they aren't too many. *Shape:* (pieces,)"""
    starts = np.ones(len(pieces.ids), dtype=bool)
    starts[1:] = pieces.words[1:] != pieces.words[:-1]
    starts[pieces.starts] = True
    word = np.cumsum(starts) - 1
    too_long = np.bincount(word)[word] > max_word_pieces if len(word) else starts
    return np.cumsum(starts | too_long) - 1


def _make_masking(grouping: Grouping, rate: float, mask_share: float, random_share: float) -> Masking:
    if not 0 < rate <= 1:
        raise ValueError(Errors.X203.format(rate=rate))
    if not (mask_share >= 0 and random_share >= 0 and mask_share + random_share <= 1):
        raise ValueError(Errors.X204.format(mask_share=mask_share, random_share=random_share))
    return partial(
        mask_groups, rate=rate, mask_share=mask_share, random_share=random_share, grouping=grouping
    )


def _choose(
    pieces: Pieces, maskable: np.ndarray, groups: Ints1d, rate: float, generator: np.random.Generator
) -> np.ndarray:
    """True for the pieces that become targets. *Shape:* (pieces,)"""
    if not len(groups):
        return maskable
    draw = np.where(maskable, generator.random(groups[-1] + 1)[groups], np.inf)
    # The group with the lowest draw of a window is always taken, so that no window goes without a target.
    lowest = np.repeat(np.minimum.reduceat(draw, pieces.starts), pieces.lengths)
    return maskable & ((draw < rate) | (draw == lowest))
