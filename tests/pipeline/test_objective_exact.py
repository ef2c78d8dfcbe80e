"""Loss and gradients of `update` equal a reference in plain PyTorch."""

import numpy as np
import pytest
import torch
from spacy.training import Example
from torch.nn import functional as F
from torch.utils._python_dispatch import TorchDispatchMode

from spacy_xling.models import cross_entropy
from spacy_xling.models.architectures import joint_shim
from spacy_xling.models.joint_shim import Gradients
from spacy_xling.types import JointBatch
from tests.conftest import MULTI, SINGLE, TEXTS, make_checkpoint
from tests.pipeline.plain_pytorch import (
    Reference,
    assert_same_gradients,
    class_targets,
    component_gradients,
    make_component,
)
from tests.pipeline.shared import RAW, record_masks


@pytest.mark.parametrize("reduction", ["mean", "sum"])
def test_loss_and_gradients_of_each_family_equal_plain_pytorch_in_float64(
    nlp, checkpoints, family, reduction, monkeypatch
):
    checkpoint = checkpoints(family)
    textcat, examples = make_component(nlp, checkpoint, reduction=reduction, texts_per_update=3)
    masks = record_masks(textcat, monkeypatch)
    reference = Reference(textcat, checkpoint)
    losses = textcat.update(examples)

    logits = reference.logits([eg.text for eg in examples])
    class_loss = F.cross_entropy(logits, class_targets(examples, textcat.labels), reduction=reduction)
    mlm_loss = reference.mlm_loss(masks[0], reduction)
    loss = class_loss + 0.3 * mlm_loss
    loss.backward()
    assert losses["xling_textcat"] == pytest.approx(loss.item(), abs=1e-9)
    assert losses["xling_textcat_class"] == pytest.approx(class_loss.item(), abs=1e-9)
    assert losses["xling_textcat_mlm"] == pytest.approx(mlm_loss.item(), abs=1e-9)
    assert_same_gradients(component_gradients(textcat), reference.gradients())


def test_gradients_equal_plain_pytorch_in_fp32(nlp, checkpoints, family, monkeypatch):
    checkpoint = checkpoints(family)
    textcat, examples = make_component(nlp, checkpoint, dtype=torch.float32)
    masks = record_masks(textcat, monkeypatch)
    reference = Reference(textcat, checkpoint, dtype=torch.float32)
    losses = textcat.update(examples)
    logits = reference.logits([eg.text for eg in examples])
    loss = F.cross_entropy(logits, class_targets(examples, textcat.labels))
    loss = loss + 0.3 * reference.mlm_loss(masks[0], "mean")
    loss.backward()
    ours, theirs = component_gradients(textcat), reference.gradients()
    assert losses["xling_textcat"] == pytest.approx(loss.item(), rel=1e-5)
    assert ours.keys() == theirs.keys()
    difference = torch.cat([(ours[name] - grad).flatten() for name, grad in theirs.items()])
    whole = torch.cat([grad.flatten() for grad in theirs.values()])
    assert difference.norm() <= 1e-4 * whole.norm()


def test_gradients_of_the_multilabel_component_equal_plain_pytorch(nlp, checkpoint, monkeypatch):
    data = [*MULTI[:3], ("Pakken kom for sent.", {"LATE": 1.0})]
    textcat, examples = make_component(nlp, checkpoint, data, name="xling_textcat_multilabel")
    masks = record_masks(textcat, monkeypatch)
    reference = Reference(textcat, checkpoint)
    losses = textcat.update(examples)
    logits = reference.logits([eg.text for eg in examples])
    cells = [(i, j, eg.reference.cats[label]) for i, eg in enumerate(examples)
             for j, label in enumerate(textcat.labels) if label in eg.reference.cats]  # fmt: skip
    rows, columns, truth = zip(*cells, strict=True)
    class_loss = F.binary_cross_entropy_with_logits(logits[rows, columns], torch.tensor(truth).double())
    loss = class_loss + 0.3 * reference.mlm_loss(masks[0], "mean")
    loss.backward()
    assert losses["xling_textcat_multilabel"] == pytest.approx(loss.item(), abs=1e-9)
    assert_same_gradients(component_gradients(textcat), reference.gradients())


@pytest.mark.parametrize("reduction", ["mean", "sum"])
def test_accumulated_gradients_are_the_mean_or_the_sum_of_the_sub_batches_objectives(
    nlp, checkpoint, reduction, monkeypatch
):
    textcat, examples = make_component(nlp, checkpoint, reduction=reduction)
    masks = record_masks(textcat, monkeypatch)
    reference = Reference(textcat, checkpoint)
    seen = {}

    def optimizer(key, weights, gradient):
        seen[key[1]] = torch.from_numpy(gradient.copy())
        return weights, gradient

    sub_batches = [examples[:1], examples[1:3], examples[3:]]
    for sub_batch in sub_batches:
        textcat.update(sub_batch, sgd=False)
    textcat.finish_update(optimizer)

    total = 0.0
    for sub_batch, masked in zip(sub_batches, masks, strict=True):
        logits = reference.logits([eg.text for eg in sub_batch])
        targets = class_targets(sub_batch, textcat.labels)
        total = total + F.cross_entropy(logits, targets, reduction=reduction)
        total = total + 0.3 * reference.mlm_loss(masked, reduction)
    (total / 3 if reduction == "mean" else total).backward()
    assert_same_gradients(seen, reference.gradients())


