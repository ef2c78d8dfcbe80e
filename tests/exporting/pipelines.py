"""Tiny pipelines to export. Their heads are steep, so that scores differ from text to text."""

import numpy as np
import spacy
import torch

from tests.conftest import MULTI, SINGLE, TEXTS, make_examples, textcat_config

KINDS = {"xling_textcat": SINGLE, "xling_textcat_multilabel": MULTI}
# Of several windows each, for the tiny encoders take 64 pieces.
LONG = [" ".join(TEXTS[start:] * times) for start, times in ((0, 3), (2, 5), (4, 9))]
ALL = [*TEXTS, *LONG, "", " \n", "?"]
STEEP = 40.0


def make_pipeline(
    checkpoint, kind="xling_textcat", *, seed=0, code_switching=None, translated_texts=None, **model
):
    """A pipeline with an untrained, steep head. `model` are settings of the architecture."""
    nlp = spacy.blank("xx")
    config = textcat_config(checkpoint, code_switching=code_switching, translated_texts=translated_texts)
    config["model"].update({"pass_pieces": 128, **model})
    pipe = nlp.add_pipe(kind, config=config)
    torch.manual_seed(seed)
    nlp.initialize(lambda: make_examples(nlp, KINDS[kind]))
    with torch.no_grad():
        head = pipe.model.shims[0].module.head
        for layer in filter(None, (head.hidden, head.output)):
            layer.weight.mul_(STEEP)
    return nlp


def make_unsaturated(checkpoint, kind="xling_textcat", **settings):
    """The same, with a hidden layer, if there is one, whose activations aren't all near -1 or 1."""
    nlp = make_pipeline(checkpoint, kind, **settings)
    hidden = nlp.get_pipe(kind).model.shims[0].module.head.hidden
    if hidden is not None:
        with torch.no_grad():
            hidden.weight.div_(8)
    return nlp


def scores(nlp, texts=ALL):
    """Scores of texts in one batch. *Shape:* (texts, labels)"""
    return np.array([list(doc.cats.values()) for doc in nlp.pipe(texts, batch_size=len(texts))])


def export(nlp, folder, **settings):
    """Save, export and load a pipeline."""
    from spacy_xling.exporting.exporting import export_pipeline

    nlp.to_disk(folder / "trained")
    export_pipeline(folder / "trained", folder / "exported", **settings)
    return spacy.load(folder / "exported")
