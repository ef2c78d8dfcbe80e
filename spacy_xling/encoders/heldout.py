"""The masked-LM loss on text that training never sees, by language."""

from collections.abc import Mapping, Sequence
from functools import partial
from typing import NamedTuple, Optional

from torch import nn

from ..data.languages import UNKNOWN
from ..generators import make_generator
from ..models.batches import MaskedWindows, Padding, masked_passes
from ..models.checkpoint import Encoder
from ..models.masked_lm import MaskedLMLoss
from ..pieces.cutting import Split
from ..pieces.masking import Masking, MaskingVocabulary, masking_vocabulary
from ..pieces.windows import split_windows, windows_as_texts
from ..types import MaskedPieces
from .sentence_vectors import evaluating
from .settings import Settings


class HeldOut(NamedTuple):
    """Held-out texts, masked once: every measurement is of the same targets.

    languages (Sequence[str]): The languages that have such texts.
    passes (Sequence[Sequence[Sequence[MaskedWindows]]]): Those of each language, by the pass they go in.
    """

    languages: Sequence[str]
    passes: Sequence[Sequence[Sequence[MaskedWindows]]]

    @classmethod
    def read(cls, settings: Settings, encoder: Encoder, padding: Padding) -> "HeldOut":
        """Read and mask the held-out texts of a run.

        settings (Settings): The run's settings.
        encoder (Encoder): The encoder they are for.
        padding (Padding): How windows become batches.
        RETURNS (HeldOut): The texts, none of a language that has none with a piece that can be masked, nor
            for a run on parallel text alone.
        """
        if settings.unlabelled.path is None:
            return cls([], [])
        masked = mask_heldout(
            settings.unlabelled.read_heldout(settings.training.heldout_texts),
            split=partial(split_windows, encoder.tokenizer),
            masking=settings.masking,
            vocabulary=masking_vocabulary(encoder.tokenizer),
            seed=settings.training.seed,
        )
        return cls(list(masked), [masked_passes(found, padding) for found in masked.values()])


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


def heldout_losses(heldout: HeldOut, module: MaskedLMLoss) -> dict[str, float]:
    """Measure the loss by language.

    heldout (HeldOut): The texts.
    module (MaskedLMLoss): The encoder; it is left in the mode it was in.
    RETURNS (dict[str, float]): Mean of -log P(target | window without it), in nats, by language.
    """
    by_language = zip(heldout.languages, heldout.passes, strict=True)
    return {language: mean_loss(module, passes) for language, passes in by_language}


def mean_loss(module: nn.Module, passes: Sequence[Sequence[MaskedWindows]]) -> float:
    """The mean masked-LM loss of some windows.

    module (nn.Module): Batches to the sum of the loss, as `MaskedLMLoss`; it is left in the mode it was in.
    passes (Sequence[Sequence[MaskedWindows]]): The windows by pass, with one target or more.
    RETURNS (float): Mean over targets of -log P(target | window without it), in nats.
    """
    with evaluating(module):
        total = sum(module(batches).item() for batches in passes)
    return total / sum(len(batch.targets) for batches in passes for batch in batches)
