"""What trimming did: a report, in numbers, as tables, and as the model card of the trimmed folder."""

from dataclasses import dataclass
from pathlib import Path
from typing import List, Optional, Sequence

import srsly
from wasabi import MarkdownRenderer, table

SIZE_HEADER = ("", "whole", "trimmed", "left")
LANGUAGE_HEADER = ("language", "texts", "changed", "share", "pieces per text", "trimmed")
CARD = """\
---
{data}---

# {name}, trimmed

This is {name} with a smaller vocabulary, made by `spacy xling trim`: word embeddings, decoder and tokenizer
were cut to pieces that occur in texts of the languages below. Nothing was trained, and all other weights are
as they were. Its licence is that of the whole encoder.

Where all pieces of a text are kept, its pieces and hidden states are exactly those of the whole encoder. Any
other text is cut into other pieces, or has unknown ones.

{sizes}

Kept are pieces that occur {min_count} times or more in the texts of a language, {limit}, those that they
need, and the special ones. Of the texts that were read, these have other pieces than before:

{changes}
"""


@dataclass(frozen=True)
class Size:
    """How large an encoder is.

    pieces (int): Rows of its word embeddings.
    parameters (int): Its parameters, those that are shared counted once.
    weight_bytes (int): Size of its weights on disk.
    tokenizer_bytes (int): Size of its tokenizer's vocabulary on disk.
    """

    pieces: int
    parameters: int
    weight_bytes: int
    tokenizer_bytes: int


@dataclass(frozen=True)
class LanguageChange:
    """What trimming means for the texts of a language.

    language (Optional[str]): The language, None if it is not known.
    texts (int): Texts read, blank ones left out.
    changed (int): Those whose pieces are not the same as before.
    pieces_before (int): Pieces of all texts with the whole tokenizer, special ones left out.
    pieces_after (int): Pieces of all texts with the trimmed one.
    """

    language: Optional[str]
    texts: int
    changed: int
    pieces_before: int
    pieces_after: int


@dataclass(frozen=True)
class TrimReport:
    """What was trimmed.

    encoder (str): Hub name or folder of the whole encoder.
    min_count (int): How often a piece had to occur in a language.
    max_pieces (Optional[int]): The most pieces that were to be kept, None for no limit.
    alpha (float): Exponent of the languages' weights.
    before (Size): The encoder's size.
    after (Size): The size of the trimmed one.
    languages (Sequence[LanguageChange]): What changed, by language.
    """

    encoder: str
    min_count: int
    max_pieces: Optional[int]
    alpha: float
    before: Size
    after: Size
    languages: Sequence[LanguageChange]


def size_rows(report: TrimReport) -> List[List[str]]:
    """The sizes as rows of what, before, after and the share that is left.

    report (TrimReport): The report.
    RETURNS (List[List[str]]): The rows.
    """
    what = ("pieces", "parameters", "weights, bytes", "tokenizer, bytes")
    pairs = zip(vars(report.before).values(), vars(report.after).values(), strict=True)
    return [[name, f"{a:,}", f"{b:,}", _percent(b, a)] for name, (a, b) in zip(what, pairs, strict=True)]


def language_rows(report: TrimReport) -> List[List[str]]:
    """The languages as rows of name, texts, changed ones and their share, and pieces per text.

    report (TrimReport): The report.
    RETURNS (List[List[str]]): The rows.
    """
    return [
        [
            change.language or "-",
            f"{change.texts:,}",
            f"{change.changed:,}",
            _percent(change.changed, change.texts),
            f"{change.pieces_before / change.texts:.2f}",
            f"{change.pieces_after / change.texts:.2f}",
        ]
        for change in report.languages
    ]


def format_report(report: TrimReport) -> str:
    """Format the report for a terminal.

    report (TrimReport): The report.
    RETURNS (str): Two tables.
    """
    sizes = table(size_rows(report), header=SIZE_HEADER, divider=True, aligns=("l", "r", "r", "r"))
    changes = table(
        language_rows(report), header=LANGUAGE_HEADER, divider=True, aligns=("l", "r", "r", "r", "r", "r")
    )
    return f"{sizes}\n{changes}"


def model_card(report: TrimReport) -> str:
    """Write the model card of the trimmed encoder, which names a local folder without its path.

    report (TrimReport): The report.
    RETURNS (str): The card, in Markdown, with its data for the model hub on top.
    """
    local = Path(report.encoder).is_dir()
    name = Path(report.encoder).resolve().name if local else report.encoder
    languages = [change.language for change in report.languages if change.language]
    data = {
        "library_name": "transformers",
        "pipeline_tag": "fill-mask",
        **({} if local else {"base_model": name}),
        **({"language": languages} if languages else {}),
    }
    limit = f"at most {report.max_pieces:,} pieces in all" if report.max_pieces else "without a limit"
    markdown = MarkdownRenderer()
    return CARD.format(
        data=srsly.yaml_dumps(data),
        name=name,
        sizes=markdown.table(size_rows(report), SIZE_HEADER, aligns=("l", "r", "r", "r")),
        changes=markdown.table(language_rows(report), LANGUAGE_HEADER, aligns=("l", "r", "r", "r", "r", "r")),
        min_count=report.min_count,
        limit=limit,
    )


def _percent(part: int, whole: int) -> str:
    return f"{100 * part / whole:.2f} %" if whole else "-"
