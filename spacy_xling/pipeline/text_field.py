"""Which text of a Doc a classifier reads: its own, or its translation."""

from collections.abc import Iterable, Sequence
from typing import Any, Literal, get_args

from spacy.tokens import Doc
from spacy.training import Example

from ..data.doc_translations import get_translation
from ..data.languages import get_language
from ..data.sources import RawText
from ..errors import Errors

TextField = Literal["text", "translation"]
# Key of a component's settings.
KEY = "text_field"

# Blocks of a pipeline's config, by the names of its components.
Blocks = dict[str, dict[str, Any]]


def read_text(doc: Doc, field: TextField, *, reference: Doc | None = None) -> RawText:
    """Read the text of a Doc that counts, for prediction, training and centring alike.

    doc (Doc): The Doc.
    field (TextField): "text" for its own; "translation" for its translation, and its own where it has none.
    reference (Doc | None): The Doc that knows the language, if it isn't the same.
    RETURNS (RawText): The text, with the language of the Doc if it is its own, or the same. The language of
        another text, a translation, isn't the Doc's: None.
    RAISES (ValueError): As `get_translation` and `get_language`.
    """
    translation = get_translation(doc) if field == "translation" else None
    if translation is None or translation == doc.text:
        return RawText(doc.text, get_language(doc if reference is None else reference))
    return RawText(translation, None)


class ReadTexts:
    """The texts that a classifier reads, by its setting `text_field`. It calls `_set_text_field` when it is
    made.
    """

    name: str
    cfg: dict[str, Any]

    def _set_text_field(self, field: TextField, blocks: Blocks | None) -> None:
        self._blocks = blocks
        self.text_field = field

    @property
    def text_field(self) -> TextField:
        """Which text is read: "text" for `doc.text`; "translation" for `doc._.translation`, as a translator
        before it sets it. To set this changes the pipeline's config, too. Temperatures and a threshold belong
        to the scores of before: calibrate again.
        """
        return self.cfg[KEY]

    @text_field.setter
    def text_field(self, field: TextField) -> None:
        known = get_args(TextField)
        if field not in known:
            raise ValueError(Errors.X556.format(name=self.name, found=field, known=" or ".join(known)))
        self.cfg[KEY] = field
        if self._blocks and self.name in self._blocks:
            self._blocks[self.name][KEY] = field

    def read(self, docs: Iterable[Doc]) -> list[RawText]:
        """Read the texts of Docs; see `read_text`."""
        return [read_text(doc, self.text_field) for doc in docs]

    def read_examples(self, examples: Iterable[Example]) -> list[RawText]:
        """Read the texts to learn from: those of the predicted Docs, with the languages of the references.

        Where translations are read, a text has one in training only if a component that assigns it is among
        `[training] annotating_components`, and stands before this one: spaCy runs no other on what is learnt
        from. Without, and where a Doc has none, its own text is learnt from, so that a classifier is trained
        on text of the source as ever, and reads translations when it serves.
        """
        return [read_text(eg.predicted, self.text_field, reference=eg.reference) for eg in examples]

    def require_translations(self, docs: Sequence[Doc]) -> None:
        """Refuse to score texts without translations as if they had some."""
        if self.text_field == "translation" and docs and all(get_translation(doc) is None for doc in docs):
            raise ValueError(Errors.X557.format(name=self.name))
