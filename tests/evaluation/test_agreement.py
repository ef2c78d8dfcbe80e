"""`spacy xling evaluate` and `spacy evaluate` agree on what both compute."""

import random

import pytest
import spacy
from spacy.cli.evaluate import evaluate as spacy_evaluate
from spacy.tokens import DocBin
from spacy.training import Example
from thinc.api import fix_random_seed

from spacy_xling.data.labelled import build_labelled_text_v1
from spacy_xling.data.languages import set_language
from spacy_xling.evaluation.by_language import evaluate_by_language, labelled_texts
from tests.conftest import textcat_config

LABELS = ("A", "B", "C", "D")
FACTORIES = ("textcat", "textcat_multilabel", "xling_textcat", "xling_textcat_multilabel")


def trained(factory, checkpoint):
    """A pipeline that was trained a little, with a label that no test text has."""
    nlp = spacy.blank("xx")
    is_ours = factory.startswith("xling")
    nlp.add_pipe(factory, config=textcat_config(checkpoint) if is_ours else {})
    generator = random.Random(0)
    examples = [
        Example.from_dict(nlp.make_doc(f"{label.lower()} {generator.choice('abcd')}"), {"cats": cats})
        for label in LABELS * 5
        for cats in [{other: float(other == label) for other in LABELS}]
    ]
    fix_random_seed(0)
    optimizer = nlp.initialize(lambda: examples)
    for _ in range(3):
        nlp.update(examples, sgd=optimizer)
    return nlp


def make_docs(nlp, factory):
    """Texts in two languages; with independent labels, some of them unknown."""
    generator = random.Random(1)
    docs = []
    for number in range(60):
        doc = nlp.make_doc(" ".join(generator.choice("abc") for _ in range(3)))
        if factory.endswith("multilabel"):
            annotated = generator.sample("ABC", k=generator.choice([2, 3]))
            doc.cats = {label: float(generator.random() < 0.5) for label in annotated}
        else:
            # One class in ten was never seen in training.
            doc.cats = {generator.choice([*"ABC" * 3, "NEW"]): 1.0}
        set_language(doc, ("en", "da")[number % 2])
        docs.append(doc)
    return docs


@pytest.mark.parametrize("threshold", [None, 0.2])
@pytest.mark.parametrize("factory", FACTORIES)
def test_macro_and_micro_f_and_auc_and_accuracy_agree(factory, threshold, checkpoint, tmp_path):
    nlp = trained(factory, checkpoint)
    if threshold is not None:
        nlp.get_pipe(factory).cfg["threshold"] = threshold
    nlp.to_disk(tmp_path / "model")
    docs = make_docs(nlp, factory)
    found = {}
    for language in ("en", "da"):
        path = tmp_path / f"{language}.spacy"
        DocBin(docs=[doc for doc in docs if doc._.language == language], store_user_data=True).to_disk(path)
        found[language] = spacy_evaluate(str(tmp_path / "model"), path)
    DocBin(docs=docs, store_user_data=True).to_disk(tmp_path / "test.spacy")
    loaded = spacy.load(tmp_path / "model")
    texts = labelled_texts(build_labelled_text_v1(tmp_path / "test.spacy"))
    scores = evaluate_by_language(loaded, texts.docs)
    assert scores.keys() == {"en", "da"}
    for language, theirs in found.items():
        ours = scores[language]
        assert ours.macro_f1 == pytest.approx(theirs["cats_macro_f"])
        assert ours.micro_f1 == pytest.approx(theirs["cats_micro_f"])
        assert ours.macro_auc == pytest.approx(theirs["cats_macro_auc"])
        # spaCy's own components have none.
        assert ours.accuracy == pytest.approx(theirs.get("cats_acc", ours.accuracy))
        assert ("cats_acc" in theirs) == factory.startswith("xling")
        for label, expected in theirs["cats_f_per_type"].items():
            own = ours.labels[label]
            assert (own.precision, own.recall, own.f1) == pytest.approx(
                (expected["p"], expected["r"], expected["f"])
            )
        # Not of nothing.
        assert 0 < theirs["cats_macro_auc"] < 1
        assert 0 < theirs["cats_micro_f"] < 1 or threshold is None
