import copy
import math
import pickle

import numpy as np
import pytest
import torch
from transformers import get_linear_schedule_with_warmup

from spacy_xling.optimizer.schedules import (
    build_constant_v1,
    build_exponential_v1,
    build_linear_v1,
    build_warmup_linear_v1,
    build_warmup_v1,
    value_at,
)

ALL = [
    build_constant_v1(0.3),
    build_warmup_v1(0.3, 4),
    build_linear_v1(0.1, 0.5, 4),
    build_exponential_v1(0.2, 0.1, 4),
    build_warmup_linear_v1(0.3, 8, 0.25),
]


def values(schedule, steps):
    return [schedule(step) for step in steps]


def test_value_at_takes_numbers_and_functions():
    assert value_at(0.25, 7) == 0.25
    assert value_at(build_linear_v1(0.0, 1.0, 10), 7) == pytest.approx(0.7)
    assert value_at(lambda step: step / 2, 7) == 3.5


def test_constant_never_changes():
    assert values(build_constant_v1(0.3), [0, 1, 10**6]) == [0.3, 0.3, 0.3]


def test_warmup_rises_and_stays_and_wastes_no_step():
    assert values(build_warmup_v1(2.0, 4), [0, 1, 2, 3, 4, 99]) == [0.5, 1.0, 1.5, 2.0, 2.0, 2.0]


def test_linear_goes_both_ways():
    assert values(build_linear_v1(1.0, 3.0, 4), [0, 1, 2, 4, 9]) == [1.0, 1.5, 2.0, 3.0, 3.0]
    assert values(build_linear_v1(1.0, 0.0, 4), [0, 1, 4, 9]) == [1.0, 0.75, 0.0, 0.0]


def test_exponential_follows_siatl():
    schedule = build_exponential_v1(math.exp(-1.6), math.exp(-2.3), 7)
    assert values(schedule, range(8)) == pytest.approx(np.exp(np.linspace(-1.6, -2.3, 8)))
    assert schedule(0) == pytest.approx(0.202, abs=5e-4)
    assert schedule(100) == pytest.approx(0.100, abs=5e-4)


@pytest.mark.parametrize("warmup_steps", [0, 1, 5])
def test_warmup_linear_is_that_of_transformers_but_one_step_ahead_in_the_warmup(warmup_steps):
    optimizer = torch.optim.SGD([torch.nn.Parameter(torch.zeros(1))], lr=0.5)
    (reference,) = get_linear_schedule_with_warmup(optimizer, warmup_steps, 20).lr_lambdas
    schedule = build_warmup_linear_v1(0.5, 20, warmup_steps / 20)
    for step in range(warmup_steps):
        assert schedule(step) == pytest.approx(0.5 * reference(step + 1))
    for step in range(warmup_steps, 30):
        assert schedule(step) == pytest.approx(0.5 * reference(step))
    assert schedule(0) > 0


@pytest.mark.parametrize("schedule", ALL, ids=repr)
def test_copies_and_pickles_compute_the_same(schedule):
    for twin in (copy.deepcopy(schedule), pickle.loads(pickle.dumps(schedule))):
        assert values(twin, range(12)) == values(schedule, range(12))


def test_repr_shows_the_arguments():
    assert repr(build_linear_v1(0.1, 0.5, 4)) == "Linear(start=0.1, end=0.5, steps=4)"


@pytest.mark.parametrize("bad", [-0.1, math.inf, math.nan])
@pytest.mark.parametrize(
    "build",
    [
        build_constant_v1,
        lambda bad: build_warmup_v1(bad, 4),
        lambda bad: build_linear_v1(bad, 1.0, 4),
        lambda bad: build_linear_v1(1.0, bad, 4),
        lambda bad: build_warmup_linear_v1(bad, 4, 0.25),
    ],
)
def test_values_must_be_finite_and_not_negative(build, bad):
    with pytest.raises(ValueError, match="X601"):
        build(bad)


@pytest.mark.parametrize("bad", [0.0, -0.1, math.inf, math.nan])
def test_ends_of_an_exponential_must_be_positive(bad):
    with pytest.raises(ValueError, match=r"X602.*start"):
        build_exponential_v1(bad, 0.1, 4)
    with pytest.raises(ValueError, match=r"X602.*end"):
        build_exponential_v1(0.1, bad, 4)


@pytest.mark.parametrize("steps", [0, -3, 1.5])
def test_steps_must_be_whole_and_positive(steps):
    for build in (
        lambda: build_warmup_v1(1.0, steps),
        lambda: build_linear_v1(1.0, 2.0, steps),
        lambda: build_exponential_v1(1.0, 2.0, steps),
        lambda: build_warmup_linear_v1(1.0, steps),
    ):
        with pytest.raises(ValueError, match="X603"):
            build()


@pytest.mark.parametrize("share", [-0.1, 1.0, 1.5])
def test_warmup_must_end_before_the_training(share):
    with pytest.raises(ValueError, match="X604"):
        build_warmup_linear_v1(1.0, 4, share)
