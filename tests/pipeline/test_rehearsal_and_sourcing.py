"""Classifiers that are rehearsed, frozen, disabled or sourced: what changes, and what stays."""

import numpy as np
import pytest
import spacy
import torch
from spacy.tokens import DocBin
from spacy.training.initialize import init_nlp
from thinc.api import SGD, Adam

from spacy_xling.models.architectures import joint_shim
from tests.conftest import SINGLE, make_examples, sourced_config
from tests.pipeline.textcats import (
    EXCLUSIVE,
    TEXT,
    each_kind,
    make_nlp,
    parameters,
    plain_config,
    same,
    scores_of,
    train,
    trained,
    with_raw_text,
)

pytestmark = pytest.mark.usefixtures("one_thread")


@each_kind
def test_rehearsing_right_after_the_copy_changes_nothing(checkpoint, name, data):
    nlp = trained(checkpoint, name, data, n_updates=5)
    nlp.resume_training()
    before = parameters(nlp.get_pipe(name))
    losses = nlp.rehearse(make_examples(nlp, data), sgd=SGD(0.1, L2=0.0), losses={})
    assert losses[name] == pytest.approx(0.0, abs=1e-9)
    for key, value in parameters(nlp.get_pipe(name)).items():
        torch.testing.assert_close(value, before[key], rtol=0, atol=1e-5)


@each_kind
def test_rehearsing_brings_scores_back(checkpoint, name, data):
    nlp = trained(checkpoint, name, data, n_updates=20)
    texts = [text for text, _ in data]
    old = scores_of(nlp, name, texts)
    nlp.resume_training()
    head = joint_shim(nlp.get_pipe(name).model).module.head.output
    head.weight.data.neg_()
    head.bias.data.neg_()
    drifted = np.abs(scores_of(nlp, name, texts) - old).mean()
    assert drifted > 0.3
    # At a higher rate rounding errors decide whether it gets there.
    optimizer = Adam(0.001, L2=0.0, use_averages=False)
    losses = [nlp.rehearse(make_examples(nlp, data), sgd=optimizer, losses={})[name] for _ in range(150)]
    assert losses[0] > 1.0
    assert 0 < losses[-1] < losses[0] / 4
    assert np.abs(scores_of(nlp, name, texts) - old).mean() < drifted / 2


@each_kind
def test_rehearsing_without_a_copy_does_nothing(checkpoint, name, data):
    nlp = trained(checkpoint, name, data, n_updates=1)
    before = parameters(nlp.get_pipe(name))
    assert nlp.get_pipe(name).rehearse(make_examples(nlp, data), sgd=SGD(0.1)) == {name: 0.0}
    assert same(parameters(nlp.get_pipe(name)), before)


def two_components(checkpoint):
    nlp = make_nlp(checkpoint)
    nlp.add_pipe(EXCLUSIVE, name="second", config=plain_config(checkpoint))
    return nlp


def test_a_frozen_component_is_unchanged(checkpoint):
    nlp = two_components(checkpoint)
    optimizer, _ = train(nlp, SINGLE, 0)
    frozen, second = (parameters(nlp.get_pipe(name)) for name in (EXCLUSIVE, "second"))
    for _ in range(5):
        nlp.update(make_examples(nlp, SINGLE), sgd=optimizer, exclude=[EXCLUSIVE])
    assert same(parameters(nlp.get_pipe(EXCLUSIVE)), frozen)
    changed = parameters(nlp.get_pipe("second"))
    assert not torch.equal(changed["head.output.weight"], second["head.output.weight"])


def test_a_disabled_component_neither_learns_nor_predicts(checkpoint):
    nlp = two_components(checkpoint)
    optimizer, _ = train(nlp, SINGLE, 0)
    before = parameters(nlp.get_pipe(EXCLUSIVE))
    with nlp.select_pipes(enable="second"):
        losses = {}
        nlp.update(make_examples(nlp, SINGLE), sgd=optimizer, losses=losses)
        assert set(losses) == {"second", "second_class", "second_mlm", "second_updates"}
    with nlp.select_pipes(disable=[EXCLUSIVE, "second"]):
        assert nlp(TEXT).cats == {}
    assert same(parameters(nlp.get_pipe(EXCLUSIVE)), before)
    assert nlp.pipe_names == [EXCLUSIVE, "second"]


@each_kind
def test_a_component_from_another_pipeline_scores_the_same(checkpoint, name, data):
    nlp = trained(checkpoint, name, data)
    other = spacy.blank("xx")
    other.add_pipe(name, source=nlp)
    assert other(TEXT).cats == nlp(TEXT).cats


def test_a_sourced_component_trains_on_with_raw_text(checkpoint, tmp_path):
    raw = tmp_path / "raw.txt"
    nlp = with_raw_text(make_nlp(checkpoint, mlm_weight=0.5), raw)
    train(nlp, SINGLE, 5)
    nlp.to_disk(tmp_path / "source")
    DocBin(docs=[eg.reference for eg in make_examples(nlp, SINGLE)]).to_disk(tmp_path / "train.spacy")
    sourced = init_nlp(sourced_config(tmp_path / "source", tmp_path / "train.spacy", raw, language="xx"))
    assert sourced(TEXT).cats == nlp(TEXT).cats
    losses = {}
    sourced.update(make_examples(sourced, SINGLE), sgd=sourced.resume_training(), losses=losses)
    assert losses["xling_textcat_mlm"] > 1.0
    assert sourced(TEXT).cats != nlp(TEXT).cats
