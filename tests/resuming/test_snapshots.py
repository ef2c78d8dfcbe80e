"""A pipeline and an optimizer that are restored go on as those that were saved."""

import json

import numpy as np
import pytest
import spacy
import torch
from spacy.language import Language
from spacy.pipeline import TrainablePipe
from thinc.api import Adam, Linear, PyTorchWrapper, RAdam, chain

from spacy_xling.optimizer.adamw import AdamW
from spacy_xling.resuming.snapshots import (
    own_states,
    parameters,
    read_snapshot,
    restore_snapshot,
    save_snapshot,
)
from tests.conftest import SINGLE, make_examples, textcat_config

OPTIMIZERS = {
    "Adam": lambda: Adam(0.01, use_averages=True),
    "Adam without averages": lambda: Adam(0.01, use_averages=False),
    "RAdam": lambda: RAdam(0.01),
    "AdamW": lambda: AdamW(0.01, use_averages=True),
    "AdamW without averages": lambda: AdamW(0.01),
    "AdamW with the last averages": lambda: AdamW(0.01, average_last=3, average_every=2),
}


class Mixed(TrainablePipe):
    """A pipe on two thinc layers with a torch layer between."""

    def __init__(self, vocab, name, seed=0):
        torch.manual_seed(seed)
        rng = np.random.default_rng(seed)
        inner, outer = Linear(3, 4), Linear(2, 5)
        self.model = chain(inner, PyTorchWrapper(torch.nn.Linear(3, 5)), outer)
        for layer in (inner, outer):
            for param in ("W", "b"):
                shape = layer.get_dim("nO"), layer.get_dim("nI")
                layer.set_param(param, rng.normal(size=shape[: 2 if param == "W" else 1]).astype("f"))
        self.vocab = vocab
        self.name = name
        self.cfg = {}

    def step(self, optimizer, seed, torch_too=True):
        """One update; without torch, its gradient stays the zeros that the last has left."""
        x = np.random.default_rng(seed).normal(size=(6, 4)).astype("f")
        model = self.model if torch_too else self.model.layers[0]
        y, backprop = model.begin_update(x)
        backprop(y)
        self.finish_update(optimizer)


@Language.factory("test_mixed")
def make_mixed(nlp, name):
    return Mixed(nlp.vocab, name)


def mixed_pipeline():
    nlp = spacy.blank("xx")
    for name in ("first", "second"):
        nlp.add_pipe("test_mixed", name=name)
    return nlp


def weights(nlp):
    return {
        p.name: (p.node.get_param(p.own_name) if p.tensor is None else p.tensor.detach().numpy()).copy()
        for p in parameters(nlp)
    }


def kept_by(optimizer, nlp):
    """What an optimizer keeps, by its kind and the parameter's name."""
    names = {p.key: p.name for p in parameters(nlp)}
    groups = {
        group: getattr(optimizer, group, None) or {}
        for group in ("mom1", "mom2", "averages", "nr_update", "counts")
    }
    groups |= {f"kept{number}": kept for number, kept in enumerate(getattr(optimizer, "kept", []))}
    return {
        f"{group}|{names[key]}": np.asarray(value)
        for group, values in groups.items()
        for key, value in values.items()
    }


def assert_equal(values, expected):
    assert values.keys() == expected.keys()
    for name in values:
        np.testing.assert_array_equal(values[name], expected[name])


@pytest.mark.parametrize("kind", OPTIMIZERS)
def test_a_restored_optimizer_goes_on_as_the_saved_one(kind, tmp_path):
    nlp, optimizer = mixed_pipeline(), OPTIMIZERS[kind]()
    for seed in range(5):
        nlp.get_pipe("first").step(optimizer, seed)
        nlp.get_pipe("second").step(optimizer, seed + 50)
        optimizer.step_schedules()
    save_snapshot(tmp_path, nlp, optimizer, {"note": [1, 2]}, [own_states(nlp)])
    snapshot = read_snapshot(tmp_path)
    assert snapshot.data["progress"] == {"note": [1, 2]}
    for seed in range(20, 25):
        # A gradient of zeros moves the weights on, by their momentum.
        nlp.get_pipe("first").step(optimizer, seed, torch_too=False)
        optimizer.step_schedules()

    # Pipes made between move all ids on.
    mixed_pipeline()
    other, new = mixed_pipeline(), OPTIMIZERS[kind]()
    for _ in range(5):
        # As the replayed steps do, in which nothing is updated.
        new.step_schedules()
    restore_snapshot(snapshot, other, new)
    for seed in range(20, 25):
        other.get_pipe("first").step(new, seed, torch_too=False)
        new.step_schedules()
    assert_equal(weights(other), weights(nlp))
    assert_equal(kept_by(new, other), kept_by(optimizer, nlp))
    assert len(kept_by(new, other)) >= 3 * 12


def test_names_of_parameters_are_the_same_in_any_process():
    assert [p.name for p in parameters(mixed_pipeline())] == [p.name for p in parameters(mixed_pipeline())]
    assert [p.name for p in parameters(mixed_pipeline())][:3] == [
        "first/1/W",
        "first/1/b",
        "first/2/shim0/weight",
    ]