def test_lambda_follows_its_schedule_once_per_optimizer_step(nlp, checkpoint, monkeypatch):
    schedule = {"@schedules": "spacy-xling.linear.v1", "start": 0.0, "end": 1.0, "steps": 4}
    textcat, examples = make_component(nlp, checkpoint, mlm_weight=schedule)
    masks = record_masks(textcat, monkeypatch)
    reference = Reference(textcat, checkpoint)
    for step in range(3):
        reference.model.zero_grad(set_to_none=True)
        reference.head.zero_grad(set_to_none=True)
        masks.clear()
        losses = {}
        for sub_batch in (examples[:2], examples[2:]):
            textcat.update(sub_batch, sgd=False, losses=losses)
        objective = 0.0
        for i, sub_batch in enumerate((examples[:2], examples[2:])):
            logits = reference.logits([eg.text for eg in sub_batch])
            objective = objective + F.cross_entropy(logits, class_targets(sub_batch, textcat.labels))
            if step:
                objective = objective + step / 4 * reference.mlm_loss(masks[i], "mean")
        objective.backward()
        assert losses["xling_textcat"] == pytest.approx(objective.item(), abs=1e-9)
        assert_same_gradients(component_gradients(textcat), reference.gradients())
        assert bool(masks) == (step > 0)
        # A step that leaves the weights as they are, so that the reference needs none.
        textcat.finish_update(lambda key, weights, gradient: (weights, gradient))


def test_gradients_are_the_same_however_many_windows_pass_the_encoder_at_a_time(nlp, checkpoint, monkeypatch):
    model = {"encoder": {"name": str(checkpoint)}, "pass_pieces": 40}
    long_text = " ".join(TEXTS[:3] * 4)
    data = [*SINGLE, (long_text, {"LATE": 1.0, "REFUND": 0.0})]
    textcat, examples = make_component(nlp, checkpoint, data, model=model)
    masks = record_masks(textcat, monkeypatch)
    reference = Reference(textcat, checkpoint)
    losses = textcat.update(examples)
    assert masks[0].pieces.lengths.sum() > 80, "several passes"
    whole = joint_shim(textcat.model)
    small = component_gradients(textcat)
    whole.module.zero_grad(set_to_none=True)
    whole.head = whole.head._replace(pass_pieces=10_000)
    batch = JointBatch(whole.split([eg.text for eg in examples]), masks[0])
    (logits, mlm_sum), backprop = textcat.model.begin_update(batch)
    mlm_loss = reference.mlm_loss(masks[0], "mean")
    assert mlm_sum / len(masks[0].targets) == pytest.approx(mlm_loss.item(), abs=1e-9)
    assert losses["xling_textcat_mlm"] == pytest.approx(mlm_loss.item(), abs=1e-9)
    d_logits, _ = textcat._classification_term(examples, logits)
    backprop(Gradients(d_logits, 0.3 / len(masks[0].targets)))
    assert_same_gradients(small, component_gradients(textcat))


def test_without_a_setting_there_is_as_much_raw_text_as_the_batch_has(nlp, checkpoint, monkeypatch):
    textcat, examples = make_component(nlp, checkpoint)
    masks = record_masks(textcat, monkeypatch)
    textcat.update(examples)
    size = len(joint_shim(textcat.model).split([eg.text for eg in examples]).ids)
    lengths = masks[0].pieces.lengths
    assert lengths.sum() >= size > lengths[:-1].sum()


def test_texts_of_several_windows_are_classified_on_all_of_their_pieces(nlp, checkpoint):
    long_text = " ".join(TEXTS[:3] * 4)
    data = [(long_text, {"LATE": 1.0, "REFUND": 0.0}), SINGLE[1]]
    textcat, examples = make_component(nlp, checkpoint, data, mlm_weight=0.0)
    shim = joint_shim(textcat.model)
    reference = Reference(textcat, checkpoint)
    pieces = shim.split([long_text])
    assert len(pieces.lengths) > 2
    start, states = 0, []
    for length in pieces.lengths:
        ids = torch.from_numpy(pieces.ids[start : start + length])[None]
        states.append(reference.model.base_model(input_ids=ids).last_hidden_state[0])
        start += length
    logits = reference.head(torch.cat(states).mean(dim=0))
    expected = torch.stack([logits, reference.logits([SINGLE[1][0]])[0]])
    loss = F.cross_entropy(expected, class_targets(examples, textcat.labels))
    loss.backward()
    losses = textcat.update(examples)
    assert losses["xling_textcat"] == pytest.approx(loss.item(), abs=1e-9)
    assert_same_gradients(component_gradients(textcat), reference.gradients())


