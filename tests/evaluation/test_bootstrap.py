import time

import numpy as np
import pytest
from scipy.stats import binom
from sklearn.metrics import f1_score

from spacy_xling.evaluation.bootstrap import Resampling, interval, resample
from spacy_xling.evaluation.metrics import outcomes
from spacy_xling.evaluation.scoring import score_model, score_texts, transfer
from tests.evaluation.simulated import exclusive, independent

LANGUAGES = [f"l{number}" for number in range(20)]


def model(found, **changes):
    return score_model(found, source="en", resampling=Resampling(**changes), mistakes=0)


@pytest.mark.parametrize("make", [exclusive, independent])
def test_a_seed_gives_the_same_intervals_and_another_one_others(make):
    found = make(300, 4, languages=("en", "da"))
    first, again, other = model(found), model(found), model(found, seed=1)
    assert first == again
    assert first.languages["da"].macro_f1_interval != other.languages["da"].macro_f1_interval
    assert first.transfer["macro_f1"].targets_interval != other.transfer["macro_f1"].targets_interval


def test_other_languages_have_no_part_in_an_interval():
    found = exclusive(300, 4, languages=("en", "da"))
    alone = score_texts(found.of(found.rows["da"]), "da", Resampling(), 0)[0]
    assert model(found).languages["da"] == alone


@pytest.mark.parametrize("make", [exclusive, independent])
def test_samples_are_distributed_as_those_of_texts(make):
    """Held against samples that are drawn text by text, and scored by scikit-learn."""
    found = make(80, 3, seed=4)
    sampled = resample(outcomes(found), 4000, np.random.default_rng(0))
    generator = np.random.default_rng(1)
    slow = {"accuracy": [], "macro_f1": []}
    truth = np.where(found.known, found.gold, False)
    guess = found.predicted & found.known
    for _ in range(1500):
        rows = generator.integers(80, size=80)
        slow["accuracy"].append((truth[rows] == guess[rows]).all(axis=1).mean())
        slow["macro_f1"].append(f1_score(truth[rows], guess[rows], average="macro", zero_division=0))
    for name, values in slow.items():
        fast = getattr(sampled, name)
        assert fast.mean() == pytest.approx(np.mean(values), abs=0.006)
        assert fast.std() == pytest.approx(np.std(values), rel=0.08)
        assert interval(fast, 0.9) == pytest.approx(interval(np.array(values), 0.9), abs=0.02)


@pytest.mark.parametrize("confidence", [0.8, 0.95])
def test_intervals_cover_the_truth_at_their_nominal_rate(confidence):
    """Of accuracy and macro F1 in a language, and of the mean of two targets and the gap."""
    settings = {"labels": 4, "languages": ("en", "da", "de"), "skill": 1.2}
    large = model(exclusive(300_000, seed=1_000_000, **settings), resamples=0)
    truth = large.languages["en"].accuracy, large.languages["en"].macro_f1
    sets, hits = 200, np.zeros(4)
    for seed in range(sets):
        found = model(exclusive(900, seed=seed, **settings), confidence=confidence, resamples=400)
        english, over = found.languages["en"], found.transfer["accuracy"]
        # The truth is the same in each language, so there is no gap.
        expected = (*truth, truth[0], 0.0)
        ends = english.accuracy_interval, english.macro_f1_interval, over.targets_interval, over.gap_interval
        hits += [low <= value <= high for value, (low, high) in zip(expected, ends, strict=True)]
    # Percentile intervals are a little narrow: allow a point, beside chance.
    least, most = binom.ppf([0.001, 0.999], sets, confidence) / sets
    assert ((hits / sets >= least - 0.01) & (hits / sets <= most)).all(), hits / sets


def test_the_mean_of_targets_is_sampled_within_each_language():
    """A language of few texts isn't drowned by one of many: variances add up, by languages."""
    generator = np.random.default_rng(0)
    samples = {"en": generator.normal(0.9, 0.01, 20_000), "da": generator.normal(0.5, 0.03, 20_000)}
    samples["de"] = generator.normal(0.7, 0.04, 20_000)
    found = transfer({"en": 0.9, "da": 0.5, "de": 0.7}, samples, source="en", confidence=0.95)
    assert (found.source, found.targets, found.worst_target) == (0.9, pytest.approx(0.6), "da")
    assert found.gap == pytest.approx(0.3)
    half = 1.96 * np.hypot(0.03, 0.04) / 2
    assert found.targets_interval == pytest.approx((0.6 - half, 0.6 + half), abs=0.002)
    half = 1.96 * np.hypot(0.01, np.hypot(0.03, 0.04) / 2)
    assert found.gap_interval == pytest.approx((0.3 - half, 0.3 + half), abs=0.002)


def test_texts_of_no_known_language_are_no_target():
    found = model(exclusive(90, 3, languages=("en", "da", "-")), resamples=0)
    assert found.transfer["accuracy"].targets == found.languages["da"].accuracy
    assert "-" in found.languages


def test_without_samples_there_are_no_intervals():
    found = model(exclusive(90, 3, languages=("en", "da")), resamples=0)
    assert found.languages["da"].accuracy_interval is found.transfer["accuracy"].gap_interval is None
    assert found.languages["da"].labels["A"].f1_interval is None


def test_without_targets_or_a_source_there_is_no_gap():
    alone = model(exclusive(30, 3)).transfer["accuracy"]
    assert (alone.targets, alone.worst_target, alone.gap, alone.gap_interval) == (None,) * 4
    assert alone.source is not None
    lost = model(exclusive(30, 3, languages=("da", "de"))).transfer["accuracy"]
    assert (lost.source, lost.gap, lost.gap_interval) == (None,) * 3
    assert lost.targets_interval is not None


@pytest.mark.parametrize("make", [exclusive, independent])
def test_50_000_predictions_of_20_languages_and_20_labels_are_fast(make):
    found = make(50_000, 20, languages=LANGUAGES)
    start = time.process_time()
    model(found)
    assert time.process_time() - start < 20
