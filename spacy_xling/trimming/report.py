"""What trimming did: a report, in numbers and as tables."""

from collections.abc import Sequence
from dataclasses import dataclass

from wasabi import table

SIZE_HEADER = ("", "whole", "trimmed", "left")
LANGUAGE_HEADER = ("language", "texts", "changed", "share", "pieces per text", "trimmed")


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

    language (str): The language, "-" if it is not known.
    texts (int): Texts read, blank ones left out.
    changed (int): Those whose pieces are not the same as before.
    pieces_before (int): Pieces of all texts with the whole tokenizer, special ones left out.
    pieces_after (int): Pieces of all texts with the trimmed one.
    """

    language: str
    texts: int
    changed: int
    pieces_before: int
    pieces_after: int


@dataclass(frozen=True)
class TrimReport:
    """What was trimmed.

    encoder (str): Hub name or folder of the whole encoder.
    min_count (int): How often a piece had to occur in a language.
    max_pieces (int | None): The most pieces that were to be kept, None for no limit.
    alpha (float): Exponent of the languages' weights.
    before (Size): The encoder's size.
    after (Size): The size of the trimmed one.
    languages (Sequence[LanguageChange]): What changed, by language.
    """

    encoder: str
    min_count: int
    max_pieces: int | None
    alpha: float
    before: Size
    after: Size
    languages: Sequence[LanguageChange]


def size_rows(report: TrimReport) -> list[list[str]]:
    """The sizes as rows of what, before, after and the share that is left."""
    what = ("pieces", "parameters", "weights, bytes", "tokenizer, bytes")
    pairs = zip(vars(report.before).values(), vars(report.after).values(), strict=True)
    return [[name, f"{a:,}", f"{b:,}", _percent(b, a)] for name, (a, b) in zip(what, pairs, strict=True)]


def language_rows(report: TrimReport) -> list[list[str]]:
    """The languages as rows of name, texts, changed ones and their share, and pieces per text."""
    return [
        [
            change.language,
            f"{change.texts:,}",
            f"{change.changed:,}",
            _percent(change.changed, change.texts),
            f"{change.pieces_before / change.texts:.2f}",
            f"{change.pieces_after / change.texts:.2f}",
        ]
        for change in report.languages
    ]


def format_report(report: TrimReport) -> str:
    """Format the report for a terminal, as two tables."""
    sizes = table(size_rows(report), header=SIZE_HEADER, divider=True, aligns=("l", "r", "r", "r"))
    changes = table(
        language_rows(report), header=LANGUAGE_HEADER, divider=True, aligns=("l", "r", "r", "r", "r", "r")
    )
    return f"{sizes}\n{changes}"


def _percent(part: int, whole: int) -> str:
    return f"{100 * part / whole:.2f} %" if whole else "-"
