"""The translation of a text on spaCy's Docs, what may be wrong with it, and its language."""

from collections.abc import Iterable

from spacy.tokens import Doc

from ..errors import Errors
from .names import clean_name

TRANSLATION = "translation"
DOUBT = "translation_doubt"
LANGUAGE = "translation_language"


def get_translation(doc: Doc) -> str | None:
    """Read the translation of a text; None if it has none.

    RAISES (ValueError): X558: `doc._.translation` is neither a string nor None.
    """
    return _checked(doc, TRANSLATION)


def get_translation_language(doc: Doc) -> str | None:
    """Read the language that a text is to be translated into, or, of a reference, that its translation is in:
    without blanks around it; None if that isn't said.

    RAISES (ValueError): X558: `doc._.translation_language` is neither a string nor None.
    """
    found = _checked(doc, LANGUAGE)
    return found and (clean_name(found) or None)


def set_translation(doc: Doc, translation: str, *, doubts: Iterable[str] = ()) -> None:
    """Write the translation of a text.

    doc (Doc): The text.
    translation (str): Its translation; one of white space alone becomes "".
    doubts (Iterable[str]): What may be wrong with it, see `translation.guards`.
    """
    doc._.set(TRANSLATION, translation if translation.strip() else "")
    # As a Doc that comes from another process has it.
    doc._.set(DOUBT, list(doubts))


def set_translation_language(doc: Doc, language: str | None) -> None:
    """Write the language that a text is to be translated into, None for that of the component, or that its
    translation is in.
    """
    doc._.set(LANGUAGE, language)


def _checked(doc: Doc, name: str) -> str | None:
    found = doc._.get(name)
    if found is None or isinstance(found, str):
        return found
    raise ValueError(Errors.X558.format(name=name, value=found, type=type(found).__name__))


for _name, _default in ((TRANSLATION, None), (DOUBT, []), (LANGUAGE, None)):
    # Another package may have made it.
    if not Doc.has_extension(_name):
        Doc.set_extension(_name, default=_default)
