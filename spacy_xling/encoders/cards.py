"""Model cards: what an encoder was made from, beside its weights."""

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple, Protocol

import srsly
from wasabi import MarkdownRenderer

from ..data.languages import UNKNOWN

CARD = "README.md"


class Card(Protocol):
    """What a model card says."""

    @property
    def base_model(self) -> str | None:
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
    def base_model(self) -> str | None:
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


def hub_name(checkpoint: str) -> str | None:
    """Tell a name on the model hub from a folder.

    checkpoint (str): Hub name or folder.
    RETURNS (str | None): The name, None for a folder.
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
