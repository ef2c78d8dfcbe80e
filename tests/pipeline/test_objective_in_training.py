"""Steps of the joint objective: the same bit for bit by a seed, clipped, averaged, partly frozen."""

import numpy as np
import pytest
import spacy
import torch

from spacy_xling.data.sources import RawText
from spacy_xling.models.architectures import joint_shim
from spacy_xling.optimizer.adamw import build_adamw_v1
from tests.conftest import SINGLE, TEXTS, make_checkpoint, make_examples, textcat_config
from tests.pipeline.plain_pytorch import component_gradients, make_component
from tests.pipeline.shared import RAW, RawTexts


def train(nlp_factory, checkpoint, steps=6, *, raw=True, seed=0, mlm_weight=0.0, **config):
    from thinc.api import fix_random_seed

    fix_random_seed(seed)
    nlp = nlp_factory()
    settings = textcat_config(checkpoint, mlm_weight=mlm_weight, seed=seed, **config)
    textcat = nlp.add_pipe("xling_textcat", config=settings)
    examples = make_examples(nlp, SINGLE)
    textcat.initialize(lambda: examples, unlabelled=(lambda nlp: RawTexts()) if raw else None)
    optimizer = build_adamw_v1(1e-3)
    for step in range(steps):
        sub_batches = (examples[:2], examples[2:]) if step % 2 else (examples,)
        for sub_batch in sub_batches:
            textcat.update(sub_batch, sgd=False, drop=0.2)
        textcat.finish_update(optimizer)
        optimizer.step_schedules()
    return textcat


def parameters(textcat):
    return dict(joint_shim(textcat.model).module.state_dict())


def assert_bit_equal(one, other):
    assert one.keys() == other.keys()
    for name in one:
        assert torch.equal(one[name], other[name]), name


@pytest.fixture
def blank(nlp):
    return lambda: spacy.blank("xx")


@pytest.fixture(scope="module")
def with_dropout(tmp_path_factory):
    """A checkpoint whose encoder has dropout, so that a stray random draw would show."""
    return make_checkpoint("xlm-roberta", tmp_path_factory.mktemp("dropout"), hidden_dropout_prob=0.1)


def test_same_seed_gives_the_same_model_bit_for_bit_and_another_seed_another(blank, with_dropout):
    first = parameters(train(blank, with_dropout, mlm_weight=0.3))
    assert_bit_equal(first, parameters(train(blank, with_dropout, mlm_weight=0.3)))
    other = parameters(train(blank, with_dropout, mlm_weight=0.3, seed=1))
    assert not torch.equal(first["head.output.weight"], other["head.output.weight"])


def test_lambda_zero_runs_no_masked_pass_and_equals_training_without_raw_text(
    blank, with_dropout, monkeypatch
):
    from spacy_xling.models.masked_lm import MaskedLM

    def forbidden(*arguments):
        raise AssertionError("a masked pass ran")

    monkeypatch.setattr(MaskedLM, "loss", forbidden)
    assert_bit_equal(
        parameters(train(blank, with_dropout, raw=True)), parameters(train(blank, with_dropout, raw=False))
    )
    with pytest.raises(AssertionError, match="masked pass"):
        train(blank, with_dropout, mlm_weight=0.3)


def test_a_schedule_that_is_zero_leaves_the_lm_head_alone(blank, with_dropout):
    zero = {"@schedules": "spacy-xling.constant.v1", "value": 0.0}
    scheduled = parameters(train(blank, with_dropout, mlm_weight=zero))
    plain = parameters(train(blank, with_dropout))
    assert_bit_equal(scheduled, plain)
    untouched = parameters(train(blank, with_dropout, steps=0))
    head = [name for name in plain if "lm_head" in name and "decoder" not in name]
    assert head
    for name in head:
        assert torch.equal(plain[name], untouched[name]), name


def test_once_lambda_is_zero_the_lm_head_no_longer_decays(blank, with_dropout):
    falling = {"@schedules": "spacy-xling.linear.v1", "start": 0.3, "end": 0.0, "steps": 1}
    once = parameters(train(blank, with_dropout, steps=1, mlm_weight=falling))
    later = parameters(train(blank, with_dropout, steps=4, mlm_weight=falling))
    start = parameters(train(blank, with_dropout, steps=0))
    for name in ("dense.weight", "dense.bias", "layer_norm.weight", "bias"):
        name = f"masked_lm.model.lm_head.{name}"
        assert not torch.equal(start[name], once[name]), name
        assert torch.equal(once[name], later[name]), name


