"""Gradients that are held back join the others when they are released, and not before."""

import torch

from spacy_xling.models.held_gradients import HeldGradients


def test_what_is_held_is_added_once_at_release():
    one, other = torch.nn.Parameter(torch.ones(2)), torch.nn.Parameter(torch.ones(2))
    held = HeldGradients()
    (3 * one).sum().backward()
    for _ in range(2):
        with held.collecting([one, other]):
            (5 * one).sum().backward()
    assert one.grad.tolist() == [3.0, 3.0]
    assert held
    held.release()
    assert one.grad.tolist() == [13.0, 13.0]
    assert other.grad is None
    assert not held
    held.release()
    assert one.grad.tolist() == [13.0, 13.0]


def test_gradients_of_others_are_theirs_again_after_an_error():
    parameter = torch.nn.Parameter(torch.ones(2))
    (3 * parameter).sum().backward()
    held = HeldGradients()
    try:
        with held.collecting([parameter]):
            raise RuntimeError
    except RuntimeError:
        pass
    assert parameter.grad.tolist() == [3.0, 3.0]
    assert not held


def test_what_is_dropped_is_added_to_nothing():
    parameter = torch.nn.Parameter(torch.ones(2))
    held = HeldGradients()
    with held.collecting([parameter]):
        (5 * parameter).sum().backward()
    held.drop()
    held.release()
    assert parameter.grad is None
