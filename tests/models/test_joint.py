import copy
import threading
from functools import lru_cache
from typing import get_args

import pytest
import torch
from torch import nn
from torch.nn import functional as F

from spacy_xling.models.batches import MaskedWindows, Windows
from spacy_xling.models.checkpoint import load_masked_lm
from spacy_xling.models.joint import ClassificationHead, JointModule
from spacy_xling.models.pooling import PoolingName, make_pooling

# Windows of four texts; the third is three windows.
LENGTHS = [9, 4, 12, 12, 5, 7]
TEXTS = [0, 1, 2, 2, 2, 3]


load_once = lru_cache(load_masked_lm)


def make_module(checkpoint, pooling="mean", *, precision="fp32", hidden_width=None):
    torch.manual_seed(1)
    masked_lm = copy.deepcopy(load_once(str(checkpoint)))
    module = JointModule(
        masked_lm,
        make_pooling(pooling, masked_lm.encoder.width),
        ClassificationHead(masked_lm.encoder.width, 3, hidden_width),
        precision,
    ).eval()
    # Logits of a visible size.
    nn.init.normal_(module.head.output.weight)
    return module


def windows(chosen):
    """Some of the windows, padded to their own longest."""
    generator = torch.Generator().manual_seed(0)
    everything = torch.randint(5, 40, (len(LENGTHS), max(LENGTHS)), generator=generator)
    lengths = torch.tensor([LENGTHS[w] for w in chosen])
    attention = torch.arange(int(lengths.max())) < lengths.unsqueeze(1)
    ids = everything[chosen, : attention.shape[1]].masked_fill(~attention, 1)
    texts = torch.tensor([TEXTS[w] for w in chosen])
    return Windows(ids=ids, attention=attention, pooled=attention, texts=texts, n_texts=4)


def masked_windows():
    batch = windows([0, 1, 2])
    positions = torch.tensor([1, 5, 13, 25, 26, 34])
    targets = torch.tensor([7, 30, 8, 9, 30, 12])
    return MaskedWindows(ids=batch.ids, attention=batch.attention, positions=positions, targets=targets)


# Classification head


@pytest.mark.parametrize("hidden_width", [None, 8])
def test_the_head_is_its_formula(hidden_width):
    head = ClassificationHead(5, 3, hidden_width).eval()
    pooled = torch.randn(4, 5)
    states = pooled if hidden_width is None else torch.tanh(pooled @ head.hidden.weight.T + head.hidden.bias)
    expected = states @ head.output.weight.T + head.output.bias
    torch.testing.assert_close(head(pooled, 0.5), expected)


def test_a_hidden_layer_may_have_another_activation_and_a_norm():
    norm = nn.LayerNorm(8, eps=1e-3)
    nn.init.normal_(norm.weight)
    head = ClassificationHead(5, 3, 8, hidden_bias=False, activation=nn.ReLU(), norm=norm).eval()
    pooled = torch.randn(4, 5)
    states = (pooled @ head.hidden.weight.T).clamp(min=0)
    centred = states - states.mean(dim=1, keepdim=True)
    scale = (centred.square().mean(dim=1, keepdim=True) + 1e-3).sqrt()
    states = centred / scale * norm.weight + norm.bias
    assert head.hidden.bias is None
    torch.testing.assert_close(head(pooled, 0.5), states @ head.output.weight.T + head.output.bias)


@pytest.mark.parametrize("hidden_width", [None, 8])
def test_dropout_is_in_training_only(hidden_width):
    head = ClassificationHead(64, 3, hidden_width)
    pooled = torch.randn(4, 64)
    head.eval()
    assert torch.equal(head(pooled, 0.5), head(pooled, 0.5))
    assert torch.equal(head(pooled, 0.5), head(pooled, 0.0))
    head.train()
    assert torch.equal(head(pooled, 0.0), head.eval()(pooled, 0.0))
    head.train()
    assert not torch.equal(head(pooled, 0.5), head(pooled, 0.5))


