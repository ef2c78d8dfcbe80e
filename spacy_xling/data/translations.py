"""The translation of a text, and its language, on spaCy's Docs."""

from typing import Optional

from spacy.tokens import Doc

from ..errors import Errors
from .names import clean_name

TRANSLATION, LANGUAGE = "translation", "translation_language"


def register_translation_extensions() -> None:
    """Make `doc._.translation` and `doc._.translation_language` known to spaCy, unless another package
    already did.
    """
    for name in (TRANSLATION, LANGUAGE):
        if not Doc.has_extension(name):
            Doc.set_extension(name, default=None)


def get_translation(doc: Doc) -> Optional[str]:
    """Read the translation of a text.

    doc (Doc): The text.
    RETURNS (Optional[str]): Its translation; None if there is none.
    RAISES (ValueError): X822: it is something else.
    """
    return _checked(doc, TRANSLATION)


def get_translation_language(doc: Doc) -> Optional[str]:
    """Read the language that a text's translation is in, or is to be in.

    doc (Doc): The text.
    RETURNS (Optional[str]): The language, without blanks around it; None if that isn't said.
    RAISES (ValueError): X822: it is something else.
    """
    found = _checked(doc, LANGUAGE)
    return found and (clean_name(found) or None)


def set_translation(doc: Doc, translation: str, language: Optional[str]) -> None:
    """Write the translation of a text.

    doc (Doc): The text.
    translation (str): Its translation.
    language (Optional[str]): The language of the translation.
    """
    doc._.set(TRANSLATION, translation)
    doc._.set(LANGUAGE, language)


def _checked(doc: Doc, name: str) -> Optional[str]:
    found = doc._.get(name)
    if found is None or isinstance(found, str):
        return found
    raise ValueError(Errors.X822.format(name=name, found=type(found).__name__))


register_translation_extensions()
