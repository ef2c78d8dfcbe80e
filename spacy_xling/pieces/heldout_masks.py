"""The masks under which text that training never sees is measured."""

from collections.abc import Mapping, Sequence

from ..data.languages import UNKNOWN
from ..generators import make_generator
from ..types import MaskedPieces
from .cutting import Split
from .masking import Masking, MaskingVocabulary
from .windows import windows_as_texts


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
