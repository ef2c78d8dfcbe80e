"""Means over seeds, and differences between two recipes, paired by seed."""

import math
from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np
from scipy import stats

from ..errors import Errors

LEVEL = 0.95
# An interval over two seeds is so wide that it says nothing.
FEWEST_SEEDS = 3


class Spread(NamedTuple):
    """A number over n seeds: its mean, and its sample standard deviation (n - 1), None for one seed."""

    mean: float
    deviation: float | None
    n: int


class Difference(NamedTuple):
    """How much two recipes differ, over the seeds that both have.

    mean (float): Mean of the differences.
    low (float | None): Lower end of its confidence interval; None below three seeds, where it says nothing.
    high (float | None): Upper end.
    n (int): Number of seeds.
    """

    mean: float
    low: float | None
    high: float | None
    n: int

    @property
    def is_shown(self) -> bool:
        """True if the interval doesn't cover 0."""
        return self.low is not None and self.high is not None and (self.low > 0 or self.high < 0)


def spread(values: Sequence[float]) -> Spread:
    """Mean and standard deviation of a number over one seed or more.

    RAISES (ValueError): There is no value.
    """
    if not values:
        raise ValueError(Errors.X779.format(what="values"))
    return Spread(
        float(np.mean(values)), float(np.std(values, ddof=1)) if len(values) > 1 else None, len(values)
    )


def paired_difference(
    first: Mapping[int, float], second: Mapping[int, float], *, level: float = LEVEL
) -> Difference | None:
    """The mean over seeds s of d_s = second_s - first_s, and its interval by Student's t with n - 1 degrees
    of freedom,

        mean(d) +- t * sd(d) / sqrt(n)

    It assumes that the seeds are a sample of all seeds, and that the differences are normal. Both runs of a
    seed share the order of texts and the head's initial weights where their configs agree on them.

    first (Mapping[int, float]): A number by seed, of the recipe to compare with.
    second (Mapping[int, float]): The number by seed, of the other recipe.
    level (float): Confidence level of the interval.
    RETURNS (Difference | None): The difference over the seeds of both; None without any.
    """
    seeds = sorted(first.keys() & second.keys())
    if not seeds:
        return None
    mean, deviation, n = spread([second[seed] - first[seed] for seed in seeds])
    if deviation is None or n < FEWEST_SEEDS:
        return Difference(mean, None, None, n)
    reach = float(stats.t.ppf((1 + level) / 2, n - 1)) * deviation / math.sqrt(n)
    return Difference(mean, mean - reach, mean + reach, n)
