import math

import numpy as np
import pytest

from spacy_xling.inspection.distance import median_distance, squared_mmd


def test_squared_mmd_by_hand():
    source, target = np.array([[0.0], [1.0]]), np.array([[2.0], [4.0]])
    # Distances: 1 within the source, 2 within the target, and 2, 4, 1, 3 across; the kernel is e^(-d^2 / 2).
    across = (math.exp(-2) + math.exp(-8) + math.exp(-0.5) + math.exp(-4.5)) / 4
    expected = math.exp(-0.5) + math.exp(-2) - 2 * across
    assert expected == pytest.approx(0.365211, abs=1e-6)
    assert squared_mmd(source, target, bandwidth=1.0) == pytest.approx(expected)
    # The same picture at another scale.
    assert squared_mmd(3 * source, 3 * target, bandwidth=3.0) == pytest.approx(expected)


def test_squared_mmd_agrees_with_plain_loops():
    generator = np.random.default_rng(0)
    source, target = generator.normal(size=(5, 3)), generator.normal(size=(7, 3), loc=1)

    def kernel(a, b):
        return math.exp(-((a - b) ** 2).sum() / (2 * 1.7**2))

    def within(vectors):
        return np.mean([kernel(a, b) for i, a in enumerate(vectors) for j, b in enumerate(vectors) if i != j])

    expected = within(source) + within(target) - 2 * np.mean([kernel(a, b) for a in source for b in target])
    assert squared_mmd(source, target, bandwidth=1.7) == pytest.approx(expected)


def test_squared_mmd_is_about_0_for_one_distribution_and_2_for_tight_ones_far_apart():
    generator = np.random.default_rng(0)
    values = [
        squared_mmd(generator.normal(size=(50, 4)), generator.normal(size=(50, 4)), bandwidth=2.0)
        for _ in range(100)
    ]
    # An estimate with a bias would lie above 0 each time.
    assert abs(np.mean(values)) < 0.003
    assert min(values) < 0
    near, far = generator.normal(size=(50, 4), scale=1e-3), generator.normal(size=(50, 4), scale=1e-3) + 100
    assert squared_mmd(near, far, bandwidth=1.0) == pytest.approx(2.0, abs=1e-4)


def test_the_median_distance_is_that_of_vectors_that_differ():
    assert median_distance(np.array([[0.0], [1.0], [5.0]])) == pytest.approx(4.0)
    assert median_distance(np.array([[0.0], [0.0], [0.0], [3.0]])) == pytest.approx(3.0)


def test_one_vector_for_all_texts_is_an_error():
    vectors = np.random.default_rng(0).normal(size=(1, 64)).astype(np.float32).repeat(20, axis=0)
    vectors[1:] += 1e-8
    with pytest.raises(ValueError, match=r"\[X738\]"):
        median_distance(vectors)


@pytest.mark.parametrize(("source", "target"), [((1, 3), (4, 3)), ((4, 3), (1, 3)), ((4, 3), (4, 2))])
def test_too_few_vectors_or_other_widths_are_an_error(source, target):
    with pytest.raises(ValueError, match=r"\[X734\]"):
        squared_mmd(np.ones(source), np.ones(target), bandwidth=1.0)