def test_gradients_are_clipped_by_their_global_norm(nlp, checkpoint):
    textcat, examples = make_component(nlp, checkpoint)
    textcat.update(examples)
    norm = torch.cat([g.flatten() for g in component_gradients(textcat).values()]).norm()
    clip = norm.item() / 3
    before = {k: g.clone() for k, g in component_gradients(textcat).items()}
    seen = {}

    class Optimizer:
        grad_clip = clip

        def __call__(self, key, weights, gradient):
            seen[key[1]] = torch.from_numpy(gradient.copy())
            return weights, gradient

    textcat.finish_update(Optimizer())
    for name, grad in before.items():
        assert torch.allclose(seen[name], grad / 3, rtol=1e-4, atol=1e-10), name


def test_averages_reach_the_weights_at_evaluation(nlp, checkpoint):
    textcat, examples = make_component(nlp, checkpoint, mlm_weight=0.0, dtype=torch.float32)
    optimizer = build_adamw_v1(1e-2, use_averages=True)
    for _ in range(5):
        textcat.update(examples, sgd=optimizer)
    shim = joint_shim(textcat.model)
    own = {k: p.detach().clone() for k, p in shim.module.named_parameters()}
    key = (shim.id, "head.output.weight")
    assert not np.allclose(optimizer.averages[key], own["head.output.weight"].numpy())
    trained = textcat.predict([nlp.make_doc(TEXTS[0])])
    with nlp.use_params(optimizer.averages):
        for name, parameter in shim.module.named_parameters():
            expected = optimizer.averages.get((shim.id, name), own[name].numpy())
            np.testing.assert_array_equal(parameter.detach().numpy(), expected)
        assert not np.allclose(textcat.predict([nlp.make_doc(TEXTS[0])]), trained)
    for name, parameter in shim.module.named_parameters():
        assert torch.equal(parameter, own[name]), name
    np.testing.assert_array_equal(textcat.predict([nlp.make_doc(TEXTS[0])]), trained)


def test_frozen_embeddings_and_layers_stay_as_they_are(nlp, checkpoint):
    encoder = {"name": str(checkpoint), "freeze_embeddings": True, "freeze_layers": 1}
    textcat, examples = make_component(nlp, checkpoint, model={"encoder": encoder}, dtype=torch.float32)
    before = {k: p.detach().clone() for k, p in joint_shim(textcat.model).module.named_parameters()}
    optimizer = build_adamw_v1(1e-2)
    for _ in range(3):
        textcat.update(examples, sgd=optimizer)
    after = dict(joint_shim(textcat.model).module.named_parameters())
    # The tied matrix, whichever of its two names comes first.
    tied = {"word_embeddings", "lm_head.decoder.weight"}
    frozen = [k for k in before if "encoder.layer.0." in k or any(name in k for name in tied)]
    assert len(frozen) > 10
    for name, value in before.items():
        assert torch.equal(after[name], value) == (name in frozen), name


def test_a_loss_that_is_no_number_is_X508_and_leaves_the_weights_alone(nlp, checkpoint):
    textcat, examples = make_component(nlp, checkpoint, mlm_weight=0.0)
    with torch.no_grad():
        joint_shim(textcat.model).module.head.output.bias.fill_(torch.nan)
    with pytest.raises(ValueError, match="X508"):
        textcat.update(examples, sgd=build_adamw_v1(1e-3))
    assert not component_gradients(textcat)


def test_raw_text_that_ends_is_X207(nlp, checkpoint):
    textcat, examples = make_component(nlp, checkpoint)
    textcat.attach_unlabelled(iter([RawText(RAW[0], None)]))
    with pytest.raises(ValueError, match="X207"):
        textcat.update(examples)


def test_the_averages_are_saved_when_spacy_saves_them(nlp, checkpoint, tmp_path):
    textcat, examples = make_component(nlp, checkpoint, mlm_weight=0.0, dtype=torch.float32)
    optimizer = build_adamw_v1(1e-2, use_averages=True)
    for _ in range(4):
        textcat.update(examples, sgd=optimizer)
    with nlp.use_params(optimizer.averages):
        expected = textcat.predict([nlp.make_doc(TEXTS[0])])
        nlp.to_disk(tmp_path)
    assert not np.array_equal(textcat.predict([nlp.make_doc(TEXTS[0])]), expected)
    loaded = spacy.load(tmp_path)
    np.testing.assert_array_equal(
        loaded.get_pipe("xling_textcat").predict([nlp.make_doc(TEXTS[0])]), expected
    )
