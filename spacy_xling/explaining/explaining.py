"""A text and its pipeline to a score for each word."""

from collections.abc import Callable
from typing import Literal, get_args

from spacy.language import Language
from spacy.pipeline import TextCategorizer
from spacy.tokens import Doc

from ..data.doc_translations import TRANSLATION, get_translation, set_translation
from ..data.languages import get_language, set_language
from ..errors import Errors
from ..pipeline.text_field import ReadTexts
from .gradients import word_gradients
from .occlusion import occlude_words
from .records import Explanation
from .words import split_words

Method = Literal["occlusion", "integrated_gradients"]
METHODS = get_args(Method)
# Texts that go through the pipeline together.
BATCH = 64


def explain(
    nlp: Language, text: str | Doc, label: str | None = None, method: Method = "occlusion"
) -> Explanation:
    """Find out what each word of a text does for the score of a label.

    "occlusion" takes each word out of the text in turn: a word's score is the score of the text minus that of
    the text without it (Li+ 2016, arXiv 1612.08220). It asks the pipeline alone, whichever component sets
    `doc.cats`: also an exported one, or spaCy's own on a shared transformer. Where the classifier reads
    translations, words are taken out of the translation, which is not made again.

    "integrated_gradients" (Sundararajan+ 2017, arXiv 1703.01365) goes from a baseline, whose pieces say
    nothing in particular, for each is the mean of all, to the text: words' scores sum up to the difference of
    the two scores. It needs `xling_textcat` or `xling_textcat_multilabel`, not exported, and captum (extra
    `explain`), and is computed in fp32.

    nlp (Language): The pipeline.
    text (str | Doc): The text. A Doc brings its `doc._.language`, and its translation where no
        component makes one; it isn't changed.
    label (str | None): The label; None for the one with the highest score.
    method (Method): "occlusion" or "integrated_gradients".
    RETURNS (Explanation): The words with their scores, in the units of `doc.cats`.
    RAISES (ValueError): An unknown method (X952) or label (X951), a text without words (X954), a pipeline
        that sets no categories (X752) or has no gradients (X953). (ImportError): captum is missing (X950).
    WARNS (UserWarning): W950, where scores of integrated gradients don't sum up.
    """
    if method not in METHODS:
        raise ValueError(Errors.X952.format(found=method, known=" or ".join(METHODS)))
    given = text if isinstance(text, Doc) else nlp.tokenizer(text)
    doc = nlp(_make_doc(nlp, given.text, get_language(given), get_translation(given)))
    if not doc.cats:
        raise ValueError(Errors.X752.format(text=doc.text[:60]))
    label = max(doc.cats, key=doc.cats.__getitem__) if label is None else label
    if label not in doc.cats:
        raise ValueError(Errors.X951.format(found=label, known=", ".join(doc.cats)))
    pipes = [pipe for _, pipe in nlp.pipeline if isinstance(pipe, TextCategorizer) and label in pipe.labels]
    # Of several the last one has the last word.
    pipe = pipes[-1] if pipes else None
    # The Doc's own text, or its translation.
    read = pipe.read([doc])[0].text if isinstance(pipe, ReadTexts) else doc.text
    words = split_words(read)
    if not words:
        raise ValueError(Errors.X954.format(text=read[:60]))
    if method == "occlusion":
        found = occlude_words(read, words, float(doc.cats[label]), _scorer(nlp, doc, read, pipe, label))
    else:
        found = word_gradients(pipe, doc, words, label)
    return Explanation(
        text=read,
        label=label,
        method=method,
        language=get_language(doc),
        original=None if read == doc.text else doc.text,
        **found._asdict(),
    )


def _scorer(
    nlp: Language, doc: Doc, read: str, pipe: TextCategorizer | None, label: str
) -> Callable[[list[str]], list[float]]:
    """What texts instead of the one that was read would score."""
    # Of a translation in which a word is missing no other is made.
    translators = [
        name for name in nlp.pipe_names if f"doc._.{TRANSLATION}" in nlp.get_pipe_meta(name).assigns
    ]
    reads_translations = isinstance(pipe, ReadTexts) and pipe.text_field == "translation"
    original, language = doc.text, get_language(doc)

    def make_doc(text: str) -> Doc:
        own = text if read == original else original
        return _make_doc(nlp, own, language, text if reads_translations else None)

    def score(texts: list[str]) -> list[float]:
        docs = nlp.pipe(map(make_doc, texts), disable=translators, batch_size=BATCH)
        return [float(doc.cats[label]) for doc in docs]

    return score


def _make_doc(nlp: Language, text: str, language: str | None, translation: str | None) -> Doc:
    """A text that no component has seen, with its language and a translation."""
    # Unlike nlp.make_doc, the tokenizer takes a text of any length.
    doc = nlp.tokenizer(text)
    set_language(doc, language)
    if translation is not None:
        set_translation(doc, translation)
    return doc
