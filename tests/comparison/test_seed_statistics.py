"""Numbers over seeds, against scipy's tests and values by hand."""

import numpy as np
import pytest
from scipy import stats

from spacy_xling.comparison.seed_statistics import Difference, paired_difference, spread


def test_a_spread_by_hand():
    # Deviations -2, 0 and 2: (4 + 0 + 4) / 2 = 4.
    assert spread([1.0, 3.0, 5.0]) == (3.0, 2.0, 3)


def test_one_seed_has_no_deviation():
    assert spread([4.0]) == (4.0, None, 1)


def test_no_value_is_X779():
    with pytest.raises(ValueError, match="X779"):
        spread([])


def test_a_difference_by_hand():
    # Differences 1, 2 and 3: mean 2, deviation 1, so t / sqrt 3, with t of 2 degrees, 4.3027.
    found = paired_difference({0: 10.0, 1: 20.0, 2: 30.0}, {0: 11.0, 1: 23.0, 2: 32.0})
    assert found.mean == 2.0
    assert found.n == 3
    assert (found.low, found.high) == pytest.approx((2 - 2.4841, 2 + 2.4841), abs=1e-3)


@pytest.mark.parametrize("level", [0.8, 0.95])
@pytest.mark.parametrize("n", [3, 4, 10])
def test_the_interval_is_scipys_for_paired_samples(n, level):
    chance = np.random.default_rng(n)
    first, second = (dict(enumerate(chance.normal(50, 5, n).tolist())) for _ in range(2))
    found = paired_difference(first, second, level=level)
    expected = stats.ttest_rel(list(second.values()), list(first.values())).confidence_interval(level)
    assert (found.low, found.high) == pytest.approx((expected.low, expected.high))


def test_the_interval_covers_the_truth_as_often_as_it_says():
    chance = np.random.default_rng(0)
    covered = 0
    for _ in range(2000):
        base = chance.normal(60, 8, 4)
        other = base + chance.normal(1.5, 2, 4)
        found = paired_difference(dict(enumerate(base)), dict(enumerate(other)))
        covered += found.low <= 1.5 <= found.high
    # Four standard errors of 2,000 trials.
    assert covered / 2000 == pytest.approx(0.95, abs=4 * (0.95 * 0.05 / 2000) ** 0.5)


def test_seeds_are_paired_by_their_number():
    found = paired_difference({0: 1.0, 1: 2.0, 2: 3.0, 7: 50.0}, {1: 4.0, 0: 3.0, 2: 5.0, 8: 90.0})
    assert found == (2.0, 2.0, 2.0, 3)


def test_fewer_than_three_seeds_in_common_have_no_interval():
    assert paired_difference({0: 1.0, 1: 5.0}, {1: 8.0}) == (3.0, None, None, 1)
    found = paired_difference({0: 1.0, 1: 5.0}, {0: 2.0, 1: 8.0})
    assert found == (2.0, None, None, 2)
    assert not found.is_shown


def test_no_seed_in_common_is_none():
    assert paired_difference({0: 1.0}, {1: 1.0}) is None


@pytest.mark.parametrize(
    ("low", "high", "shown"), [(0.1, 2.0, True), (-2.0, -0.1, True), (0.0, 2.0, False), (-1.0, 2.0, False)]
)
def test_a_difference_is_shown_if_its_interval_does_not_cover_0(low, high, shown):
    assert Difference((low + high) / 2, low, high, 3).is_shown == shown
