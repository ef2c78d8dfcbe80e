"""Loss and gradients of `update` equal a reference in plain PyTorch.

The reference runs `AutoModelForMaskedLM` with full logits on one padded batch, and autograd.
"""

import numpy as np
import pytest
import spacy
import torch
from spacy.training import Example
from torch.nn import functional as F
from torch.utils._python_dispatch import TorchDispatchMode
from transformers import AutoModelForMaskedLM, AutoTokenizer

from spacy_xling.data.sources import RawText
from spacy_xling.models import cross_entropy
from spacy_xling.models.architectures import joint_shim
from spacy_xling.models.joint_shim import Gradients
from spacy_xling.optimizer.adamw import build_adamw_v1
from spacy_xling.types import JointBatch
from tests.conftest import MULTI, SINGLE, TEXTS, make_checkpoint, make_examples, textcat_config
from tests.pipeline.shared import NO_DROPOUT, RAW, RawTexts, record_masks


def make_component(nlp, checkpoint, data=SINGLE, name="xling_textcat", dtype=torch.float64, **config):
    objective = {"mlm_weight": config.pop("mlm_weight", 0.3), "reduction": config.pop("reduction", "mean")}
    settings = textcat_config(checkpoint, objective=objective, **config)
    settings["model"]["encoder"]["dropout"] = 0.0
    textcat = nlp.add_pipe(name, config=settings)
    examples = make_examples(nlp, data)
    textcat.initialize(lambda: examples, unlabelled=lambda nlp: RawTexts())
    joint_shim(textcat.model).module.to(dtype)
    return textcat, examples


class Reference:
    """The same weights in a plain model; mean pooling and a linear head written out."""

    def __init__(self, textcat, checkpoint, dtype=torch.float64):
        module = joint_shim(textcat.model).module
        self.tokenizer = AutoTokenizer.from_pretrained(checkpoint)
        self.model = AutoModelForMaskedLM.from_pretrained(checkpoint).to(dtype).train()
        for dropout in (m for m in self.model.modules() if isinstance(m, torch.nn.Dropout)):
            dropout.p = 0.0
        for setting, rate in NO_DROPOUT.items():
            if hasattr(self.model.config, setting):
                setattr(self.model.config, setting, rate)
        for layer in self.model.modules():
            for setting in ("attention_dropout", "dropout_prob"):
                if isinstance(getattr(layer, setting, None), float):
                    setattr(layer, setting, 0.0)
        self.model.load_state_dict(module.masked_lm.model.state_dict())
        self.head = torch.nn.Linear(
            module.masked_lm.encoder.width, module.head.output.out_features, dtype=dtype
        )
        self.head.load_state_dict(module.head.output.state_dict())

    def logits(self, texts):
        batch = self.tokenizer(texts, padding=True, return_tensors="pt")
        hidden = self.model.base_model(
            input_ids=batch["input_ids"], attention_mask=batch["attention_mask"]
        ).last_hidden_state
        mask = batch["attention_mask"].unsqueeze(-1).to(hidden.dtype)
        return self.head((hidden * mask).sum(1) / mask.sum(1))

    def mlm_loss(self, masked, reduction):
        ids, labels = [], []
        start = 0
        for length in masked.pieces.lengths:
            ids.append(torch.from_numpy(masked.pieces.ids[start : start + length]))
            target = torch.full((length,), -100)
            here = (masked.positions >= start) & (masked.positions < start + length)
            target[masked.positions[here] - start] = torch.from_numpy(masked.targets[here])
            labels.append(target)
            start += length
        pad = torch.nn.utils.rnn.pad_sequence
        ids = pad(ids, batch_first=True, padding_value=self.tokenizer.pad_token_id)
        labels = pad(labels, batch_first=True, padding_value=-100)
        attention = ids != self.tokenizer.pad_token_id
        full = self.model(input_ids=ids, attention_mask=attention).logits
        return F.cross_entropy(full.flatten(0, 1), labels.flatten(), ignore_index=-100, reduction=reduction)

    def gradients(self):
        grads = {f"masked_lm.model.{k}": p.grad for k, p in self.model.named_parameters()}
        grads |= {f"head.output.{k}": p.grad for k, p in self.head.named_parameters()}
        return {k: grad for k, grad in grads.items() if grad is not None}


def component_gradients(textcat):
    named = joint_shim(textcat.model).module.named_parameters()
    return {k: p.grad for k, p in named if p.grad is not None}


def assert_same_gradients(ours, reference):
    assert ours.keys() == reference.keys()
    largest = max(grad.abs().max().item() for grad in reference.values())
    assert largest > 1e-3
    for name, grad in reference.items():
        assert (ours[name] - grad).abs().max().item() <= 1e-8 * largest, name


def class_targets(examples, labels):
    return torch.tensor([labels.index(max(eg.reference.cats, key=eg.reference.cats.get)) for eg in examples])


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


def test_padded_equals_alone(nlp, checkpoints, family):
    textcat, _ = make_component(nlp, checkpoints(family), mlm_weight=0.0, dtype=torch.float32)
    texts = [*TEXTS, "The box", " ".join(TEXTS[:4])]
    together = textcat.model.predict(joint_shim(textcat.model).split(texts))
    for text, logits in zip(texts, together, strict=True):
        alone = textcat.model.predict(joint_shim(textcat.model).split([text]))[0]
        np.testing.assert_allclose(logits, alone, rtol=0, atol=1e-5)


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
