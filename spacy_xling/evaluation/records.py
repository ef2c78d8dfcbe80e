"""What an evaluation found: records that JSON can hold."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass

from ..data.languages import sort_languages
from ..types import JsonDict
from .bootstrap import Interval
from .explained import ExplainedMistake
from .mistakes import Mistake
from .reliability import Bin

# Beside the names of models in JSON, the key of what isn't by model and language.
EVALUATION_KEY = "$evaluation"


@dataclass(frozen=True)
class LabelScores:
    """The scores of a label in a language.

    support (int): Texts that have it.
    predicted (int): Texts that are given it.
    precision (float): Share of those given it that have it.
    recall (float): Share of those that have it that are given it.
    f1 (float): Their harmonic mean.
    f1_interval (Interval | None): Its confidence interval.
    """

    support: int
    predicted: int
    precision: float
    recall: float
    f1: float
    f1_interval: Interval | None


@dataclass(frozen=True)
class Score:
    """The scores of a pipeline on the texts of a language, see `metrics`. Intervals are None without samples.

    texts (int): Number of labelled texts.
    accuracy (float): Share of the texts all of whose known labels are right, from 0 to 1.
    accuracy_interval (Interval | None): Its confidence interval, here and below.
    macro_f1 (float): Mean of the F1 of all labels of the pipeline.
    micro_f1 (float): F1 of the sums over all labels of the pipeline.
    macro_auc (float): Mean of the area under the ROC curve of all labels of the pipeline.
    ece (float | None): Expected calibration error; None where scores are no probabilities.
    labels (Mapping[str, LabelScores]): Scores by label of the pipeline.
    confusion (list[list[int]]): See `metrics.confusion`.
    reliability (Sequence[Bin] | None): Bins of probability; None as `ece`.
    mistakes (Sequence[Mistake]): The worst mistakes.
    """

    texts: int
    accuracy: float
    accuracy_interval: Interval | None
    macro_f1: float
    macro_f1_interval: Interval | None
    micro_f1: float
    micro_f1_interval: Interval | None
    macro_auc: float
    ece: float | None
    labels: Mapping[str, LabelScores]
    confusion: list[list[int]]
    reliability: Sequence[Bin] | None
    mistakes: Sequence[Mistake]


@dataclass(frozen=True)
class Transfer:
    """How a score travels from the source to the targets: all other languages that are known by name.

    source (float | None): The score of the source; None without texts of it.
    targets (float | None): Mean of the targets' scores, each language alike; None without targets.
    targets_interval (Interval | None): Its confidence interval: texts are drawn within each language, as
        if no text of one were the translation of another's. Of translations it is too narrow, and that of the
        gap too wide.
    worst_target (str | None): The target with the lowest score, the first by name of equal ones.
    gap (float | None): Source minus mean of the targets; None where one of them is.
    gap_interval (Interval | None): Its confidence interval.
    """

    source: float | None
    targets: float | None
    targets_interval: Interval | None
    worst_target: str | None
    gap: float | None
    gap_interval: Interval | None


@dataclass(frozen=True)
class ModelScores:
    """The scores of a pipeline.

    labels (Sequence[str]): Its labels.
    exclusive (bool): Each text has one of them.
    threshold (float): Where not, the score from which a label counts as given.
    unseen (Mapping[str, int]): Texts of each label that it doesn't have.
    inexact (int): Texts that keep it from being exclusive, see `Predictions`.
    languages (Mapping[str, Score]): Scores by language.
    transfer (Mapping[str, Transfer]): Of "accuracy", "macro_f1" and "micro_f1".
    explained (Sequence[ExplainedMistake]): The worst mistakes of all languages, explained, if that was asked
        for.
    """

    labels: Sequence[str]
    exclusive: bool
    threshold: float
    unseen: Mapping[str, int]
    inexact: int
    languages: Mapping[str, Score]
    transfer: Mapping[str, Transfer]
    explained: Sequence[ExplainedMistake] = ()


@dataclass(frozen=True)
class Evaluation:
    """Pipelines on the same texts.

    models (Mapping[str, ModelScores]): Scores by the pipeline's name.
    data (str): Where the texts are from.
    source (str): The source language.
    confidence (float): Share of the samples between the ends of an interval.
    resamples (int): Number of samples; 0 for no intervals.
    seed (int): Seed of the samples.
    warnings (Sequence[str]): What is to be known about the texts and the labels.
    """

    models: Mapping[str, ModelScores]
    data: str
    source: str
    confidence: float
    resamples: int
    seed: int
    warnings: Sequence[str]

    @property
    def languages(self) -> list[str]:
        """The languages of any pipeline: the source first, then by name, "-" last."""
        found = {language for model in self.models.values() for language in model.languages}
        return sort_languages(found, self.source)

    def to_json(self) -> JsonDict:
        """What JSON holds: scores by the pipeline's name and language, the rest under `EVALUATION_KEY`."""
        rest = asdict(self)
        models = rest.pop("models")
        scores = {name: model.pop("languages") for name, model in models.items()}
        for by_language in scores.values():
            for score in by_language.values():
                score["mistakes"] = [mistake._asdict() for mistake in score["mistakes"]]
                bins = score["reliability"]
                score["reliability"] = None if bins is None else [found._asdict() for found in bins]
        return {**scores, EVALUATION_KEY: {**rest, "models": models}}
