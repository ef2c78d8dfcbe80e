"""The model card of a trimmed encoder."""

from pathlib import Path

from ..encoders.cards import hub_name, markdown_table
from .report import LANGUAGE_HEADER, SIZE_HEADER, TrimReport, language_rows, size_rows


def card_text(report: TrimReport) -> str:
    """What the card of an encoder with a smaller vocabulary says, in Markdown."""
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
