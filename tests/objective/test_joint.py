import math

import numpy as np
import pytest
from thinc.schedules import warmup_linear

from spacy_xling.objective.classification import LabelCounts, build_cross_entropy_v1
from spacy_xling.objective.joint import build_joint_objective_v1
from spacy_xling.optimizer.schedules import (
    build_constant_v1,
    build_exponential_v1,
    build_linear_v1,
    build_warmup_v1,
)


def make(mlm_weight=0.1, reduction="mean"):
    return build_joint_objective_v1(build_cross_entropy_v1(), mlm_weight, reduction)


@pytest.mark.parametrize("weight", [0.0, 0.1, 3, 10.0])
def test_a_number_is_the_same_at_every_step(weight):
    objective = make(weight)
    assert [objective.mlm_weight_at(step) for step in (0, 1, 10**6)] == [weight] * 3
    assert objective.has_mlm == (weight > 0)


@pytest.mark.parametrize(("weight", "is_set"), [(None, False), (0.0, True), (0.1, True)])
def test_a_weight_that_is_set_needs_raw_text_and_the_default_is_a_tenth(weight, is_set):
    objective = make(weight)
    assert objective.needs_raw_text == is_set
    assert objective.mlm_weight_at(5) == (weight if is_set else 0.1)


@pytest.mark.parametrize(
    ("schedule", "expected"),
    [
        (build_constant_v1(0.5), [0.5, 0.5, 0.5, 0.5]),
        (build_linear_v1(0.0, 1.0, 4), [0.0, 0.25, 0.5, 1.0]),
        (build_warmup_v1(0.8, 4), [0.2, 0.4, 0.6, 0.8]),
        (build_exponential_v1(0.2, 0.1, 2), [0.2, 0.2 / math.sqrt(2), 0.1, 0.1]),
        (lambda step: step * 2.0, [0.0, 2.0, 4.0, 200.0]),
    ],
)
def test_a_schedule_is_asked_at_each_step(schedule, expected):
    objective = make(schedule)
    assert [objective.mlm_weight_at(step) for step in (0, 1, 2, 100)] == pytest.approx(expected)
    assert objective.has_mlm


@pytest.mark.parametrize("weight", [-0.1, math.nan, math.inf])
def test_a_weight_out_of_range_is_X401_at_once(weight):
    with pytest.raises(ValueError, match="X401"):
        make(weight)
    with pytest.raises(ValueError, match="X401"):
        make(lambda step: weight)


def test_a_schedule_that_falls_below_zero_is_X401_at_that_step():
    objective = make(lambda step: 1.0 - step)
    assert objective.mlm_weight_at(1) == 0.0
    with pytest.raises(ValueError, match=r"X401.*step 2"):
        objective.mlm_weight_at(2)


def test_mlm_term_by_hand():
    # Four targets whose -log P sum up to 6 nats.
    assert make(reduction="mean").mlm_term(6.0, 4) == (0.25, 1.5)
    assert make(reduction="sum").mlm_term(6.0, 4) == (1.0, 6.0)


@pytest.mark.parametrize("reduction", ["mean", "sum"])
def test_mlm_term_without_targets_is_zero(reduction):
    gradient, loss = make(reduction=reduction).mlm_term(0.0, 0)
    assert math.isfinite(gradient)
    assert loss == 0.0


def test_mlm_term_is_before_lambda():
    assert make(0.1).mlm_term(6.0, 4) == make(5.0).mlm_term(6.0, 4)


def test_mean_factor_by_hand():
    assert [make(reduction="mean").mean_factor(n) for n in (1, 2, 4)] == [1.0, 0.5, 0.25]
    assert [make(reduction="sum").mean_factor(n) for n in (1, 2, 4)] == [1.0, 1.0, 1.0]


@pytest.mark.parametrize(("reduction", "divisor"), [("mean", 2), ("sum", 1)])
def test_classification_loss_has_the_objectives_reduction(reduction, divisor):
    logits = np.log([[0.7, 0.3], [0.4, 0.6]])
    truths, known = np.array([[1.0, 0.0], [1.0, 0.0]]), np.ones((2, 2))
    objective = make(reduction=reduction)
    gradient, loss = objective.classification(
        logits, truths, known, labels=["A", "B"], counts=LabelCounts(), reduction=objective.reduction
    )
    assert loss == pytest.approx(-(math.log(0.7) + math.log(0.4)) / divisor)
    np.testing.assert_allclose(gradient, np.array([[-0.3, 0.3], [-0.6, 0.6]]) / divisor, atol=1e-12)


def test_a_schedule_of_thinc_is_X406():
    with pytest.raises(ValueError, match="X406"):
        make(mlm_weight=warmup_linear(0.1, 2, 10))
