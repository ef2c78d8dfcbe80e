import json
import random

import numpy as np
import pytest
import torch

from spacy_xling.resuming.randomness import (
    GENERATORS,
    cuda_states,
    generator_states,
    set_cuda_states,
    set_generator_states,
)


def draw():
    """From each global generator, of what it draws one by one and in pairs."""
    return (
        random.random(),
        random.gauss(0, 1),
        np.random.random(),
        np.random.standard_normal(),
        torch.rand(3).tolist(),
    )


@pytest.mark.parametrize("draws_before", range(3))
def test_what_follows_a_saved_state_follows_it_again(draws_before):
    for _ in range(draws_before):
        draw()
    states = json.loads(json.dumps(generator_states()))
    expected = [draw() for _ in range(3)]
    set_generator_states(states)
    assert generator_states() == states
    assert [draw() for _ in range(3)] == expected


@pytest.mark.parametrize(
    ("name", "draw_one"),
    [("python", random.random), ("numpy", np.random.random), ("torch", lambda: torch.rand(1))],
)
def test_a_draw_changes_the_state_of_its_generator_only(name, draw_one):
    before = generator_states()
    draw_one()
    after = generator_states()
    assert [other for other in GENERATORS if before[other] != after[other]] == [name]


def test_a_state_is_set_for_the_generators_that_are_named_only():
    states = generator_states()
    draw()
    now = generator_states()
    set_generator_states({"numpy": states["numpy"]})
    assert generator_states() == {**now, "numpy": states["numpy"]}


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is CUDA")
def test_without_cuda_it_has_no_states():
    assert cuda_states() == []
    set_cuda_states([])


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")
def test_the_states_of_cuda_are_saved():  # pragma: no cover
    states = json.loads(json.dumps(cuda_states()))
    expected = torch.rand(3, device="cuda")
    set_cuda_states(states)
    assert torch.equal(torch.rand(3, device="cuda"), expected)