def test_unlabelled_text_never_reaches_the_classification_loss(nlp, checkpoint, monkeypatch):
    textcat, examples = make_component(nlp, checkpoint, mlm_weight=0.0)
    raw = [Example.from_dict(nlp.make_doc(text), {}) for text in TEXTS[:3]]
    losses = textcat.update(examples)
    expected = {k: g.clone() for k, g in component_gradients(textcat).items()}
    joint_shim(textcat.model).module.zero_grad(set_to_none=True)
    mixed = textcat.update([raw[0], *examples[:2], *raw[1:], *examples[2:]])
    assert mixed["xling_textcat_class"] == pytest.approx(losses["xling_textcat_class"], abs=1e-12)
    for name, grad in component_gradients(textcat).items():
        assert torch.allclose(grad, expected[name], rtol=0, atol=1e-12), name


def test_a_sub_batch_of_unlabelled_text_alone_has_the_masked_lm_loss_alone(nlp, checkpoint, monkeypatch):
    textcat, _ = make_component(nlp, checkpoint)
    masks = record_masks(textcat, monkeypatch)
    reference = Reference(textcat, checkpoint)
    raw = [Example.from_dict(nlp.make_doc(text), {}) for text in TEXTS[:3]]
    losses = textcat.update(raw)
    loss = 0.3 * reference.mlm_loss(masks[0], "mean")
    loss.backward()
    assert losses["xling_textcat_class"] == 0.0
    assert losses["xling_textcat"] == pytest.approx(loss.item(), abs=1e-9)
    own = joint_shim(textcat.model).split(TEXTS[:3]).ids
    assert len(masks[0].pieces.ids) >= 2 * len(own), "as many raw pieces as the batch has"
    assert_same_gradients(component_gradients(textcat), reference.gradients())
    assert not any(name.startswith("head.") for name in component_gradients(textcat))


def test_each_visit_of_a_text_has_a_new_mask(nlp, checkpoint, monkeypatch):
    textcat, examples = make_component(nlp, checkpoint, texts_per_update=len(RAW))
    masks = record_masks(textcat, monkeypatch)
    textcat.update(examples)
    textcat.update(examples)

    def original(masked):
        ids = masked.pieces.ids.copy()
        ids[masked.positions] = masked.targets
        return ids

    assert np.array_equal(original(masks[0]), original(masks[1])), "the same texts"
    assert not np.array_equal(masks[0].positions, masks[1].positions)


def test_labelled_text_joins_the_masked_lm_term_only_if_asked(nlp, checkpoint, monkeypatch):
    textcat, examples = make_component(nlp, checkpoint, mlm_on_labelled=True, texts_per_update=2)
    masks = record_masks(textcat, monkeypatch)
    textcat.update(examples)
    assert masks[0].pieces.n_texts == len(examples) + 2
    textcat.mlm_on_labelled = False
    textcat.update(examples)
    assert masks[1].pieces.n_texts == 2


@pytest.mark.parametrize("size", [10, 60])
def test_pieces_per_update_sets_how_much_raw_text_goes_with_a_batch(nlp, checkpoint, size, monkeypatch):
    textcat, examples = make_component(nlp, checkpoint, pieces_per_update=size)
    masks = record_masks(textcat, monkeypatch)
    textcat.update(examples)
    lengths = masks[0].pieces.lengths
    assert lengths.sum() >= size > lengths[:-1].sum()


def test_padded_equals_alone(nlp, checkpoints, family):
    textcat, _ = make_component(nlp, checkpoints(family), mlm_weight=0.0, dtype=torch.float32)
    texts = [*TEXTS, "The box", " ".join(TEXTS[:4])]
    together = textcat.model.predict(joint_shim(textcat.model).split(texts))
    for text, logits in zip(texts, together, strict=True):
        alone = textcat.model.predict(joint_shim(textcat.model).split([text]))[0]
        np.testing.assert_allclose(logits, alone, rtol=0, atol=1e-5)


class LargestTensor(TorchDispatchMode):
    """Remembers the size of the largest tensor that is made while it is on."""

    def __init__(self):
        super().__init__()
        self.numel = 0

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        result = func(*args, **(kwargs or {}))
        for tensor in result if isinstance(result, (tuple, list)) else (result,):
            if isinstance(tensor, torch.Tensor):
                self.numel = max(self.numel, tensor.numel())
        return result


def test_an_update_never_holds_the_logits_of_all_targets(nlp, tmp_path, monkeypatch):
    checkpoint = make_checkpoint("xlm-roberta", tmp_path, vocab_size=3000)
    masking = {"@misc": "spacy-xling.piece_masking.v1", "rate": 1.0}
    textcat, examples = make_component(nlp, checkpoint, masking=masking, texts_per_update=40)
    masks = record_masks(textcat, monkeypatch)
    vocabulary = joint_shim(textcat.model).module.masked_lm.decoder.out_features
    monkeypatch.setattr(cross_entropy, "BLOCK_ROWS", vocabulary // 40)
    with LargestTensor() as largest:
        textcat.update(examples)
    targets = len(masks[0].targets)
    assert targets > 500
    assert largest.numel < targets * vocabulary / 10
    with LargestTensor() as largest:
        Reference(textcat, checkpoint).mlm_loss(masks[0], "mean")
    assert largest.numel >= targets * vocabulary, "the plain loss holds them all"
