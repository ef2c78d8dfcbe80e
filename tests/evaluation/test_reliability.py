import numpy as np
import pytest

from spacy_xling.evaluation.reliability import (
    calibration_pairs,
    expected_calibration_error,
    reliability_bins,
)
from tests.evaluation.simulated import exclusive, independent, predictions


def test_ece_by_hand():
    # Bins of a width of 0.25: (0, 0.25], (0.25, 0.5], (0.5, 0.75], (0.75, 1].
    bins = reliability_bins(np.array([0.0, 0.25, 0.6, 0.7, 0.9]), np.array([0, 1, 1, 0, 1]), bins=4)
    assert bins == [(2, pytest.approx(0.125), 0.5), (0, 0, 0), (2, pytest.approx(0.65), 0.5), (1, 0.9, 1)]
    assert expected_calibration_error(bins) == pytest.approx(2 / 5 * 0.375 + 2 / 5 * 0.15 + 1 / 5 * 0.1)


def test_an_edge_belongs_to_the_bin_below_in_either_precision():
    for kind in (np.float32, np.float64):
        edges = (np.arange(1, 16) / 15).astype(kind).astype(np.float64)
        assert [found.size for found in reliability_bins(edges, np.zeros(15))] == [1] * 15


def test_no_prediction_has_no_error():
    assert expected_calibration_error(reliability_bins(np.zeros(0), np.zeros(0))) == 0


def test_of_one_label_the_top_probability_counts():
    found = exclusive(50, 4)
    probabilities, right = calibration_pairs(found)
    assert probabilities.tolist() == found.scores.max(axis=1).tolist()
    assert right.tolist() == (found.scores.argmax(axis=1) == found.gold.argmax(axis=1)).tolist()


def test_of_any_number_of_labels_each_known_one_counts():
    found = independent(50, 4)
    probabilities, right = calibration_pairs(found)
    assert len(probabilities) == found.known.sum() < found.known.size
    assert sorted(zip(probabilities, right, strict=True)) == sorted(
        (found.scores[row, column], found.gold[row, column])
        for row in range(50)
        for column in range(4)
        if found.known[row, column]
    )


def test_scores_that_are_no_probabilities_have_no_calibration():
    found = predictions([[3.0, -1.0]], [[1, 0]], [[1, 1]], is_exclusive=True)
    assert calibration_pairs(found) is None


def test_a_calibrated_model_has_a_small_error_and_a_sharpened_one_a_large_one():
    generator = np.random.default_rng(0)
    probabilities = generator.uniform(0.3, 1, 20_000)
    right = generator.random(20_000) < probabilities
    assert expected_calibration_error(reliability_bins(probabilities, right)) < 0.02
    assert expected_calibration_error(reliability_bins(probabilities**0.25, right)) > 0.15
