"""The language of a text, and how often each language is drawn."""

from collections.abc import Iterable, Mapping
from typing import TypeVar

from spacy.tokens import Doc

from ..errors import Errors
from .names import clean_name

EXTENSION = "language"
# Stands in tables and reports for a language that is not known.
UNKNOWN = "-"

# A corpus of one language need not name it: its key is None.
LanguageKey = TypeVar("LanguageKey", bound=str | None)


def register_language_extension() -> None:
    """Make `doc._.language` known to spaCy, unless another package already did."""
    if not Doc.has_extension(EXTENSION):
        Doc.set_extension(EXTENSION, default=None)


def get_language(doc: Doc) -> str | None:
    """Read the language of a text.

    doc (Doc): The text.
    RETURNS (str | None): Its language, without blanks around it, or None if it is not known.
    RAISES (ValueError): If `doc._.language` is neither a string nor None.
    """
    return _checked(doc._.get(EXTENSION))


def set_language(doc: Doc, language: str | None) -> None:
    """Write the language of a text.

    doc (Doc): The text.
    language (str | None): Its language, or None if it is not known.
    RAISES (ValueError): If `language` is neither a string nor None, or another package's extension of the
        name doesn't take it.
    """
    language = _checked(language)
    doc._.set(EXTENSION, language)
    # An extension with a getter or a method takes everything, and keeps nothing.
    if language is not None and (found := doc._.get(EXTENSION)) != language:
        raise ValueError(Errors.X162.format(language=language, found=found))


def rows_by_language(docs: Iterable[Doc]) -> dict[str, list[int]]:
    """Group texts by language.

    docs (Iterable[Doc]): The texts.
    RETURNS (dict[str, list[int]]): The numbers of the texts, from 0 on, by language, in the order of their
        first text; those whose language is not known stand under "-".
    RAISES (ValueError): If a language is neither a string nor None.
    """
    rows: dict[str, list[int]] = {}
    for number, doc in enumerate(docs):
        rows.setdefault(get_language(doc) or UNKNOWN, []).append(number)
    return rows


def sort_languages(languages: Iterable[str], source: str) -> list[str]:
    """Put languages in the order of tables: the source language first, then by name, "-" last."""
    return sorted(languages, key=lambda language: (language != source, language == UNKNOWN, language))


def check_alpha(alpha: float) -> None:
    """Refuse an exponent of language sampling outside [0, 1], by a ValueError."""
    if not 0 <= alpha <= 1:
        raise ValueError(Errors.X102.format(alpha=alpha))


def sampling_shares(counts: Mapping[LanguageKey, int], alpha: float) -> dict[LanguageKey, float]:
    """Compute how often each language is drawn: p ~ n^alpha, summing to 1.

    With alpha 1 each language has its share of the texts, with alpha 0 all have the same; between
    them small languages are drawn more often than their size says. Conneau and Lample (2019),
    "Cross-lingual Language Model Pretraining", section 3.1, https://arxiv.org/abs/1901.07291

    counts (Mapping[str, int]): Number of texts of each language.
    alpha (float): The exponent, from 0 to 1.
    RETURNS (dict[str, float]): The share of each language.
    RAISES (ValueError): If alpha lies outside [0, 1] or a count is not positive.
    """
    check_alpha(alpha)
    for language, count in counts.items():
        if count <= 0:
            raise ValueError(Errors.X103.format(language=language, count=count))
    powers = {language: count**alpha for language, count in counts.items()}
    total = sum(powers.values())
    return {language: power / total for language, power in powers.items()}


def _checked(language: object) -> str | None:
    if language is None:
        return None
    if isinstance(language, str):
        return clean_name(language) or None
    raise ValueError(Errors.X101.format(value=language, type=type(language).__name__))


register_language_extension()
