"""The figures of the report that have axes: scores, closeness, learning curves, reliability."""

from collections.abc import Iterable, Mapping, Sequence
from typing import TypeVar

from scipy.stats import spearmanr

from ..data.languages import UNKNOWN
from ..evaluation.records import Evaluation, ModelScores, Score
from ..evaluation.reliability import Bin
from ..evaluation.tables import accuracy_cell, percent, shortened
from ..types import JsonDict
from .drawing import MARKERS, MUTED, SERIES, SMALL, Picture, Table, Words, drawing, to_svg
from .inputs import Closeness, Log

T = TypeVar("T")

# On a desk, and on a phone.
WIDTH, NARROW = 700, 320
PANEL, ROW = 210, 9
# The fewest languages that a rank correlation says anything about.
FEWEST = 4
# The fewest predictions of a bin that a line leads to.
FEWEST_JOINED = 5


def accuracy_picture(evaluation: Evaluation) -> Picture:
    """Draw accuracy by language, a mark with its interval for each pipeline.

    evaluation (Evaluation): The evaluation.
    RETURNS (Picture): The figure.
    """
    models, languages = evaluation.models, evaluation.languages
    title = "Accuracy by language"
    intervals = f", with its {100 * evaluation.confidence:g} % interval" if evaluation.resamples else ""
    description = (
        f"A row for each of {len(languages)} languages, the source {evaluation.source} on top; a mark for "
        f"each of {len(models)} pipelines at its accuracy in percent{intervals}."
    )
    svgs = [
        _draw_accuracy(evaluation, width, Words(name, title, description))
        for name, width in (("accuracy", WIDTH), ("accuracy-narrow", NARROW))
    ]
    rows = [
        (language, *(accuracy_cell(model.languages.get(language)) for model in models.values()))
        for language in languages
    ]
    return Picture(
        "accuracy", title, description, svgs[0], WIDTH, Table(("language", *models), rows), svgs[1]
    )


def closeness_picture(evaluation: Evaluation, closeness: Closeness) -> Picture | None:
    """Draw what each target lacks against how far the encoder has it from the source.

    evaluation (Evaluation): The evaluation.
    closeness (Closeness): The distances.
    RETURNS (Picture | None): The figure; None without texts of the source.
    """
    models, source = evaluation.models, evaluation.source
    if not all(source in model.languages for model in models.values()):
        return None
    targets = [
        name
        for name in evaluation.languages
        if name not in (source, UNKNOWN)
        and name in closeness.distances
        and all(name in model.languages for model in models.values())
    ]
    title = "Gap against closeness"
    gaps = {name: _gaps(model, source, targets) for name, model in models.items()}
    distances = [closeness.distances[language] for language in targets]
    found = [f" {name}: {words}." for name in models if (words := _correlation(distances, gaps[name]))]
    description = (
        f"A mark for each of {len(targets)} target languages and pipeline: how many points of accuracy it "
        f"lacks to {source}, against its distance to {source} before any training." + "".join(found)
    )
    spots = {
        language: (distance, *row)
        for language, distance, *row in zip(targets, distances, *gaps.values(), strict=True)
    }
    svgs = [
        _draw_closeness(spots, list(models), source, width, Words(name, title, description))
        for name, width in (("closeness", WIDTH), ("closeness-narrow", NARROW))
    ]
    rows = [
        (language, f"{distance:.3f}", *(f"{100 * gap:.1f}" for gap in row))
        for language, (distance, *row) in spots.items()
    ]
    table = Table(("language", "distance", *models), rows)
    return Picture("closeness", title, description, svgs[0], WIDTH, table, svgs[1])


def curves_pictures(logs: Mapping[str, Log]) -> list[Picture]:
    """Draw the loss terms of trainings, and what is logged beside them, such as the share of words that were
    switched: a panel for each, a line for each training.

    logs (Mapping[str, Log]): The logs by name.
    RETURNS (list[Picture]): The panels.
    """
    terms = dict.fromkeys(key for log in logs.values() for key in log.losses)
    return [
        _curves(
            f"curve-{number}",
            f"{key}, by step",
            {name: log for name, log in logs.items() if key in log.losses},
            key,
        )
        for number, key in enumerate(terms)
    ]


