"""An evaluation as text."""

from collections.abc import Iterable, Sequence

from wasabi import table

from .bootstrap import Interval
from .records import Evaluation, ModelScores, Score

DETAILS = ("language", "texts", "accuracy", "macro F1", "micro F1", "macro AUC", "ECE", "most often taken")
# Mistakes that are printed; JSON and HTML have all that were asked for.
PRINTED, WIDTH = 5, 60


def format_evaluation(evaluation: Evaluation, *, details: bool = True) -> str:
    """Format an evaluation: accuracy of all pipelines side by side, then, as details, the other scores of
    each, and the mistakes that it is surest of.
    """
    parts = [format_accuracy(evaluation)]
    for name, model in evaluation.models.items() if details else ():
        parts += [f"\n{name}, in percent", format_model(model, evaluation.languages)]
        if lines := format_mistakes(model):
            parts += [f"{name}, the surest of its mistakes", "\n".join(lines)]
    return "\n".join(parts)


def format_accuracy(evaluation: Evaluation) -> str:
    """Format accuracy in percent, with its interval, as a table of languages by pipelines; below it the mean
    of the targets, the worst of them and the gap.
    """
    models = list(evaluation.models.values())
    rows = [
        (
            language,
            _texts(models, language),
            *(accuracy_cell(model.languages.get(language)) for model in models),
        )
        for language in evaluation.languages
    ]
    transfers = [model.transfer["accuracy"] for model in models]
    if any(found.targets is not None for found in transfers):
        rows += [
            ("", "", *("" for _ in models)),
            (
                "mean of the targets",
                "",
                *(percent(found.targets, found.targets_interval) for found in transfers),
            ),
            ("worst target", "", *(_worst(model) for model in models)),
            ("gap", "", *(percent(found.gap, found.gap_interval) for found in transfers)),
        ]
    aligns = ("l", *"r" * (len(models) + 1))
    return str(table(rows, header=("language", "texts", *evaluation.models), divider=True, aligns=aligns))


def format_model(model: ModelScores, languages: Sequence[str]) -> str:
    """Format the scores of a pipeline as a table of languages, in their order, by scores, in percent."""
    rows = [_details(language, model) for language in languages if language in model.languages]
    aligns = ("l", *"r" * (len(DETAILS) - 2), "l")
    return str(table(rows, header=DETAILS, divider=True, aligns=aligns))


def format_mistakes(model: ModelScores, limit: int = PRINTED) -> list[str]:
    """Format the mistakes that a pipeline is surest of, of all languages: a line for each."""
    found = [(language, mistake) for language, score in model.languages.items() for mistake in score.mistakes]
    found.sort(key=lambda pair: -pair[1].score)
    return [
        f"{language}  {mistake.score:.2f}  {_joined(mistake.gold)} taken for {_joined(mistake.predicted)}: "
        f"{shortened(' '.join(mistake.text.split()), WIDTH)}"
        for language, mistake in found[:limit]
    ]


def most_confused(model: ModelScores, score: Score) -> tuple[str, str, int] | None:
    """The label that is most often taken for another one in a language, what it is taken for and how often;
    None without a mistake, or where texts aren't exclusive.
    """
    if not model.exclusive:
        return None
    names = [*model.labels, "other classes"]
    pairs = [
        (count, row, column)
        for row, counts in enumerate(score.confusion)
        for column, count in enumerate(counts)
        if row != column and count
    ]
    if not pairs:
        return None
    count, row, column = max(pairs, key=lambda pair: pair[0])
    return names[row], names[column], count


def percent(value: float | None, ends: Interval | None = None) -> str:
    """Format a share in percent, with its interval: e.g. "50.0 [40.1, 59.8]", and "-" for None."""
    if value is None:
        return "-"
    shown = f"{100 * value:.1f}"
    return shown if ends is None else f"{shown} [{100 * ends[0]:.1f}, {100 * ends[1]:.1f}]"


def _texts(models: Iterable[ModelScores], language: str) -> str:
    """Number of texts; pipelines differ in it only where one knows none of the labels of some."""
    return f"{max(model.languages[language].texts for model in models if language in model.languages):,}"


def accuracy_cell(score: Score | None) -> str:
    """The accuracy of a cell of a table, with its interval; a dash for none."""
    return "-" if score is None else percent(score.accuracy, score.accuracy_interval)


def _worst(model: ModelScores) -> str:
    worst = model.transfer["accuracy"].worst_target
    return "-" if worst is None else f"{worst} {percent(model.languages[worst].accuracy)}"


def _details(language: str, model: ModelScores) -> tuple[str, ...]:
    score = model.languages[language]
    confused = most_confused(model, score)
    return (
        language,
        f"{score.texts:,}",
        percent(score.accuracy),
        percent(score.macro_f1, score.macro_f1_interval),
        percent(score.micro_f1),
        percent(score.macro_auc),
        percent(score.ece),
        "" if confused is None else "{} for {} ({})".format(*confused),
    )


def _joined(labels: Sequence[str]) -> str:
    return ", ".join(labels) or "nothing"


def shortened(text: str, limit: int = 22) -> str:
    """A text, or its start and a sign where it has more characters than the limit."""
    return text if len(text) <= limit else text[: limit - 1] + "…"
