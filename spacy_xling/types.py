"""Records and array aliases, with their shapes, and plain data."""

from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

Ints1d = NDArray[np.int64]
Bools1d = NDArray[np.bool_]
# Arrays of the current thinc ops: numpy on a CPU, cupy on a GPU.
Floats2d = Any
# What JSON or a config holds: strings, numbers, lists, and dicts with string keys.
JsonDict = dict[str, Any]
# Where a stream or a training stands, of the same.
StateDict = dict[str, Any]

# The word of a special piece, which belongs to none.
NO_WORD = -1


@dataclass(frozen=True, eq=False)
class Pieces:
    """The windows of a batch of texts, unpadded and end to end.

    A text that fits the encoder's window is one window; a longer one is several.

    ids (Ints1d): Piece ids. *Shape:* (pieces,)
    words (Ints1d): Number of each piece's word within its text, NO_WORD for a special piece.
        *Shape:* (pieces,)
    lengths (Ints1d): Pieces of each window, specials included. *Shape:* (windows,)
    texts (Ints1d): The text each window belongs to, ascending. *Shape:* (windows,)
    n_texts (int): Number of texts; each has at least one window.
    """

    ids: Ints1d
    words: Ints1d
    lengths: Ints1d
    texts: Ints1d
    n_texts: int

    @property
    def starts(self) -> Ints1d:
        """Offset of each window's first piece. *Shape:* (windows,)"""
        return np.cumsum(self.lengths) - self.lengths

    @property
    def is_word(self) -> Bools1d:
        """True for an ordinary piece, False for a special one. *Shape:* (pieces,)"""
        return self.words != NO_WORD

    @property
    def has_words(self) -> Bools1d:
        """True for a text with at least one ordinary piece. *Shape:* (texts,)"""
        per_window = np.add.reduceat(self.is_word, self.starts) if len(self.lengths) else self.lengths
        return np.bincount(self.texts, weights=per_window, minlength=self.n_texts) > 0


@dataclass(frozen=True, eq=False)
class MaskedPieces:
    """Windows with some pieces replaced, and what stood there.

    pieces (Pieces): The windows after masking.
    positions (Ints1d): Offsets into `pieces.ids` of the masked pieces, ascending. *Shape:* (targets,)
    targets (Ints1d): The ids that stood there. *Shape:* (targets,)
    """

    pieces: Pieces
    positions: Ints1d
    targets: Ints1d


@dataclass(frozen=True, eq=False)
class JointBatch:
    """What one joint update sees.

    labelled (Pieces | None): Texts to classify, or None for no classification pass.
    masked (MaskedPieces | None): Windows for the masked-LM term, or None for no masked pass.
    """

    labelled: Pieces | None
    masked: MaskedPieces | None


class Gradients(NamedTuple):
    """Gradients that enter the backward pass.

    d_logits (Floats2d | None): Of the objective on the logits. *Shape:* (texts, labels)
    d_mlm (float): Of the objective on the masked-LM sum.
    """

    d_logits: Floats2d | None
    d_mlm: float


@dataclass(frozen=True, eq=False)
class TranslatedPieces:
    """Texts and their translations.

    sources (Pieces): The texts, each of one window.
    targets (Pieces): The translations, each of one window without special pieces.
    languages (Ints1d): Numbers of the languages of the translations. *Shape:* (texts,)
    """

    sources: Pieces
    targets: Pieces
    languages: Ints1d


@dataclass(frozen=True, eq=False)
class TranslationBatch:
    """What one update of a translator sees.

    translated (TranslatedPieces | None): Texts and their translations, or None for no pass of the decoder.
    masked (MaskedPieces | None): Windows for the masked-LM term, or None for no masked pass.
    label_smoothing (float): Share of each piece that is spread over the vocabulary.
    """

    translated: TranslatedPieces | None
    masked: MaskedPieces | None
    label_smoothing: float = 0.0


class TranslationGradients(NamedTuple):
    """Gradients that enter the backward pass of a translator.

    d_translation (float): Of the objective on the sum over the pieces of the translations.
    d_mlm (float): Of the objective on the masked-LM sum.
    """

    d_translation: float
    d_mlm: float
