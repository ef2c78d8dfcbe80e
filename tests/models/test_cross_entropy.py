import pytest
import torch
from torch.nn import functional as F
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

from spacy_xling.models import cross_entropy as module
from spacy_xling.models.cross_entropy import cross_entropy

WIDTH, VOCABULARY, TARGETS = 7, 53, 19


def inputs(dtype=torch.float64, *, bias=True, scale=1.0, sizes=(TARGETS, VOCABULARY, WIDTH)):
    generator = torch.Generator().manual_seed(0)
    targets, vocabulary, width = sizes
    states = torch.randn(targets, width, generator=generator).to(dtype) * scale
    weight = torch.randn(vocabulary, width, generator=generator).to(dtype)
    offset = torch.randn(vocabulary, generator=generator).to(dtype) if bias else None
    chosen = torch.randint(vocabulary, (targets,), generator=generator)
    for tensor in (states, weight, offset):
        if tensor is not None:
            tensor.requires_grad_(True)
    return states, weight, offset, chosen


def plain(states, weight, bias, targets):
    return F.cross_entropy(F.linear(states, weight, bias), targets, reduction="sum")


def with_gradients(loss, tensors, upstream=1.0):
    wanted = [tensor for tensor in tensors if tensor is not None and tensor.requires_grad]
    return [loss.detach(), *torch.autograd.grad(loss * upstream, wanted)]


@pytest.fixture(params=[1, 10, VOCABULARY, 10**9], ids=lambda n: f"blocks of {n} rows")
def block_rows(request, monkeypatch):
    monkeypatch.setattr(module, "BLOCK_ROWS", request.param)


@pytest.mark.usefixtures("block_rows")
@pytest.mark.parametrize("bias", [True, False])
@pytest.mark.parametrize(("dtype", "tolerance"), [(torch.float64, 1e-10), (torch.float32, 1e-5)])
def test_equals_plain_cross_entropy_in_value_and_all_gradients(dtype, tolerance, bias):
    states, weight, offset, targets = inputs(dtype, bias=bias)
    args = (states, weight, offset)
    got = with_gradients(cross_entropy(*args, targets), args)
    expected = with_gradients(plain(*args, targets), args)
    assert len(got) == 3 + bias
    assert [tensor.dtype for tensor in got] == [dtype] * len(got)
    torch.testing.assert_close(got, expected, rtol=tolerance, atol=tolerance)


@pytest.mark.usefixtures("block_rows")
@pytest.mark.parametrize("smoothing", [0.1, 0.7])
def test_with_smoothing_it_equals_torchs_in_value_and_all_gradients(smoothing):
    states, weight, bias, targets = inputs()
    args = (states, weight, bias)
    got = with_gradients(cross_entropy(*args, targets, smoothing=smoothing), args)
    logits = F.linear(states, weight, bias)
    expected = F.cross_entropy(logits, targets, reduction="sum", label_smoothing=smoothing)
    torch.testing.assert_close(got, with_gradients(expected, args), rtol=1e-10, atol=1e-10)


@pytest.mark.parametrize("frozen", [("weight",), ("bias",), ("states",), ("weight", "bias")])
def test_what_needs_no_gradient_gets_none_and_changes_no_other(frozen):
    states, weight, bias, targets = inputs()
    named = {"states": states, "weight": weight, "bias": bias}
    for name in frozen:
        named[name].requires_grad_(False)
    args = tuple(named.values())
    got = with_gradients(cross_entropy(*args, targets), args)
    expected = with_gradients(plain(*args, targets), args)
    torch.testing.assert_close(got, expected, rtol=1e-10, atol=1e-10)
    cross_entropy(*args, targets).backward()
    assert {name for name, tensor in named.items() if tensor.grad is None} == set(frozen)


def test_no_target_is_zero_with_zero_gradients():
    states, weight, bias, targets = inputs(sizes=(0, VOCABULARY, WIDTH))
    loss = cross_entropy(states, weight, bias, targets)
    assert loss.item() == 0.0
    loss.backward()
    assert states.grad.shape == (0, WIDTH)
    assert weight.grad.tolist() == torch.zeros(VOCABULARY, WIDTH).tolist()
    assert bias.grad.tolist() == [0.0] * VOCABULARY


