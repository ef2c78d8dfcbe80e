"""Pipelines that translate with a tiny checkpoint, and what they make of texts."""

import spacy

from spacy_xling.data.languages import set_language
from tests.conftest import TEXTS

NAME = "xling_translator"
FAST = {"beams": 1, "length_ratio": 0.5, "retry": False}
FRENCH, TURKISH = TEXTS[6:8]


def make_nlp(model, **settings):
    nlp = spacy.blank("xx")
    nlp.add_pipe(NAME, config={"model": str(model), **FAST, **settings})
    return nlp


def make_docs(nlp, *texts):
    """Docs of pairs of a text and its language."""
    docs = [nlp.make_doc(text) for text, _ in texts]
    for doc, (_, language) in zip(docs, texts, strict=True):
        set_language(doc, language)
    return docs


MIXED = [
    (TEXTS[4], "da"),
    (TEXTS[2], "de"),
    ("", None),
    (TEXTS[0], "en"),
    (" \n", "da"),
    (f"{TEXTS[5]}\n\n{TEXTS[4]}", "da"),
    ("12:30", None),
]


def found_in(nlp, texts=MIXED, **settings):
    docs = nlp.pipe(make_docs(nlp, *texts), **settings)
    return [(doc.text, doc._.translation, doc._.translation_doubt) for doc in docs]
