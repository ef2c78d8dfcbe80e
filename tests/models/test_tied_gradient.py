import pytest
import torch
from torch.nn import functional as F

from spacy_xling.models.cross_entropy import cross_entropy
from spacy_xling.models.tied_gradient import TiedGradient

VOCABULARY, WIDTH, PADDING = 23, 5, 1


def inputs():
    generator = torch.Generator().manual_seed(0)
    weight = torch.randn(VOCABULARY, WIDTH, generator=generator, dtype=torch.float64, requires_grad=True)
    ids = torch.tensor([3, 3, PADDING, 7, 22, 0])
    return weight, ids, torch.tensor([7, 3, 9, 0])


def tied_loss(weight, ids, targets, tied):
    rows = tied.look_up(ids, weight, PADDING)
    return rows, cross_entropy(rows[:4].tanh(), weight, None, targets, tied)


def plain_loss(weight, ids, targets):
    rows = F.embedding(ids, weight, padding_idx=PADDING)
    return rows, F.cross_entropy(rows[:4].tanh() @ weight.T, targets, reduction="sum")


@pytest.mark.parametrize("share", [1.0, 0.1])
def test_one_gradient_for_both_uses_equals_the_sum_of_two(share):
    weight, ids, targets = inputs()
    rows, loss = tied_loss(weight, ids, targets, TiedGradient())
    (got,) = torch.autograd.grad(share * loss + rows.square().sum(), weight)
    rows, loss = plain_loss(weight, ids, targets)
    (expected,) = torch.autograd.grad(share * loss + rows.square().sum(), weight)
    torch.testing.assert_close(got, expected, rtol=1e-12, atol=1e-12)
    # The padding piece is looked up and decoded, and only the latter has a gradient.
    assert got[PADDING].abs().sum() > 0


def test_two_losses_of_a_pass_bring_the_sum_of_their_gradients():
    weight, ids, targets = inputs()
    tied = TiedGradient()
    rows, loss = tied_loss(weight, ids, targets, tied)
    other = cross_entropy(rows[2:].sin(), weight, None, targets, tied, smoothing=0.2)
    (got,) = torch.autograd.grad(loss + 0.3 * other, weight)
    rows, loss = plain_loss(weight, ids, targets)
    logits = rows[2:].sin() @ weight.T
    other = F.cross_entropy(logits, targets, reduction="sum", label_smoothing=0.2)
    (expected,) = torch.autograd.grad(loss + 0.3 * other, weight)
    torch.testing.assert_close(got, expected, rtol=1e-12, atol=1e-12)


def test_the_gradients_of_several_passes_add_up():
    weight, ids, targets = inputs()
    for _ in range(2):
        tied_loss(weight, ids, targets, TiedGradient())[1].backward()
    got, weight.grad = weight.grad, None
    for _ in range(2):
        plain_loss(weight, ids, targets)[1].backward()
    torch.testing.assert_close(got, weight.grad, rtol=1e-12, atol=1e-12)


def test_a_backward_pass_without_the_loss_brings_the_look_ups_gradient_alone():
    weight, ids, targets = inputs()
    rows, _ = tied_loss(weight, ids, targets, TiedGradient())
    (got,) = torch.autograd.grad(rows.square().sum(), weight)
    rows, _ = plain_loss(weight, ids, targets)
    (expected,) = torch.autograd.grad(rows.square().sum(), weight)
    torch.testing.assert_close(got, expected, rtol=0, atol=0)


def test_a_frozen_matrix_gets_no_gradient():
    weight, ids, targets = inputs()
    weight.requires_grad_(False)
    scale = torch.ones((), dtype=torch.float64, requires_grad=True)
    tied = TiedGradient()
    rows = tied.look_up(ids, weight, PADDING)
    cross_entropy(rows[:4] * scale, weight, None, targets, tied).backward()
    assert weight.grad is None
    assert tied.decoder is None
    assert scale.grad is not None