@pytest.mark.parametrize("hidden_width", [None, 8])
def test_grow_keeps_the_old_logits_and_the_new_label_has_probability_zero(hidden_width):
    torch.manual_seed(0)
    head = ClassificationHead(16, 3, hidden_width).eval()
    nn.init.normal_(head.output.bias)
    pooled = torch.randn(50, 16) * 3
    before = head(pooled, 0.0).detach()
    weight, bias = head.output.weight.detach().clone(), head.output.bias.detach().clone()
    head.grow(5)
    assert head.output.out_features == 5
    assert torch.equal(head.output.weight[:3], weight)
    assert torch.equal(head.output.bias[:3], bias)
    after = head(pooled, 0.0).detach()
    assert after.shape == (50, 5)
    # The numbers are the same; a matrix product of another size may round otherwise in the last place.
    torch.testing.assert_close(after[:, :3], before, rtol=1e-6, atol=1e-6)
    # Adding what is below half a unit in the last place of 1 changes no float32 probability.
    assert after.softmax(1)[:, 3:].max() < torch.finfo(torch.float32).eps / 2
    torch.testing.assert_close(after.softmax(1)[:, :3], before.softmax(1), rtol=1e-6, atol=1e-7)
    assert after.sigmoid()[:, 3:].max() < 1e-6


def test_a_grown_label_can_be_learned():
    torch.manual_seed(0)
    head = ClassificationHead(4, 2)
    head.grow(3)
    optimizer = torch.optim.Adam(head.parameters(), lr=0.5)
    pooled, truth = torch.eye(4)[:3], torch.tensor([0, 1, 2])
    for _ in range(200):
        loss = F.cross_entropy(head(pooled, 0.0), truth)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    assert loss.item() < 0.01


@pytest.mark.filterwarnings("ignore:Initializing zero-element")
def test_grow_from_no_labels():
    head = ClassificationHead(4, 0)
    head.grow(2)
    assert head(torch.randn(3, 4), 0.0).tolist() == [[0.0, 0.0]] * 3


# Joint module