def reliability_pictures(evaluation: Evaluation) -> list[Picture]:
    """Draw, for each language, how often predictions of a probability are right.

    evaluation (Evaluation): The evaluation.
    RETURNS (list[Picture]): A panel for each language that has probabilities.
    """
    return [
        _reliability(number, language, found)
        for number, language in enumerate(evaluation.languages)
        if (
            found := {
                name: (index, score)
                for index, (name, model) in enumerate(evaluation.models.items())
                if (score := model.languages.get(language)) and score.reliability
            }
        )
    ]


def _draw_accuracy(evaluation: Evaluation, width: int, words: Words) -> str:
    models, languages = evaluation.models, evaluation.languages
    pitch = ROW * len(models) + 13
    with drawing(width, pitch * len(languages) + 70) as figure:
        axis = figure.subplots()
        for number, (name, model) in enumerate(models.items()):
            # Side by side in the row of a language.
            offset = (number - (len(models) - 1) / 2) * ROW / pitch
            rows = [row for row, language in enumerate(languages) if language in model.languages]
            scores = [model.languages[languages[row]] for row in rows]
            axis.errorbar(
                [100 * score.accuracy for score in scores],
                [row + offset for row in rows],
                xerr=_reaches(scores),
                label=shortened(name, 40),
                **_mark(number),
            )
        axis.set_yticks(range(len(languages)), languages)
        axis.set_ylim(len(languages) - 0.4, -0.6)
        axis.tick_params(axis="y", length=0)
        axis.set_xlabel("accuracy, %")
        axis.grid(axis="x", linewidth=0.7)
        axis.spines[["left"]].set_visible(False)
        if evaluation.source in languages and len(languages) > 1:
            axis.axhline(0.5, color=MUTED, linewidth=0.8, linestyle=(0, (2, 3)))
        figure.legend(loc="outside upper left", ncols=_columns(width, models), handletextpad=0.2)
        return to_svg(figure, words)


def _draw_closeness(
    spots: Mapping[str, Sequence[float]], models: Sequence[str], source: str, width: int, words: Words
) -> str:
    """Draw the distance of each language and, after it, the gap of each pipeline."""
    with drawing(width, 380) as figure:
        axis = figure.subplots()
        distances = [spot[0] for spot in spots.values()]
        for number, name in enumerate(models):
            gaps = [100 * spot[number + 1] for spot in spots.values()]
            axis.plot(distances, gaps, label=shortened(name, 40), **_mark(number))
        for language, (distance, *gaps) in spots.items():
            axis.annotate(
                language,
                (distance, 100 * max(gaps)),
                xytext=(0, 6),
                textcoords="offset points",
                ha="center",
                fontsize=SMALL,
            )
        axis.set_xlabel(f"distance to {source}, MMD²")
        axis.set_ylabel("gap, points of accuracy")
        axis.grid(linewidth=0.7)
        axis.axhline(0, color=MUTED, linewidth=0.8)
        axis.margins(x=0.08, y=0.15)
        figure.legend(loc="outside upper left", ncols=_columns(width, models), handletextpad=0.2)
        return to_svg(figure, words)


