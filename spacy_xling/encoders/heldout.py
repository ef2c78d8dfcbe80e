"""The masked-LM loss on text that training never sees, by language."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from ..data.languages import UNKNOWN
from ..models.batches import MaskedWindows, Padding, masked_windows
from ..models.checkpoint import Encoder
from ..models.masked_lm import MaskedLMLoss
from ..pieces.masking import masking_vocabulary
from ..pieces.windows import split_windows, windows_as_texts
from .sentence_vectors import evaluating
from .settings import Settings


class HeldOut(NamedTuple):
    """Held-out texts, masked once: every measurement is of the same targets.

    languages (Sequence[str]): The languages that have such texts.
    batches (Sequence[Sequence[MaskedWindows]]): Those of each language.
    """

    languages: Sequence[str]
    batches: Sequence[Sequence[MaskedWindows]]

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
        texts = settings.unlabelled.read_heldout(settings.training.heldout_texts)
        vocabulary = masking_vocabulary(encoder.tokenizer)
        batches = {}
        for language, found in texts.items():
            generator = np.random.Generator(np.random.PCG64(settings.training.seed))
            windows = windows_as_texts(split_windows(encoder.tokenizer, found))
            masked = settings.masking(windows, vocabulary, generator)
            if len(masked.targets):
                batches[language or UNKNOWN] = masked_windows(masked, padding)
        return cls(list(batches), list(batches.values()))


def heldout_losses(heldout: HeldOut, module: MaskedLMLoss) -> dict[str, float]:
    """Measure the loss by language.

    heldout (HeldOut): The texts.
    module (MaskedLMLoss): The encoder; it is left in the mode it was in.
    RETURNS (dict[str, float]): Mean of -log P(target | window without it), in nats, by language.
    """
    by_language = zip(heldout.languages, heldout.batches, strict=True)
    return {language: mean_loss(module, batches) for language, batches in by_language}


def mean_loss(module: MaskedLMLoss, batches: Sequence[MaskedWindows]) -> float:
    """The mean masked-LM loss of some windows.

    module (MaskedLMLoss): The encoder; it is left in the mode it was in.
    batches (Sequence[MaskedWindows]): The windows, with one target or more.
    RETURNS (float): Mean over targets of -log P(target | window without it), in nats.
    """
    with evaluating(module):
        total = sum(module([batch]).item() for batch in batches)
    return total / sum(len(batch.targets) for batch in batches)
