"""Tiny text classifiers of both kinds, and what tests of them ask."""

import pytest
import spacy
import torch
from thinc.api import Adam, fix_random_seed

from spacy_xling.models.architectures import joint_shim
from tests.conftest import MULTI, SINGLE, TEXTS, make_examples, textcat_config

EXCLUSIVE = "xling_textcat"
INDEPENDENT = "xling_textcat_multilabel"
KINDS = [(EXCLUSIVE, SINGLE), (INDEPENDENT, MULTI)]
TEXT = "The money for the late box."
each_name = pytest.mark.parametrize("name", [EXCLUSIVE, INDEPENDENT])
each_kind = pytest.mark.parametrize(("name", "data"), KINDS)


def make_nlp(checkpoint, name=EXCLUSIVE, **changes):
    """A pipeline of one component, without dropout."""
    nlp = spacy.blank("xx")
    nlp.add_pipe(name, config=plain_config(checkpoint, **changes))
    return nlp


def plain_config(checkpoint, **changes):
    encoder = {"name": str(checkpoint), "dropout": 0.0}
    return textcat_config(checkpoint, model={"encoder": encoder}, **changes)


def with_raw_text(nlp, path, name=EXCLUSIVE):
    """Have `initialize` give a component the raw text of a file."""
    path.write_text("\n".join(TEXTS), encoding="utf8")
    reader = {"@readers": "spacy-xling.UnlabelledText.v1", "path": str(path), "language": "xx"}
    nlp.config["initialize"]["components"][name] = {"unlabelled": reader}
    return nlp


def train(nlp, data, n_updates, optimizer=None):
    """Initialize if there is no optimizer yet, update, and give back the optimizer and the last losses."""
    examples = make_examples(nlp, data)
    if optimizer is None:
        fix_random_seed(0)
        optimizer = nlp.initialize(lambda: examples, sgd=Adam(0.01, L2=0.0, use_averages=False))
    losses = {}
    for _ in range(n_updates):
        losses = {}
        nlp.update(examples, sgd=optimizer, losses=losses)
    return optimizer, losses


def trained(checkpoint, name=EXCLUSIVE, data=SINGLE, n_updates=10, **changes):
    nlp = make_nlp(checkpoint, name, **changes)
    train(nlp, data, n_updates)
    return nlp


def parameters(component):
    module = joint_shim(component.model).module
    return {key: value.detach().clone() for key, value in module.named_parameters()}


def same(left, right):
    return left.keys() == right.keys() and all(torch.equal(left[key], right[key]) for key in left)


def scores_of(nlp, name, texts):
    return nlp.get_pipe(name).predict([nlp.make_doc(text) for text in texts])