def _columns(width: int, names: Iterable[str]) -> int:
    """Columns of a legend."""
    longest = max(len(shortened(name, 40)) for name in names)
    return max(1, width // (50 + 8 * longest))


def _curves(name: str, title: str, logs: Mapping[str, Log], key: str) -> Picture:
    last = [f"{run} ends at {log.losses[key][-1]:.3g}" for run, log in logs.items()]
    description = f"The mean of {key} since the last evaluation, by step: {'; '.join(last)}."
    with drawing(PANEL * 3 // 2, PANEL) as figure:
        axis = figure.subplots()
        for number, log in enumerate(logs.values()):
            axis.plot(log.steps, log.losses[key], color=SERIES[number % len(SERIES)], linewidth=1.6)
        axis.set_title(key)
        axis.set_xlabel("step")
        axis.grid(linewidth=0.7)
        axis.margins(x=0.02)
        axis.set_ylim(bottom=0)
        svg = to_svg(figure, Words(name, title, description))
    rows = [
        (run, str(step), f"{loss:.4g}", f"{score:.4f}")
        for run, log in logs.items()
        for step, loss, score in _thinned(list(zip(log.steps, log.losses[key], log.scores, strict=True)))
    ]
    return Picture(name, title, description, svg, PANEL * 3 // 2, Table(("run", "step", key, "score"), rows))


def _reliability(number: int, language: str, found: Mapping[str, tuple[int, Score]]) -> Picture:
    name, title = f"reliability-{number}", f"Reliability in {language}"
    errors = [f"{model} {percent(score.ece)} %" for model, (_, score) in found.items()]
    description = (
        "Share of predictions that are right by their probability, in bins; on the diagonal they are equal. "
        f"Expected calibration error: {'; '.join(errors)}."
    )
    with drawing(PANEL, PANEL) as figure:
        axis = figure.subplots()
        axis.plot([0, 1], [0, 1], color=MUTED, linewidth=0.8, linestyle=(0, (2, 3)))
        for index, score in found.values():
            bins = [bin_ for bin_ in score.reliability or [] if bin_.size]
            colour = SERIES[index % len(SERIES)]
            joined = [bin_ for bin_ in bins if bin_.size >= FEWEST_JOINED]
            axis.plot(*_points(joined), color=colour, linewidth=1, alpha=0.6)
            # The area of a mark says how many predictions it stands for.
            areas = [4 + 60 * bin_.size / sum(one.size for one in bins) for bin_ in bins]
            axis.scatter(
                *_points(bins), s=areas, color=colour, marker=MARKERS[index % len(MARKERS)], linewidth=0
            )
        axis.set(xlim=(-0.02, 1.02), ylim=(-0.02, 1.02), aspect="equal")
        axis.set_xticks([0, 0.5, 1])
        axis.set_yticks([0, 0.5, 1])
        axis.grid(linewidth=0.7)
        axis.set_title(language)
        svg = to_svg(figure, Words(name, title, description))
    rows = [
        (model, f"{bin_.size:,}", f"{bin_.confidence:.3f}", f"{bin_.accuracy:.3f}")
        for model, (_, score) in found.items()
        for bin_ in score.reliability or []
        if bin_.size
    ]
    header = ("pipeline", "predictions", "mean probability", "share right")
    return Picture(name, title, description, svg, PANEL, Table(header, rows))


def _points(bins: Sequence[Bin]) -> tuple[list[float], list[float]]:
    return [found.confidence for found in bins], [found.accuracy for found in bins]


def _mark(number: int) -> JsonDict:
    colour = SERIES[number % len(SERIES)]
    return {"color": colour, "marker": MARKERS[number % len(MARKERS)], "linestyle": "none", "markersize": 5.5}


def _reaches(scores: Sequence[Score]) -> list[list[float]] | None:
    """How far the intervals reach below and above. *Shape:* (2, scores)"""
    if any(score.accuracy_interval is None for score in scores):
        return None
    pairs = [(score.accuracy, score.accuracy_interval or (0, 0)) for score in scores]
    # An interval of percentiles may, by rounding, end on the score's other side.
    low = [max(0.0, 100 * (value - ends[0])) for value, ends in pairs]
    high = [max(0.0, 100 * (ends[1] - value)) for value, ends in pairs]
    return [low, high]


def _gaps(model: ModelScores, source: str, targets: Sequence[str]) -> list[float]:
    at_source = model.languages[source].accuracy
    return [at_source - model.languages[language].accuracy for language in targets]


def _correlation(distances: Sequence[float], gaps: Sequence[float]) -> str:
    if len(distances) < FEWEST or len(set(gaps)) < 2 or len(set(distances)) < 2:
        return ""
    return (
        f"rank correlation {spearmanr(distances, gaps).statistic:.2f} (Spearman, {len(distances)} languages)"
    )


def _thinned(rows: list[T], limit: int = 60) -> list[T]:
    """Rows at even distances, the last one among them: a table is for reading."""
    step = -(-len(rows) // limit)
    return rows[::-1][::step][::-1]