@pytest.mark.parametrize("upstream", [0.0, 0.1, -3.0])
def test_gradients_are_scaled_by_the_upstream_gradient(upstream):
    states, weight, bias, targets = inputs()
    args = (states, weight, bias)
    got = with_gradients(cross_entropy(*args, targets), args, upstream)
    expected = with_gradients(plain(*args, targets), args, upstream)
    torch.testing.assert_close(got, expected, rtol=1e-10, atol=1e-10)


def test_gradients_join_those_of_another_use_of_the_weight():
    # As with an encoder whose word embeddings are the decoder.
    states, weight, bias, targets = inputs()

    def joint(loss):
        return loss(states, weight, bias, targets) * 0.3 + F.embedding(targets, weight).square().sum()

    got = with_gradients(joint(cross_entropy), (states, weight, bias))
    expected = with_gradients(joint(plain), (states, weight, bias))
    torch.testing.assert_close(got, expected, rtol=1e-10, atol=1e-10)


def test_a_second_backward_gives_the_same_gradients_again():
    states, weight, bias, targets = inputs()
    loss = cross_entropy(states, weight, bias, targets)
    first = torch.autograd.grad(loss, (states, weight, bias), torch.tensor(0.5).double(), retain_graph=True)
    second = torch.autograd.grad(loss, (states, weight, bias))
    torch.testing.assert_close([2 * gradient for gradient in first], list(second), rtol=1e-12, atol=1e-12)


@pytest.mark.usefixtures("block_rows")
def test_bf16_autocast_is_close_to_fp32():
    states, weight, bias, targets = inputs(torch.float32, scale=0.5)
    args = (states, weight, bias)
    expected = with_gradients(plain(*args, targets), args)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        loss = cross_entropy(*args, targets)
    got = with_gradients(loss, args)
    assert [tensor.dtype for tensor in got] == [torch.float32] * 4
    for one, other in zip(got, expected, strict=True):
        assert (one - other).norm() / other.norm() < 0.02
    # It was bf16 indeed.
    assert not torch.equal(got[1], expected[1])


def test_extreme_logits_are_finite():
    states, weight, bias, targets = inputs(torch.float32, scale=1e4)
    args = (states, weight, bias)
    got = with_gradients(cross_entropy(*args, targets), args)
    assert all(tensor.isfinite().all() for tensor in got)
    torch.testing.assert_close(got, with_gradients(plain(*args, targets), args), rtol=1e-4, atol=1e-3)


class Memory(TorchDispatchMode):
    """Records the most elements of a tensor that any operation makes."""

    def __init__(self):
        super().__init__()
        self.largest = 0

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        made = func(*args, **(kwargs or {}))
        for leaf in tree_leaves(made):
            if isinstance(leaf, torch.Tensor):
                self.largest = max(self.largest, leaf.numel())
        return made


def largest_made(loss, args, targets):
    with Memory() as memory:
        loss(*args, targets).backward()
    return memory.largest


def test_no_tensor_of_targets_times_vocabulary_is_made(monkeypatch):
    targets, vocabulary, width = 512, 20_000, 8
    monkeypatch.setattr(module, "BLOCK_ROWS", 100)
    states, weight, bias, chosen = inputs(torch.float32, sizes=(targets, vocabulary, width))
    args = (states, weight, bias)
    assert largest_made(plain, args, chosen) == targets * vocabulary
    assert largest_made(cross_entropy, args, chosen) <= max(100 * targets, weight.numel())


@pytest.mark.parametrize("bias", [True, False])
def test_without_gradients_the_loss_is_the_same(bias):
    states, weight, offset, targets = inputs(bias=bias)
    with torch.no_grad():
        loss = cross_entropy(states, weight, offset, targets)
    assert not loss.requires_grad
    torch.testing.assert_close(loss, plain(states, weight, offset, targets).detach())
