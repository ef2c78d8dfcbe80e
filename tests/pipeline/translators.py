"""Tiny translators, and what tests of them need."""

import spacy
from spacy.training import Example
from thinc.api import Adam, fix_random_seed

from spacy_xling.data.doc_translations import set_translation
from spacy_xling.models.architectures import translation_shim
from tests.pipeline.shared import RawTexts

NAME = "xling_joint_translator"
PAIRS = [
    ("The parcel arrived late.", "Pakken kom for sent.", "en", "da"),
    ("I want my money back.", "Jeg vil have mine penge tilbage.", "en", "da"),
    ("The box was broken.", "Der Karton war kaputt.", "en", "de"),
    ("Das Paket kam zu spät.", "The parcel arrived late.", "de", "en"),
    ("My money.", "Das Geld.", "en", "de"),
]
LANGUAGES = ["da", "de", "en"]


def translator_config(checkpoint, *, mlm_weight=0.3, reduction="mean", label_smoothing=0.1, **changes):
    return {
        "model": {
            "encoder": {"name": str(checkpoint), "dropout": 0.0},
            "dropout": 0.0,
            **changes.pop("model", {}),
        },
        "objective": {
            "mlm_weight": mlm_weight,
            "reduction": reduction,
            "label_smoothing": label_smoothing,
        },
        **changes,
    }


def make_examples(nlp, pairs=PAIRS):
    examples = []
    for text, translation, source, target in pairs:
        predicted, reference = nlp.make_doc(text), nlp.make_doc(text)
        for doc in (predicted, reference):
            doc._.language, doc._.translation_language = source, target
        set_translation(reference, translation)
        examples.append(Example(predicted, reference))
    return examples


def make_translator(checkpoint, pairs=PAIRS, **changes):
    """A pipeline with an initialized translator, the component, and examples."""
    nlp = spacy.blank("xx")
    translator = nlp.add_pipe(NAME, config=translator_config(checkpoint, **changes))
    examples = make_examples(nlp, pairs)
    fix_random_seed(0)
    translator.initialize(lambda: examples, unlabelled=lambda nlp: RawTexts())
    return nlp, translator, examples


def train(nlp, examples, n_updates):
    optimizer = Adam(0.01, L2=0.0, use_averages=False)
    losses = {}
    for _ in range(n_updates):
        losses = {}
        nlp.update(examples, sgd=optimizer, losses=losses)
    return losses


def translations_of(nlp, pairs=PAIRS):
    docs = []
    for text, _, source, target in pairs:
        doc = nlp.make_doc(text)
        doc._.language, doc._.translation_language = source, target
        docs.append(doc)
    return [doc._.translation for doc in nlp.pipe(docs)]


def parameters(translator):
    module = translation_shim(translator.model).module
    return {name: value.detach().clone() for name, value in module.named_parameters()}
