"""Raw text and masks for tests of the masked-LM term, and pipelines whose components share a transformer."""

import pytest
import spacy
import torch
from spacy.training import Example
from spacy.util import fix_random_seed

from spacy_xling.data.sources import RawText
from spacy_xling.models.architectures import lm_head_shim
from spacy_xling.optimizer.adamw import build_adamw_v1
from tests.conftest import SINGLE, TEXTS, make_examples

RAW = TEXTS[2:8]
NO_DROPOUT = {
    "hidden_dropout_prob": 0.0,
    "attention_probs_dropout_prob": 0.0,
    "dropout": 0.0,
    "attention_dropout": 0.0,
}
LISTENER = {
    "@architectures": "spacy-transformers.TransformerListener.v1",
    "grad_factor": 1.0,
    "pooling": {"@layers": "reduce_mean.v1"},
}
TEXTCAT = {
    "model": {
        "@architectures": "spacy.TextCatReduce.v1",
        "exclusive_classes": True,
        "use_reduce_first": False,
        "use_reduce_last": False,
        "use_reduce_max": False,
        "use_reduce_mean": True,
        "tok2vec": LISTENER,
    }
}
TAGGER = {"model": {"@architectures": "spacy.Tagger.v2", "tok2vec": LISTENER}}
STEPS = 4


class RawTexts:
    """An endless stream of RAW, whose place can be saved."""

    def __init__(self):
        self.at = -1

    def __iter__(self):
        return self

    def __next__(self):
        self.at += 1
        return RawText(RAW[self.at % len(RAW)], None)

    def state_dict(self):
        return {"at": self.at}

    def load_state_dict(self, state):
        self.at = state["at"]


def record_masks(pipe, monkeypatch):
    """The masks as the component draws them, for a reference to use."""
    drawn = []
    masking = pipe.masking

    def recorded(*args):
        drawn.append(masking(*args))
        return drawn[-1]

    monkeypatch.setattr(pipe, "masking", recorded)
    return drawn


def make_shared(
    checkpoint,
    *,
    last=False,
    mlm_weight=0.3,
    reduction="mean",
    listeners=("textcat",),
    mlm=True,
    transformer=None,
    **config,
):
    """A pipeline of a transformer, `xling_mlm` and listeners, made but not initialized.

    mlm_weight, reduction: Of the objective.
    listeners: Names of spaCy's components that listen.
    mlm: Whether there is an `xling_mlm`.
    last: Whether it comes after the listeners.
    transformer: Settings of the transformer's model.
    config: Settings of `xling_mlm`.
    """
    pytest.importorskip("spacy_transformers", reason="needs the extra 'shared'")
    nlp = spacy.blank("xx")
    nlp.add_pipe("transformer", config={"model": {"name": str(checkpoint), **(transformer or {})}})
    for name in listeners:
        nlp.add_pipe(name, config={"textcat": TEXTCAT, "tagger": TAGGER}[name])
    if mlm:
        objective = {"mlm_weight": mlm_weight, "reduction": reduction}
        place = {} if last else {"after": "transformer"}
        nlp.add_pipe("xling_mlm", config={"objective": objective, **config}, **place)
    return nlp


def count_passes(nlp, monkeypatch, name="xling_mlm"):
    """A list that grows with each masked pass."""
    passes = []
    shim = lm_head_shim(nlp.get_pipe(name).model)
    begin = shim.begin_update
    monkeypatch.setattr(shim, "begin_update", lambda given: passes.append(given.masked) or begin(given))
    return passes


def shared_examples(nlp):
    """Texts with a category each and a tag for each token."""
    examples = []
    for example in make_examples(nlp, SINGLE):
        reference = example.reference
        tags = [("NOUN", "VERB")[len(token) % 2] for token in reference]
        gold = {"cats": reference.cats, "tags": tags}
        examples.append(Example.from_dict(nlp.make_doc(reference.text), gold))
    return examples


def initialize_shared(nlp, examples, raw=RawTexts):
    """What `nlp.initialize` does with a config that has a reader of raw text."""
    for name, pipe in nlp.pipeline:
        given = {"unlabelled": lambda nlp: raw()} if name.startswith("xling_mlm") and raw else {}
        pipe.initialize(lambda: examples, nlp=nlp, **given)
    nlp._link_components()
    return nlp


def transformer_of(nlp):
    return nlp.get_pipe("transformer").model.transformer


def train_step(nlp, batches, optimizer, exclude=()):
    """One step as spaCy's training loop takes it, in sub-batches."""
    losses = {}
    for batch in batches:
        nlp.update(batch, sgd=False, losses=losses, drop=0.0, exclude=list(exclude))
    for name, pipe in nlp.pipeline:
        if name not in exclude:
            pipe.finish_update(optimizer)
    return losses


class Recorder:
    """In an optimizer's place: keeps each gradient it is called with, and changes nothing."""

    def __init__(self):
        self.calls = []
        self.gradients = {}

    def __call__(self, key, weights, gradient):
        self.calls.append(key)
        self.gradients[key] = gradient.copy()
        return weights, gradient

    def of(self, shim):
        """Gradients of a shim's parameters, by name."""
        return {name: gradient for (number, name), gradient in self.gradients.items() if number == shim.id}


def weights_of(nlp):
    """Copies of all weights of encoder and listeners."""
    weights = {name: p.detach().clone() for name, p in transformer_of(nlp).state_dict().items()}
    for name in nlp.pipe_names:
        if name not in ("transformer", "xling_mlm"):
            for number, node in enumerate(nlp.get_pipe(name).model.walk()):
                for parameter in node.param_names:
                    copied = torch.from_numpy(node.get_param(parameter).copy())
                    weights[f"{name}/{number}/{parameter}"] = copied
    return weights


def assert_same_weights(one, other):
    assert one.keys() == other.keys()
    assert [name for name in one if not torch.equal(one[name], other[name])] == []


def differing(one, other):
    return {name for name in one if not torch.equal(one[name], other[name])}


def ready(checkpoint, **settings):
    """A pipeline that is initialized, and its examples."""
    nlp = make_shared(checkpoint, **settings)
    examples = shared_examples(nlp)
    return initialize_shared(nlp, examples), examples


def trained(checkpoint, steps=STEPS, **settings):
    """A pipeline after some steps."""
    fix_random_seed(7)
    nlp, examples = ready(checkpoint, **settings)
    optimizer = build_adamw_v1(0.01)
    for _ in range(steps):
        train_step(nlp, [examples], optimizer)
    return nlp