@pytest.mark.parametrize("pooling", get_args(PoolingName))
@pytest.mark.parametrize(
    "split", [[[0, 1], [2, 3, 4, 5]], [[w] for w in range(6)], [[3, 5], [2, 0], [4, 1]], [[5, 4, 3, 2, 1, 0]]]
)
def test_classify_in_any_split_equals_one_batch(checkpoint, pooling, split):
    module = make_module(checkpoint, pooling)
    with torch.no_grad():
        expected = module([windows(list(range(6)))], [])[0]
        logits = module([windows(part) for part in split], [])[0]
    assert logits.shape == (4, 3)
    assert expected.std() > 0.1
    torch.testing.assert_close(logits, expected, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("n_threads", [1, 2])
@pytest.mark.parametrize("precision", ["fp32", "bf16"])
def test_predict_gives_the_logits_of_the_forward_pass_without_gradients(
    checkpoint, precision, n_threads, monkeypatch
):
    module = make_module(checkpoint, precision=precision)
    batches = [windows([window]) for window in (5, 2, 3, 0, 1, 4)]
    with torch.no_grad():
        expected = module(batches, [])[0]
    module.train()
    encode, threads, together = module.masked_lm.encoder.encode_all, set(), threading.Barrier(n_threads)

    def watched(*given):
        together.wait(10)
        threads.add(threading.get_ident())
        assert torch.is_inference_mode_enabled()
        assert torch.is_autocast_enabled("cpu") is (precision == "bf16")
        return encode(*given)

    monkeypatch.setattr(module.masked_lm.encoder, "encode_all", watched)
    monkeypatch.setattr("spacy_xling.models.joint.count_threads", lambda: n_threads)
    logits = module.predict([[batch] for batch in batches])
    assert len(threads) == n_threads
    # Other threads, other kernels: fp32 sums in another order, and bf16 rounds them.
    tolerance = 1e-5 if precision == "fp32" else 1e-2
    torch.testing.assert_close(logits, expected, rtol=tolerance, atol=tolerance)
    assert not logits.requires_grad
    assert not torch.is_autocast_enabled("cpu")


def test_classify_is_encoder_mean_and_linear_layer(checkpoint):
    module = make_module(checkpoint)
    with torch.no_grad():
        batch = windows([0, 1, 2, 3, 4, 5])
        hidden = module.masked_lm.model.base_model(batch.ids, batch.attention.long()).last_hidden_state
        vectors = [
            torch.cat([hidden[w, : LENGTHS[w]] for w in range(6) if TEXTS[w] == text]).mean(0)
            for text in range(4)
        ]
        expected = torch.stack(vectors) @ module.head.output.weight.T + module.head.output.bias
        torch.testing.assert_close(module([batch], [])[0], expected, rtol=1e-4, atol=1e-5)


def test_masked_lm_loss_is_plain_cross_entropy_on_the_targets(checkpoints, family):
    module = make_module(checkpoints(family))
    masked = masked_windows()
    logits = module.masked_lm.model(input_ids=masked.ids, attention_mask=masked.attention.long()).logits
    expected = F.cross_entropy(logits.flatten(0, 1)[masked.positions], masked.targets, reduction="sum")
    loss = module([], [masked])[1]
    torch.testing.assert_close(loss, expected, rtol=1e-5, atol=1e-4)
    named = dict(module.masked_lm.named_parameters())
    got = torch.autograd.grad(loss, list(named.values()), allow_unused=True)
    plain = torch.autograd.grad(expected, list(named.values()), allow_unused=True)
    for name, one, other in zip(named, got, plain, strict=True):
        assert (one is None) == (other is None), name
        if one is not None:
            torch.testing.assert_close(one, other, rtol=1e-4, atol=1e-4, msg=name)


def test_forward_runs_the_passes_that_are_asked_for(checkpoint, monkeypatch):
    module = make_module(checkpoint)
    labelled, masked = windows([0, 1, 2, 3, 4, 5]), masked_windows()
    logits, loss = module([labelled], [masked])
    torch.testing.assert_close(logits, module([labelled], [])[0])
    torch.testing.assert_close(loss, module([], [masked])[1])
    passes = []
    base = module.masked_lm.encoder.base
    base.register_forward_pre_hook(lambda *given: passes.append(given))
    assert module([], []) == (None, None)
    assert not passes
    assert module([labelled], [])[1] is None
    assert len(passes) == 1
    assert module([], [masked])[0] is None
    assert len(passes) == 2
    # Both together, without padding.
    module([labelled, labelled], [masked])
    assert len(passes) == 3
    # An encoder that doesn't pack has a pass for each batch.
    monkeypatch.setattr(type(module.masked_lm.encoder), "packs", False)
    module([labelled, labelled], [masked])
    assert len(passes) == 6


@pytest.mark.parametrize("pooling", get_args(PoolingName))
def test_bf16_is_close_to_fp32_and_gives_fp32(checkpoint, pooling):
    exact = make_module(checkpoint, pooling, hidden_width=8)
    half = copy.deepcopy(exact)
    half.precision = "bf16"
    batch, masked = windows([0, 1, 2, 3, 4, 5]), masked_windows()
    results = []
    for module in (exact, half):
        logits, loss = module([batch], [masked])
        (logits.square().sum() + loss).backward()
        gradients = torch.cat([p.grad.flatten() for p in module.parameters() if p.grad is not None])
        results.append((logits.detach(), loss.detach(), gradients))
    for (expected, got), tolerance in zip(zip(*results, strict=True), (0.05, 0.02, 0.1), strict=True):
        assert got.dtype == torch.float32
        assert (got - expected).norm() / expected.norm() < tolerance
    # It was bf16 indeed.
    assert not torch.equal(results[0][0], results[1][0])
    assert {parameter.dtype for parameter in half.parameters()} == {torch.float32}


def test_bf16_runs_the_encoder_under_autocast_and_the_head_not(checkpoint):
    module = make_module(checkpoint, precision="bf16")
    seen = {}
    layer = next(m for m in module.masked_lm.model.base_model.modules() if isinstance(m, nn.Linear))
    layer.register_forward_hook(lambda m, args, out: seen.update(encoder=out.dtype))
    module.head.output.register_forward_hook(lambda m, args, out: seen.update(head=out.dtype))
    module([windows([0, 1, 2, 3, 4, 5])], [])[0]
    assert seen == {"encoder": torch.bfloat16, "head": torch.float32}


def test_hidden_states_in_bf16_are_pooled_in_fp32(checkpoint, monkeypatch):
    # The last layer of some families gives bf16 under autocast.
    module = make_module(checkpoint, precision="bf16")
    monkeypatch.setattr(
        module.masked_lm.encoder,
        "encode_all",
        lambda given, _: [torch.ones(*batch.ids.shape, 32).bfloat16() for batch in given],
    )
    logits = module([windows([0, 1, 2, 3, 4, 5])], [])[0]
    assert logits.dtype == torch.float32
    expected = module.head(torch.ones(4, 32), 0.0)
    torch.testing.assert_close(logits, expected)
