"""What the runs of a comparison show: scores by language, differences from the baseline, compute."""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from ..data.languages import UNKNOWN, sort_languages
from ..errors import Errors
from .plan import ScoreName
from .seed_statistics import FEWEST_SEEDS, Difference, Spread, paired_difference, spread

MEAN, WORST = "mean of the targets", "worst target"
STEPS, PIECES, SECONDS, PROCESSOR = "steps", "encoder_pieces", "seconds", "processor_seconds"


class Result(NamedTuple):
    """The result of a training.

    languages (Mapping[str, Mapping[str, float]]): Scores from 0 to 1 by language and name.
    exclusive (bool): Whether its classes exclude each other.
    steps (int): Optimiser steps.
    encoder_pieces (int): Pieces that passed the encoder in training, adaptation included.
    adaptation_pieces (int): Those of them that adapted the encoder.
    seconds (float): Seconds of training, adaptation included.
    processor_seconds (float): Those that its threads computed.
    """

    languages: Mapping[str, Mapping[str, float]]
    exclusive: bool
    steps: int
    encoder_pieces: int
    adaptation_pieces: int
    seconds: float
    processor_seconds: float


class Summary(NamedTuple):
    """A comparison.

    source (str): The source language.
    score (str): Name of the score: "accuracy" or "macro_f1".
    recipes (list[str]): The recipes, the baseline first.
    rows (list[str]): The source, the targets, their mean, and the worst of them.
    scores (dict[str, dict[str, Spread]]): Points, from 0 to 100, by row and recipe; a recipe without a
        finished run is left out.
    differences (dict[str, dict[str, Difference | None]]): Points above the baseline, by row and recipe;
        None where the two have no seed in common.
    compute (dict[str, dict[str, Spread]]): Steps, pieces and seconds by recipe.
    conclusions (dict[str, str]): A sentence for each recipe but the baseline.
    """

    source: str
    score: ScoreName
    recipes: list[str]
    rows: list[str]
    scores: dict[str, dict[str, Spread]]
    differences: dict[str, dict[str, Difference | None]]
    compute: dict[str, dict[str, Spread]]
    conclusions: dict[str, str]


def summarize(
    results: Mapping[str, Mapping[int, Result]], *, source: str, score: ScoreName | None = None
) -> Summary:
    """Summarise the results of all runs.

    results (Mapping[str, Mapping[int, Result]]): Finished runs by recipe and seed, the baseline first.
    source (str): The source language.
    score (str | None): The score; None takes accuracy where each text has exactly one class, else macro
        F1.
    RETURNS (Summary): What they show.
    RAISES (ValueError): There is no finished run.
    """
    found = [result for by_seed in results.values() for result in by_seed.values()]
    if not found:
        raise ValueError(Errors.X779.format(what="finished runs"))
    if score is None:
        score = "accuracy" if all(result.exclusive for result in found) else "macro_f1"
    points = {
        recipe: {seed: row_points(result.languages, source, score) for seed, result in by_seed.items()}
        for recipe, by_seed in results.items()
    }
    rows = list(row_points(found[0].languages, source, score))
    baseline, *others = results
    scores, differences = {}, {}
    for row in rows:
        column = {
            recipe: {seed: numbers[row] for seed, numbers in by_seed.items()}
            for recipe, by_seed in points.items()
        }
        scores[row] = {
            recipe: spread(list(by_seed.values())) for recipe, by_seed in column.items() if by_seed
        }
        differences[row] = {recipe: paired_difference(column[baseline], column[recipe]) for recipe in others}
    return Summary(
        source=source,
        score=score,
        recipes=[baseline, *others],
        rows=rows,
        scores=scores,
        differences=differences,
        compute={recipe: _compute(list(by_seed.values())) for recipe, by_seed in results.items() if by_seed},
        conclusions={recipe: conclude(recipe, baseline, differences[MEAN][recipe]) for recipe in others},
    )


def row_points(
    languages: Mapping[str, Mapping[str, float]], source: str, score: ScoreName
) -> dict[str, float]:
    """The numbers of a run, in points from 0 to 100, by its scores from 0 to 1 by language and name: the
    source, each target, their mean, and the lowest of them. Texts of unknown language have a row, but are no
    target.
    """
    points = {language: 100 * languages[language][score] for language in sort_languages(languages, source)}
    targets = [value for language, value in points.items() if language not in (source, UNKNOWN)]
    return {**points, MEAN: sum(targets) / len(targets), WORST: min(targets)}


def conclude(recipe: str, baseline: str, difference: Difference | None) -> str:
    """One sentence on what a difference in points between the means of the targets shows."""
    if difference is None:
        return f"Nothing can be said of {recipe}: it has no seed in common with {baseline} that is finished."
    mean, low, high, n = difference
    where = "on the mean of the targets"
    if low is None or high is None:
        return (
            f"No difference shown between {recipe} and {baseline}: with fewer than {FEWEST_SEEDS} seeds "
            f"there is no interval ({mean:+.1f} points {where})."
        )
    interval = f"95 % interval {signed(low)} to {signed(high)}, {n} seeds"
    if not difference.is_shown:
        return (
            f"No difference shown between {recipe} and {baseline} {where}: {mean:+.1f} points ({interval})."
        )
    side = "above" if mean > 0 else "below"
    return f"{recipe} is {abs(mean):.1f} points {side} {baseline} {where} ({interval})."


def signed(value: float) -> str:
    """A number of points; only a negative one has a sign."""
    return f"{value:.1f}".replace("-0.0", "0.0")


def _compute(results: Sequence[Result]) -> dict[str, Spread]:
    return {
        name: spread([getattr(result, name) for result in results])
        for name in (STEPS, PIECES, "adaptation_pieces", SECONDS, PROCESSOR)
    }
