"""Model cards: what an encoder was made from, beside its weights."""

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple, Optional, Protocol

import srsly

from .heldout import NO_LANGUAGE

CARD = "README.md"


class Card(Protocol):
    """What a model card says."""

    @property
    def languages(self) -> Sequence[str]:
        """Codes of the languages."""

    def text(self) -> str:
        """The card's text, in Markdown."""


class InitialCard(NamedTuple):
    """The card of an encoder that was not trained yet.

    shares (Mapping[Optional[str], float]): Share of the tokenizer's texts by language.
    n_texts (int): Texts that the tokenizer was trained on.
    n_contexts (int): Contexts that aligned the embeddings, 0 for random embeddings.
    n_pieces (int): Pieces of the vocabulary.
    n_parameters (int): Parameters of encoder and LM head.
    """

    shares: Mapping[Optional[str], float]
    n_texts: int
    n_contexts: int
    n_pieces: int
    n_parameters: int

    @property
    def languages(self) -> Sequence[str]:
        return _codes(self.shares)

    def text(self) -> str:
        start = (
            f"Piece embeddings: aligned across languages, from {self.n_contexts:,} contexts of parallel text."
            if self.n_contexts
            else "Piece embeddings: random."
        )
        return (
            "# An encoder that was not trained yet\n\n"
            "Made by `spacy xling init-encoder`; train it with `spacy xling pretrain`.\n\n"
            f"{self.n_parameters:,} parameters, {self.n_pieces:,} pieces. {start} Other weights: random.\n\n"
            f"Tokenizer: trained on {self.n_texts:,} texts.\n\n" + _shares_table(self.shares)
        )


class PretrainedCard(NamedTuple):
    """The card of a pre-trained encoder.

    start (str): The checkpoint that training started from.
    step (int): Optimiser steps.
    n_pieces_seen (int): Pieces that passed the encoder, without padding.
    raw (Mapping[str, int]): Lines of raw text by language.
    parallel (Mapping[str, int]): Lines of parallel text by file.
    heldout (Mapping[str, float]): Masked-LM loss on held-out text by language, in nats per target.
    settings (Mapping[str, object]): The settings of the training.
    """

    start: str
    step: int
    n_pieces_seen: int
    raw: Mapping[str, int]
    parallel: Mapping[str, int]
    heldout: Mapping[str, float]
    settings: Mapping[str, object]

    @property
    def languages(self) -> Sequence[str]:
        return _codes(self.raw)

    def text(self) -> str:
        rows = [
            f"| {name or '-'} | {lines:,} | {_loss(self.heldout.get(name))} |"
            for name, lines in self.raw.items()
        ]
        parallel = [f"| {name} | {lines:,} | |" for name, lines in self.parallel.items()]
        settings = [f"| {name} | {value} |" for name, value in self.settings.items()]
        return (
            "# A masked-LM encoder\n\n"
            f"Trained by `spacy xling pretrain` from `{self.start}`: {self.step:,} steps, "
            f"{self.n_pieces_seen:,} pieces. Use it by path, as `name` of "
            "`spacy-xling.MaskedLMEncoder.v1`.\n\n"
            "| text | lines | held-out masked-LM loss (nats per piece) |\n|---|---|---|\n"
            + "\n".join([*rows, *parallel])
            + "\n\n| setting | value |\n|---|---|\n"
            + "\n".join(settings)
            + "\n"
        )


def write_card(folder: Path, card: Card) -> None:
    """Write a model card into a checkpoint's folder.

    folder (Path): The folder.
    card (Card): What it says.
    """
    front = srsly.yaml_dumps(
        {"language": list(card.languages), "library_name": "transformers", "pipeline_tag": "fill-mask"}
    )
    (folder / CARD).write_text(f"---\n{front}---\n\n{card.text()}", encoding="utf-8")


def _codes(languages: Iterable[Optional[str]]) -> list[str]:
    return [language for language in languages if language and language != NO_LANGUAGE]


def _shares_table(shares: Mapping[Optional[str], float]) -> str:
    rows = [f"| {language or '-'} | {100 * share:.1f} % |" for language, share in shares.items()]
    return "| language | share of the texts |\n|---|---|\n" + "\n".join(rows) + "\n"


def _loss(value: Optional[float]) -> str:
    return "" if value is None else f"{value:.3f}"
