"""From the predictions of a pipeline to its record: by language, and over the targets."""

from collections import Counter
from collections.abc import Mapping
from itertools import chain

import numpy as np

from ..data.languages import UNKNOWN
from .bootstrap import Interval, Resampling, interval, resample
from .metrics import Tally, confusion, macro_auc, outcomes, ratio, tally
from .mistakes import worst_mistakes
from .predictions import Predictions
from .records import LabelScores, ModelScores, Score, Transfer
from .reliability import calibration_pairs, expected_calibration_error, reliability_bins

TRANSFERRED = ("accuracy", "macro_f1", "micro_f1")


def score_model(
    predictions: Predictions, *, source: str, resampling: Resampling, mistakes: int
) -> ModelScores:
    """Score a pipeline's predictions, and list its worst `mistakes` at most, for each language."""
    scores: dict[str, Score] = {}
    samples: dict[str, Tally | None] = {}
    for language, rows in predictions.rows.items():
        own = predictions.of(rows)
        scores[language], samples[language] = score_texts(own, language, resampling, mistakes)
    return ModelScores(
        labels=list(predictions.labels),
        exclusive=predictions.exclusive,
        threshold=predictions.threshold,
        unseen=dict(Counter(sorted(chain.from_iterable(predictions.unseen)))),
        inexact=predictions.inexact,
        languages=scores,
        transfer={
            name: transfer(
                {language: getattr(score, name) for language, score in scores.items()},
                {language: getattr(sample, name) for language, sample in samples.items() if sample},
                source=source,
                confidence=resampling.confidence,
            )
            for name in TRANSFERRED
        },
    )


def score_texts(
    predictions: Predictions, name: str, resampling: Resampling, mistakes: int
) -> tuple[Score, Tally | None]:
    """Score texts, whatever their language.

    predictions (Predictions): Their predictions, of one text or more.
    name (str): What they are called, their language: it has its own samples.
    resampling (Resampling): How intervals are made.
    mistakes (int): The most mistakes to list.
    RETURNS (tuple[Score, Tally | None]): The scores, and the samples' tallies, None without samples.
    """
    outcome = outcomes(predictions)
    whole = tally(outcome.sum(axis=0, keepdims=True), len(outcome))
    sample = None
    if resampling.resamples:
        sample = resample(outcome, resampling.resamples, resampling.generator(name))

    def ends(key: str) -> Interval | None:
        return None if sample is None else _pair(interval(getattr(sample, key), resampling.confidence))

    pairs = calibration_pairs(predictions)
    bins = None if pairs is None else reliability_bins(*pairs)
    score = Score(
        texts=len(outcome),
        accuracy=float(whole.accuracy[0]),
        accuracy_interval=ends("accuracy"),
        macro_f1=float(whole.macro_f1[0]),
        macro_f1_interval=ends("macro_f1"),
        micro_f1=float(whole.micro_f1[0]),
        micro_f1_interval=ends("micro_f1"),
        macro_auc=macro_auc(predictions),
        ece=None if bins is None else expected_calibration_error(bins),
        labels=_label_scores(predictions, whole, sample, resampling.confidence),
        confusion=confusion(predictions),
        reliability=bins,
        mistakes=worst_mistakes(predictions, mistakes),
    )
    return score, sample


def transfer(
    scores: Mapping[str, float], samples: Mapping[str, np.ndarray], *, source: str, confidence: float
) -> Transfer:
    """Hold the targets against the source.

    scores (Mapping[str, float]): The score of each language.
    samples (Mapping[str, ndarray]): Its score in samples of its texts, or nothing. *Shape:* (samples,)
    source (str): The source language.
    confidence (float): Share of the samples between the ends of an interval.
    RETURNS (Transfer): The means and differences.
    """
    targets = sorted(language for language in scores if language not in (source, UNKNOWN))
    at_source = scores.get(source)
    if not targets:
        return Transfer(at_source, None, None, None, None, None)
    mean = float(np.mean([scores[language] for language in targets]))
    drawn = np.mean([samples[language] for language in targets], axis=0) if samples else None
    gap = gap_interval = None
    if at_source is not None:
        gap = at_source - mean
        gap_interval = None if drawn is None else _pair(interval(samples[source] - drawn, confidence))
    return Transfer(
        source=at_source,
        targets=mean,
        targets_interval=None if drawn is None else _pair(interval(drawn, confidence)),
        worst_target=min(targets, key=lambda language: scores[language]),
        gap=gap,
        gap_interval=gap_interval,
    )


def _label_scores(
    predictions: Predictions, whole: Tally, sample: Tally | None, confidence: float
) -> dict[str, LabelScores]:
    given, have = whole.tp + whole.fp, whole.tp + whole.fn
    precision, recall = ratio(whole.tp, given)[0], ratio(whole.tp, have)[0]
    # *Shape:* (2, labels)
    ends = None if sample is None else interval(sample.f1, confidence)
    return {
        label: LabelScores(
            support=int(have[0, column]),
            predicted=int(given[0, column]),
            precision=float(precision[column]),
            recall=float(recall[column]),
            f1=float(whole.f1[0, column]),
            f1_interval=None if ends is None else _pair(ends[:, column]),
        )
        for column, label in enumerate(predictions.labels)
    }


def _pair(ends: np.ndarray) -> Interval:
    return float(ends[0]), float(ends[1])
