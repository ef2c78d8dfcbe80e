"""The masked-LM loss on text that training never sees."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Optional

import torch
from torch import nn

from ..data.languages import UNKNOWN
from ..generators import make_generator
from ..models.batches import MaskedWindows
from ..pieces.cutting import Split
from ..pieces.masking import Masking, MaskingVocabulary
from ..pieces.windows import windows_as_texts
from ..types import MaskedPieces


def mask_heldout(
    texts: Mapping[Optional[str], Sequence[str]],
    *,
    split: Split,
    masking: Masking,
    vocabulary: MaskingVocabulary,
    seed: int,
) -> dict[str, MaskedPieces]:
    """Mask held-out texts. Each language has a generator of its own, so that its masks depend neither on the
    other languages nor on what training has drawn.

    texts (Mapping[Optional[str], Sequence[str]]): The texts by language.
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


def mean_loss(module: nn.Module, passes: Sequence[Sequence[MaskedWindows]]) -> float:
    """The mean masked-LM loss of some windows.

    module (nn.Module): Batches to the sum of the loss, as `MaskedLMLoss`; it is left in the mode it was in.
    passes (Sequence[Sequence[MaskedWindows]]): The windows by pass, with one target or more.
    RETURNS (float): Mean over targets of -log P(target | window without it), in nats.
    """
    with evaluating(module):
        total = sum(module(batches).item() for batches in passes)
    return total / sum(len(batch.targets) for batches in passes for batch in batches)


@contextmanager
def evaluating(model: nn.Module) -> Iterator[None]:
    """No dropout and no gradients inside; afterwards each module trains or not as before."""
    modes = [(module, module.training) for module in model.modules()]
    model.eval()
    try:
        with torch.no_grad():
            yield
    finally:
        for module, training in modes:
            module.training = training
