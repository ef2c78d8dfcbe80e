"""How far two sets of vectors lie apart as distributions."""

import numpy as np
from scipy.spatial.distance import cdist, pdist

from ..errors import Errors
from .sentence_vectors import ROUNDING


def median_distance(vectors: np.ndarray) -> float:
    """The median distance between two of the vectors that differ: the usual bandwidth of a Gaussian kernel
    (Gretton et al. 2012, section 8).

    vectors (np.ndarray): *Shape:* (vectors, width)
    RETURNS (float): The median, above 0.
    RAISES (ValueError): No two vectors differ.
    """
    wide = vectors.astype(np.float64)
    distances = pdist(wide)
    differing = distances[distances > ROUNDING * np.linalg.norm(wide, axis=1).max(initial=0)]
    if not len(differing):
        raise ValueError(Errors.X738)
    return float(np.median(differing))


def squared_mmd(source: np.ndarray, target: np.ndarray, *, bandwidth: float) -> float:
    """The squared maximum mean discrepancy, by its unbiased estimate (Gretton et al. 2012, "A kernel
    two-sample test", JMLR 13, equation 3):

        MMD^2 = mean over i != j of k(s_i, s_j) + mean over i != j of k(t_i, t_j) - 2 * mean of k(s_i, t_j)
        k(a, b) = exp(-|a - b|^2 / (2 * bandwidth^2))

    It is 0 on average, and may come out below, for two samples of one distribution; it is near 2 for two
    that lie far apart and are each tight.

    source (np.ndarray): *Shape:* (source vectors, width)
    target (np.ndarray): *Shape:* (target vectors, width)
    bandwidth (float): Of the kernel, above 0. Distances are comparable if they have the same one.
    RETURNS (float): The squared distance, in units of the kernel, at most 2.
    RAISES (ValueError): The widths differ, or a side has fewer than two vectors.
    """
    if source.shape[1:] != target.shape[1:] or min(len(source), len(target)) < 2:
        expected = "two of the same width, with 2 vectors or more"
        raise ValueError(Errors.X734.format(source=source.shape, target=target.shape, expected=expected))
    source, target = source.astype(np.float64), target.astype(np.float64)
    of_source, of_target, between = (
        np.exp(-squares / (2 * bandwidth**2)).mean()
        for squares in (
            pdist(source, "sqeuclidean"),
            pdist(target, "sqeuclidean"),
            cdist(source, target, "sqeuclidean"),
        )
    )
    return float(of_source + of_target - 2 * between)