def test_a_gradient_that_was_not_used_is_restored(tmp_path):
    nlp, optimizer = mixed_pipeline(), Adam(0.01)
    x = np.ones((2, 4), dtype="f")
    y, backprop = nlp.get_pipe("first").model.begin_update(x)
    backprop(y)
    save_snapshot(tmp_path, nlp, optimizer, {}, [own_states(nlp)])
    other = mixed_pipeline()
    restore_snapshot(read_snapshot(tmp_path), other, Adam(0.01))
    found = {p.name: p.gradient for p in parameters(other)}
    for p in parameters(nlp):
        if p.gradient is None:
            assert found[p.name] is None
        else:
            assert p.gradient.any()
            assert torch.equal(found[p.name], p.gradient)
    assert any(g is None for g in found.values())


def test_what_was_frozen_stays_frozen(tmp_path):
    nlp = mixed_pipeline()
    frozen = next(p for p in parameters(nlp) if p.tensor is not None)
    frozen.tensor.requires_grad_(False)
    save_snapshot(tmp_path, nlp, Adam(0.01), {}, [own_states(nlp)])
    other = mixed_pipeline()
    restore_snapshot(read_snapshot(tmp_path), other, Adam(0.01))
    trained = {p.name: p.tensor.requires_grad for p in parameters(other) if p.tensor is not None}
    assert [name for name, is_trained in trained.items() if not is_trained] == [frozen.name]


def test_an_optimizer_that_holds_what_is_no_parameter_is_X613(tmp_path):
    nlp, optimizer = mixed_pipeline(), Adam(0.01)
    optimizer((10**9, "of nobody"), np.ones(3, dtype="f"), np.ones(3, dtype="f"))
    with pytest.raises(ValueError, match=r"X613.*of nobody"):
        save_snapshot(tmp_path, nlp, optimizer, {}, [own_states(nlp)])


def test_a_checkpoint_of_another_pipeline_is_X616(tmp_path):
    nlp, optimizer = mixed_pipeline(), Adam(0.01)
    nlp.get_pipe("second").step(optimizer, 0)
    save_snapshot(tmp_path, nlp, optimizer, {}, [own_states(nlp)])
    other = spacy.blank("xx")
    other.add_pipe("test_mixed", name="first")
    with pytest.raises(ValueError, match="X616"):
        restore_snapshot(read_snapshot(tmp_path), other, Adam(0.01))


def test_generators_are_restored_after_all_that_draws_from_them(tmp_path):
    nlp, optimizer = mixed_pipeline(), Adam(0.01)
    save_snapshot(tmp_path, nlp, optimizer, {}, [own_states(nlp)])
    expected = np.random.random(), torch.rand(1).item()
    restore_snapshot(read_snapshot(tmp_path), mixed_pipeline(), Adam(0.01))
    assert (np.random.random(), torch.rand(1).item()) == expected


@pytest.mark.parametrize("use_averages", [True, False])
def test_a_component_goes_on_as_the_saved_one(checkpoint, tmp_path, use_averages):
    """Masks, lambda's schedule and unlabelled texts too; and the head has grown, so its key is another."""

    def make():
        nlp = spacy.blank("xx")
        schedule = {"@schedules": "spacy-xling.linear.v1", "start": 0.1, "end": 0.9, "steps": 6}
        pipe = nlp.add_pipe("xling_textcat", config=textcat_config(checkpoint, mlm_weight=schedule))
        unlabelled = [("Pakken kom for sent.", {})]
        examples = make_examples(nlp, SINGLE + unlabelled)
        nlp.initialize(lambda: examples)
        pipe.add_label("OTHER")
        return nlp, pipe, examples, AdamW(0.01, use_averages=use_averages)

    def steps(nlp, pipe, examples, optimizer):
        for _ in range(3):
            pipe.update(examples, sgd=optimizer)

    torch.manual_seed(0)
    trained = make()
    steps(*trained)
    save_snapshot(tmp_path, trained[0], trained[3], {}, [own_states(trained[0])])
    steps(*trained)
    other = make()
    restore_snapshot(read_snapshot(tmp_path), other[0], other[3])
    assert other[1].training_state() == read_snapshot(tmp_path).own["components"]["xling_textcat"]
    steps(*other)
    assert_equal(weights(other[0]), weights(trained[0]))
    assert_equal(kept_by(other[3], other[0]), kept_by(trained[3], trained[0]))
    assert any("averages" in name for name in kept_by(other[3], other[0])) == use_averages


def test_training_state_is_plain_data(checkpoint):
    nlp = spacy.blank("xx")
    pipe = nlp.add_pipe("xling_textcat", config=textcat_config(checkpoint))
    nlp.initialize(lambda: make_examples(nlp, SINGLE))
    state = pipe.training_state()
    assert json.loads(json.dumps(state)) == state
    assert state["raw"] is None


def test_raw_text_that_cannot_say_where_it_stands_is_X510(checkpoint):
    nlp = spacy.blank("xx")
    pipe = nlp.add_pipe(
        "xling_textcat", config=textcat_config(checkpoint, mlm_weight=0.1, mlm_on_labelled=True)
    )
    nlp.initialize(lambda: make_examples(nlp, SINGLE))
    pipe.attach_unlabelled(iter([]))
    with pytest.raises(ValueError, match=r"X510.*list_iterator"):
        pipe.training_state()
