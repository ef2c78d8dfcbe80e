"""Model cards: what an encoder was made from, beside its weights."""

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple, Optional, Protocol

import srsly
from wasabi import MarkdownRenderer

from ..data.languages import UNKNOWN
from .trim_report import LANGUAGE_HEADER, SIZE_HEADER, TrimReport, language_rows, size_rows

CARD = "README.md"


class Card(Protocol):
    """What a model card says."""

    @property
    def base_model(self) -> Optional[str]:
        """The checkpoint it was made from, hub name or folder, if there is one."""

    @property
    def languages(self) -> Iterable[str]:
        """Codes of the languages."""

    def text(self) -> str:
        """The card's text, in Markdown."""


class InitialCard(NamedTuple):
    """The card of an encoder that was not trained yet.

    shares (Mapping[str, float]): Share of the tokenizer's texts by language.
    n_texts (int): Texts that the tokenizer was trained on.
    n_contexts (int): Contexts that aligned the embeddings, 0 for random embeddings.
    n_pieces (int): Pieces of the vocabulary.
    n_parameters (int): Parameters of encoder and LM head.
    """

    shares: Mapping[str, float]
    n_texts: int
    n_contexts: int
    n_pieces: int
    n_parameters: int

    @property
    def base_model(self) -> Optional[str]:
        return None

    @property
    def languages(self) -> Iterable[str]:
        return self.shares

    def text(self) -> str:
        start = (
            f"Piece embeddings: aligned across languages, from {self.n_contexts:,} contexts of parallel text."
            if self.n_contexts
            else "Piece embeddings: random."
        )
        rows = [(language, f"{100 * share:.1f} %") for language, share in self.shares.items()]
        return (
            "# An encoder that was not trained yet\n\n"
            "Made by `spacy xling init-encoder`; train it with `spacy xling pretrain`.\n\n"
            f"{self.n_parameters:,} parameters, {self.n_pieces:,} pieces. {start} Other weights: random.\n\n"
            f"Tokenizer: trained on {self.n_texts:,} texts.\n\n"
            + markdown_table(("language", "share of the texts"), rows)
        )


class PretrainedCard(NamedTuple):
    """The card of a pre-trained encoder.

    base_model (str): The checkpoint that training started from.
    step (int): Optimiser steps.
    n_pieces_seen (int): Pieces that passed the encoder, without padding.
    raw (Mapping[str, int]): Lines of raw text by language.
    parallel (Mapping[str, int]): Lines of parallel text by file.
    heldout (Mapping[str, float]): Masked-LM loss on held-out text by language, in nats per target.
    settings (Mapping[str, Any]): The settings of the training.
    """

    base_model: str
    step: int
    n_pieces_seen: int
    raw: Mapping[str, int]
    parallel: Mapping[str, int]
    heldout: Mapping[str, float]
    settings: Mapping[str, Any]

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


class TrimmedCard(NamedTuple):
    """The card of an encoder with a smaller vocabulary.

    report (TrimReport): What was trimmed.
    """

    report: TrimReport

    @property
    def base_model(self) -> Optional[str]:
        return self.report.encoder

    @property
    def languages(self) -> Iterable[str]:
        return [change.language for change in self.report.languages]

    def text(self) -> str:
        report = self.report
        name = hub_name(report.encoder) or Path(report.encoder).resolve().name
        limit = f"at most {report.max_pieces:,} pieces in all" if report.max_pieces else "without a limit"
        return (
            f"# {name}, trimmed\n\n"
            f"This is {name} with a smaller vocabulary, made by `spacy xling trim`: word embeddings, decoder "
            "and tokenizer were cut to pieces that occur in texts of the languages below. Nothing was "
            "trained, and all other weights are as they were. Its licence is that of the whole encoder.\n\n"
            "Where all pieces of a text are kept, its pieces and hidden states are exactly those of the "
            "whole encoder. Any other text is cut into other pieces, or has unknown ones.\n\n"
            + markdown_table(SIZE_HEADER, size_rows(report))
            + f"\nKept are pieces that occur {report.min_count} times or more in the texts of a language, "
            f"{limit}, those that they need, and the special ones. Of the texts that were read, these have "
            "other pieces than before:\n\n" + markdown_table(LANGUAGE_HEADER, language_rows(report))
        )


def write_card(folder: Path, card: Card) -> None:
    """Write a model card into a checkpoint's folder.

    folder (Path): The folder.
    card (Card): What it says.
    """
    data: dict[str, Any] = {"library_name": "transformers", "pipeline_tag": "fill-mask"}
    if card.base_model and (name := hub_name(card.base_model)):
        data["base_model"] = name
    if codes := [language for language in card.languages if language != UNKNOWN]:
        data["language"] = codes
    text = f"---\n{srsly.yaml_dumps(data)}---\n\n{card.text()}"
    (folder / CARD).write_text(text, encoding="utf-8")


def hub_name(checkpoint: str) -> Optional[str]:
    """Tell a name on the model hub from a folder.

    checkpoint (str): Hub name or folder.
    RETURNS (Optional[str]): The name, None for a folder.
    """
    return None if Path(checkpoint).is_dir() else checkpoint


def markdown_table(header: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A table whose columns but the first are numbers, or a setting's value.

    header (Sequence[str]): Names of the columns.
    rows (Iterable[Sequence[str]]): The cells, as text.
    RETURNS (str): The table, in Markdown.
    """
    aligns = ("l", *"r" * (len(header) - 1))
    return MarkdownRenderer().table(list(rows), header, aligns=aligns) + "\n"
