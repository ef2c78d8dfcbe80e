"""Model cards: what an encoder was made from, beside its weights."""

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import srsly
from wasabi import MarkdownRenderer

from ..data.languages import UNKNOWN

CARD = "README.md"


def write_card(folder: Path, text: str, languages: Iterable[str], base_model: str | None = None) -> None:
    """Write a model card into a checkpoint's folder.

    folder (Path): The folder.
    text (str): What it says, in Markdown.
    languages (Iterable[str]): Codes of the languages.
    base_model (str | None): The checkpoint it was made from, hub name or folder, if there is one.
    """
    data: dict[str, Any] = {"library_name": "transformers", "pipeline_tag": "fill-mask"}
    if base_model and (name := hub_name(base_model)):
        data["base_model"] = name
    if codes := [language for language in languages if language != UNKNOWN]:
        data["language"] = codes
    (folder / CARD).write_text(f"---\n{srsly.yaml_dumps(data)}---\n\n{text}", encoding="utf-8")


def hub_name(checkpoint: str) -> str | None:
    """The name of a checkpoint on the model hub, None for a folder."""
    return None if Path(checkpoint).is_dir() else checkpoint


def markdown_table(header: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A table in Markdown, whose columns but the first are numbers, or a setting's value."""
    aligns = ("l", *"r" * (len(header) - 1))
    return MarkdownRenderer().table(list(rows), header, aligns=aligns) + "\n"
