"""Masked texts, as the model sees them in training."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Literal, NamedTuple

import numpy as np

from ..data.unlabelled import build_unlabelled_text_v1
from ..generators import make_generator
from ..models.checkpoint import load_encoder
from ..pieces.masking import (
    Masking,
    build_piece_masking_v1,
    build_whole_word_masking_v1,
    masking_vocabulary,
)
from ..pieces.windows import NO_TARGET, split_windows
from ..types import NO_WORD

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerFast

Fate = Literal["special", "left", "mask", "random", "kept"]
MASKINGS = {"word": build_whole_word_masking_v1, "piece": build_piece_masking_v1}
SPACE = "▁"
NO_CHARACTER = "\ufffd"


class PreviewPiece(NamedTuple):
    """A piece of a masked window.

    shown (str): The piece that the model sees.
    target (str | None): The piece that stood there and is to be guessed; None if it is no target.
    fate (Fate): "special" for a piece outside the text; "left" for one that is no target; and for a
        target "mask", "random" or "kept", after what stands there now: the mask piece, another one, the
        piece itself.
    """

    shown: str
    target: str | None
    fate: Fate


@dataclass(frozen=True)
class WindowPreview:
    """A masked window.

    language (str | None): Language of the text, None for a single file.
    text (str): The whole text.
    window (int): Number of the window within the text, from 1.
    windows (int): Number of windows of the text.
    pieces (Sequence[PreviewPiece]): The pieces, special ones included.
    """

    language: str | None
    text: str
    window: int
    windows: int
    pieces: Sequence[PreviewPiece]


def preview_encoder_masks(
    name: str,
    texts: Path,
    *,
    n: int = 5,
    rate: float = 0.15,
    by: Literal["word", "piece"] = "word",
    seed: int = 0,
    languages: Sequence[str] | None = None,
    window: int | None = None,
    overlap: int = 32,
) -> list[WindowPreview]:
    """Mask some texts of each language for an encoder.

    name (str): Hub name or folder of the encoder.
    texts (Path): A file, or a folder of files by language, as the UnlabelledText reader takes.
    n (int): Texts of each language: a sample with the seed.
    rate (float): Share of the words or pieces that become targets, in (0, 1].
    by (Literal["word", "piece"]): Whether the pieces of a word are masked together.
    seed (int): Seed of samples and masks.
    languages (Sequence[str] | None): The languages, None or no name for all.
    window (int | None): The most pieces of a window; None takes what the encoder can.
    overlap (int): Pieces that neighbouring windows of one text share.
    RETURNS (list[WindowPreview]): The windows of all texts.
    RAISES (ValueError): A rate or window out of range, a missing language; and what `load_encoder` raises.
    """
    masking = MASKINGS[by](rate=rate)
    samples = build_unlabelled_text_v1(texts, languages=languages, seed=seed).sample(n)
    # The window follows from the model, so that the tokenizer alone is not enough.
    tokenizer = load_encoder(name, window=window, overlap=overlap).tokenizer
    return preview_masks(tokenizer, samples, masking, seed=seed)


def preview_masks(
    tokenizer: "PreTrainedTokenizerFast",
    texts: Mapping[str | None, Sequence[str]],
    masking: Masking,
    *,
    seed: int = 0,
) -> list[WindowPreview]:
    """Mask texts, the masks of each language drawn with the same seed.

    tokenizer (PreTrainedTokenizerFast): The encoder's tokenizer, after `set_window`.
    texts (Mapping[str | None, Sequence[str]]): Texts by language.
    masking (Masking): How to mask.
    seed (int): Seed of the masks.
    RETURNS (list[WindowPreview]): The windows of all texts, in their order.
    """
    vocabulary = masking_vocabulary(tokenizer)
    previews = []
    for language, of_language in texts.items():
        unmasked = split_windows(tokenizer.backend_tokenizer, of_language)
        masked = masking(unmasked, vocabulary, make_generator(seed))
        pieces = masked.pieces
        targets = np.full(len(pieces.ids), NO_TARGET)
        targets[masked.positions] = masked.targets
        shown = [
            _piece(tokenizer, int(now), int(was), word == NO_WORD, vocabulary.mask_id)
            for now, was, word in zip(pieces.ids, targets, pieces.words, strict=True)
        ]
        counts = np.bincount(pieces.texts).tolist()
        windows = zip(pieces.starts, pieces.lengths, strict=True)
        previews += [
            WindowPreview(language, text, number, count, shown[start : start + length])
            for text, count in zip(of_language, counts, strict=True)
            for number, (start, length) in enumerate(islice(windows, count), 1)
        ]
    return previews


def _piece(
    tokenizer: "PreTrainedTokenizerFast", now: int, was: int, is_special: bool, mask_id: int
) -> PreviewPiece:
    shown = piece_name(tokenizer, now)
    if was == NO_TARGET:
        return PreviewPiece(shown, None, "special" if is_special else "left")
    fate: Fate = "mask" if now == mask_id else "kept" if now == was else "random"
    return PreviewPiece(shown, piece_name(tokenizer, was), fate)


def piece_name(tokenizer: "PreTrainedTokenizerFast", piece: int) -> str:
    """A piece as it is written in the vocabulary; a byte-level one, "Ã¦", as the text it stands for, "æ",
    with "▁" for a space, where its bytes are whole characters.
    """
    name = str(tokenizer.convert_ids_to_tokens(piece))
    decoder = tokenizer.backend_tokenizer.decoder
    if type(decoder).__name__ != "ByteLevel" or piece in tokenizer.all_special_ids:
        return name
    text = str(decoder.decode([name]))
    return name if NO_CHARACTER in text else text.replace(" ", SPACE)
