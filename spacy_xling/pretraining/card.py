"""The model card of a pre-trained encoder."""

from collections.abc import Iterable, Mapping
from typing import NamedTuple

from ..encoders.cards import markdown_table
from ..types import JsonDict


class PretrainedCard(NamedTuple):
    """The card of a pre-trained encoder.

    base_model (str): The checkpoint that training started from.
    step (int): Optimiser steps.
    n_pieces_seen (int): Pieces that passed the encoder, without padding.
    raw (Mapping[str, int]): Lines of raw text by language.
    parallel (Mapping[str, int]): Lines of parallel text by file.
    heldout (Mapping[str, float]): Masked-LM loss on held-out text by language, in nats per target.
    settings (JsonDict): The settings of the training.
    """

    base_model: str
    step: int
    n_pieces_seen: int
    raw: Mapping[str, int]
    parallel: Mapping[str, int]
    heldout: Mapping[str, float]
    settings: JsonDict

    @property
    def languages(self) -> Iterable[str]:
        return self.raw

    def text(self) -> str:
        rows = [
            (name, f"{lines:,}", f"{self.heldout[name]:.3f}" if name in self.heldout else "")
            for name, lines in {**self.raw, **self.parallel}.items()
        ]
        settings = [(name, str(value)) for name, value in self.settings.items()]
        return (
            "# A masked-LM encoder\n\n"
            f"Trained by `spacy xling pretrain` from `{self.base_model}`: {self.step:,} steps, "
            f"{self.n_pieces_seen:,} pieces. Use it by path, as `name` of "
            "`spacy-xling.MaskedLMEncoder.v1`.\n\n"
            + markdown_table(("text", "lines", "held-out masked-LM loss (nats per piece)"), rows)
            + "\n"
            + markdown_table(("setting", "value"), settings)
        )
