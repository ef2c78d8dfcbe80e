"""Percentile bootstrap: how far scores would move with other texts.

n texts are drawn from n with replacement, many times, and the interval is that between two percentiles of the
scores (Efron 1979, "Bootstrap Methods"). Scores depend on a text by its outcome alone, so a sample is drawn
as how often each distinct outcome occurs in it, which is multinomial: the same distribution, and fast.

Where all texts of a language are right, or all are wrong, every sample is, and the interval has no width.
"""

import zlib
from typing import NamedTuple

import numpy as np

from .metrics import Tally, tally
from .predictions import Doubles2d

Interval = tuple[float, float]

# Most counts drawn at a time: 64 MiB.
BLOCK = 1 << 23


class Resampling(NamedTuple):
    """How intervals are made.

    confidence (float): Share of the samples between the ends, e.g. 0.95.
    resamples (int): Number of samples; 0 for no intervals.
    seed (int): Seed of the samples.
    """

    confidence: float = 0.95
    resamples: int = 1000
    seed: int = 0

    def generator(self, name: str) -> np.random.Generator:
        """A generator of random numbers for a group of texts, a language, that no other group has part in."""
        return np.random.default_rng([self.seed, zlib.crc32(name.encode("utf-8"))])


DEFAULT_RESAMPLING = Resampling()


def resample(outcomes: Doubles2d, resamples: int, generator: np.random.Generator) -> Tally:
    """Draw samples of texts.

    outcomes (Doubles2d): What each text adds to a tally. *Shape:* (texts, 1 + 3 * labels)
    resamples (int): Number of samples.
    generator (Generator): Where the numbers come from.
    RETURNS (Tally): The tallies of the samples.
    """
    # As bytes: numpy finds equal rows of a matrix by sorting on each column.
    packed = np.packbits(outcomes.astype(bool), axis=1)
    keys = np.ascontiguousarray(packed).view(np.dtype((np.void, packed.shape[1])))[:, 0]
    _, first, counts = np.unique(keys, return_index=True, return_counts=True)
    distinct, shares = outcomes[first], counts / len(outcomes)
    step = max(1, BLOCK // len(counts))
    sums = [
        generator.multinomial(len(outcomes), shares, size=min(step, resamples - start)) @ distinct
        for start in range(0, resamples, step)
    ]
    return tally(np.concatenate(sums), len(outcomes))


def interval(values: np.ndarray, confidence: float) -> np.ndarray:
    """The lower and upper end of the interval with a share of the samples, by the score of each. *Shapes:*
    (samples, ...) to (2, ...)
    """
    tail = (1 - confidence) / 2
    return np.quantile(values, [tail, 1 - tail], axis=0)
