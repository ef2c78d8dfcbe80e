"""The masked-LM loss on text that training never sees, by language."""

from collections.abc import Sequence
from functools import partial
from typing import NamedTuple

from ..data.unlabelled import UnlabelledText
from ..models.batches import MaskedWindows, Padding, masked_passes
from ..models.checkpoint import Encoder
from ..models.heldout_loss import mean_loss
from ..models.masked_lm import MaskedLMLoss
from ..pieces.heldout_masks import mask_heldout
from ..pieces.masking import masking_vocabulary
from ..pieces.windows import split_windows
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
        # Of ours alone it is known that it has nothing to read.
        if isinstance(settings.unlabelled, UnlabelledText) and settings.unlabelled.path is None:
            return cls([], [])
        masked = mask_heldout(
            settings.unlabelled.read_heldout(settings.training.heldout_texts),
            split=partial(split_windows, encoder.tokenizer),
            masking=settings.masking,
            vocabulary=masking_vocabulary(encoder.tokenizer),
            seed=settings.training.seed,
        )
        return cls(list(masked), [masked_passes(found, padding) for found in masked.values()])


def heldout_losses(heldout: HeldOut, module: MaskedLMLoss) -> dict[str, float]:
    """Measure the loss by language.

    heldout (HeldOut): The texts.
    module (MaskedLMLoss): The encoder; it is left in the mode it was in.
    RETURNS (dict[str, float]): Mean of -log P(target | window without it), in nats, by language.
    """
    by_language = zip(heldout.languages, heldout.passes, strict=True)
    return {language: mean_loss(module, passes) for language, passes in by_language}
