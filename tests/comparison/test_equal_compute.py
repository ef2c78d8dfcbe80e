"""Steps that make the compute of all recipes equal."""

import pytest

from spacy_xling.comparison.equal_compute import Cost, equal_steps


def test_the_formula_by_hand():
    costs = {
        # 10 * 100 = 1,000
        "baseline": Cost(10.0, 99),
        # 500 + 10 * 100 = 1,500
        "sequential": Cost(10.0, 99, 500.0),
        # 20 * 100 = 2,000, the most
        "joint": Cost(20.0, 99),
    }
    assert equal_steps(costs) == {"baseline": 199, "sequential": 149, "joint": 99}


def test_all_recipes_then_cost_the_same_to_half_a_step():
    costs = {"a": Cost(313.7, 150), "b": Cost(911.2, 170, 41_000.0), "c": Cost(640.9, 333)}
    most = max(cost.pieces for cost in costs.values())
    for recipe, steps in equal_steps(costs).items():
        cost = costs[recipe]._replace(max_steps=steps)
        assert abs(cost.pieces - most) <= cost.pieces_per_step / 2 + 1e-6


@pytest.mark.parametrize("cost", [Cost(0.0, 100), Cost(10.0, 0)])
def test_a_recipe_without_an_encoder_or_an_end_is_X780(cost):
    with pytest.raises(ValueError, match=r"X780.*'endless'"):
        equal_steps({"baseline": Cost(10.0, 99), "endless": cost})
