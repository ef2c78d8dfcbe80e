"""The masked-LM loss of a model that isn't trained meanwhile."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager

import torch
from torch import nn

from ..types import MaskedPieces
from .batches import MaskedWindows, Padding, masked_passes


def mean_loss(module: nn.Module, passes: Sequence[Sequence[MaskedWindows]]) -> float:
    """The mean masked-LM loss of some windows.

    module (nn.Module): Batches to the sum of the loss, as `MaskedLMLoss`; it is left in the mode it was in.
    passes (Sequence[Sequence[MaskedWindows]]): The windows by pass, with one target or more.
    RETURNS (float): Mean over targets of -log P(target | window without it), in nats.
    """
    with evaluating(module):
        total = sum(module(batches).item() for batches in passes)
    return total / sum(len(batch.targets) for batches in passes for batch in batches)


def mean_losses(module: nn.Module, masked: Mapping[str, MaskedPieces], padding: Padding) -> dict[str, float]:
    """The mean masked-LM loss of windows by language.

    module (nn.Module): As for `mean_loss`.
    masked (Mapping[str, MaskedPieces]): The windows by language, each with one target or more.
    padding (Padding): How they become batches.
    RETURNS (dict[str, float]): As `mean_loss`, by language.
    """
    return {language: mean_loss(module, masked_passes(found, padding)) for language, found in masked.items()}


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
