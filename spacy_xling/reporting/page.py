"""From an evaluation to one HTML file that needs no network."""

import base64
import hashlib
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from ..data.languages import UNKNOWN
from ..errors import Errors
from ..evaluation.records import Evaluation, Score
from ..evaluation.tables import percent, shortened
from ..explaining.rendering import render_texts
from ..types import JsonDict
from .drawing import SERIES, Picture, Table, require_matplotlib
from .heat_maps import confusion_grid, confusion_picture, label_picture
from .inputs import NO_EXTRAS, Closeness, Extras
from .pictures import (
    FEWEST_JOINED,
    accuracy_picture,
    closeness_picture,
    curves_pictures,
    reliability_pictures,
)

TEMPLATES = Path(__file__).parent / "templates"
# Characters of a text in the table of mistakes; JSON has all of it.
LONGEST = 400


class MistakeRow(NamedTuple):
    """A row of the table of mistakes, with numbers for the pipeline, the text's labels and those that it is
    given. `tag` is the language as HTML takes it, "" for one that isn't known; `score` says how sure the
    pipeline is.
    """

    model: int
    language: str
    tag: str
    gold: Sequence[int]
    predicted: Sequence[int]
    score: float
    text: str


def render_report(evaluation: Evaluation, extras: Extras = NO_EXTRAS) -> str:
    """Make the report of an evaluation and some extras.

    RAISES (ImportError): matplotlib is missing. (ValueError): The closeness is of other languages.
    """
    closeness, logs = extras
    require_matplotlib("--html")
    check_closeness(evaluation, closeness)
    labels = _labels_of_mistakes(evaluation)
    confusions, grids = _confusions(evaluation)
    series = range(max(len(evaluation.models), len(logs)))
    script = _read("report.js")
    environment = Environment(
        loader=FileSystemLoader(TEMPLATES),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters.update(percent=percent, named=_named, numbered=enumerate)
    return environment.get_template("report.html.jinja").render(
        evaluation=evaluation,
        series=[number % len(SERIES) for number in series],
        style=Markup(_read("report.css")),
        script=Markup(script),
        # The page's policy lets this script run, and no other.
        script_hash=base64.b64encode(hashlib.sha256(script.encode("utf-8")).digest()).decode("ascii"),
        accuracy=accuracy_picture(evaluation),
        scores=score_table(evaluation),
        closeness=None if closeness is None else closeness_picture(evaluation, closeness),
        encoder=None if closeness is None else closeness.encoder,
        curves=curves_pictures(logs),
        logs=list(logs),
        heat_maps=[
            label_picture(f"labels-{number}", name, model, evaluation.languages)
            for number, (name, model) in enumerate(evaluation.models.items())
        ],
        confusions=confusions,
        grids=grids,
        reliability=reliability_pictures(evaluation),
        fewest=FEWEST_JOINED,
        labels=labels,
        mistakes=mistake_rows(evaluation, labels),
        render_texts=render_texts,
        # matplotlib has escaped its texts.
        svg=Markup,
    )


def check_closeness(evaluation: Evaluation, closeness: Closeness | None) -> None:
    """Refuse a closeness that has no target language in common with an evaluation.

    RAISES (ValueError): X785.
    """
    targets = [name for name in evaluation.languages if name not in (evaluation.source, UNKNOWN)]
    if closeness is not None and not set(targets) & set(closeness.distances):
        found, expected = ", ".join(closeness.distances), ", ".join(targets) or "none"
        raise ValueError(Errors.X785.format(encoder=closeness.encoder, found=found, expected=expected))


def score_table(evaluation: Evaluation) -> Table:
    """All scores by language and pipeline."""
    header = ("language", "pipeline", "texts", "accuracy", "macro F1", "micro F1", "macro AUC", "ECE")
    return Table(
        header,
        [
            (language, name, *_cells(model.languages[language]))
            for language in evaluation.languages
            for name, model in evaluation.models.items()
            if language in model.languages
        ],
    )


def mistake_rows(evaluation: Evaluation, labels: Sequence[str]) -> list[MistakeRow]:
    """The mistakes of all pipelines, the surest first; `labels` are all labels of mistakes."""
    numbers = {label: number for number, label in enumerate(labels)}
    rows = [
        MistakeRow(
            number,
            language,
            "" if language == UNKNOWN else language.replace("_", "-"),
            [numbers[label] for label in mistake.gold],
            [numbers[label] for label in mistake.predicted],
            mistake.score,
            shortened(mistake.text, LONGEST),
        )
        for number, model in enumerate(evaluation.models.values())
        for language, score in model.languages.items()
        for mistake in score.mistakes
    ]
    return sorted(rows, key=lambda row: -row.score)


def _cells(score: Score) -> tuple[str, ...]:
    return (
        f"{score.texts:,}",
        percent(score.accuracy, score.accuracy_interval),
        percent(score.macro_f1, score.macro_f1_interval),
        percent(score.micro_f1, score.micro_f1_interval),
        percent(score.macro_auc),
        percent(score.ece),
    )


def _labels_of_mistakes(evaluation: Evaluation) -> list[str]:
    found = {
        label
        for model in evaluation.models.values()
        for score in model.languages.values()
        for mistake in score.mistakes
        for label in (*mistake.gold, *mistake.predicted)
    }
    return sorted(found)


def _confusions(evaluation: Evaluation) -> tuple[list[Picture], JsonDict]:
    """The figures, and for each what stands in its cells by language; "" is all of them."""
    confusions, grids = [], {}
    for number, (name, model) in enumerate(evaluation.models.items()):
        languages = [language for language in evaluation.languages if language in model.languages]
        whole = confusion_grid(model, languages)
        key = f"confusion-{number}"
        confusions.append(confusion_picture(key, name, model, whole))
        found = {"": whole, **{one: confusion_grid(model, [one]) for one in languages}}
        grids[key] = {one: {"cells": grid.cells, "shares": grid.shares} for one, grid in found.items()}
    return confusions, grids


def _named(names: Sequence[str]) -> list[tuple[str, str]]:
    """Options whose values are what they show."""
    return [(name, name) for name in names]


def _read(name: str) -> str:
    return (TEMPLATES / name).read_text(encoding="utf-8")
