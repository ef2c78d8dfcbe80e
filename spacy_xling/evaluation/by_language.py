"""How well pipelines classify the texts of each language: texts -> predictions -> scores -> a record."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from types import MappingProxyType
from typing import Any, NamedTuple

import spacy
from spacy.language import Language
from spacy.tokens import Doc
from spacy.util import is_package

from ..data.conversion import read_docs
from ..data.files import Kinds, find_files
from ..data.labelled import LabelledText
from ..data.languages import UNKNOWN, rows_by_language
from ..errors import Errors, Warnings, one_line
from ..pipeline.calibrated import CalibratedScores
from .bootstrap import DEFAULT_RESAMPLING, Resampling
from .explained import explain_mistakes
from .predictions import predict
from .records import Evaluation, ModelScores, Score
from .scoring import score_model

# Bootstrap samples, whose scores are held in memory together.
MOST_RESAMPLES = 1_000_000


class Texts(NamedTuple):
    """Labelled texts to score on, with categories and languages, and warnings of what was left out."""

    docs: Sequence[Doc]
    warnings: Sequence[str]


def evaluate_models(
    models: Mapping[str, Path],
    corpus: LabelledText,
    *,
    source: str = "en",
    threshold: float | None = None,
    resampling: Resampling = DEFAULT_RESAMPLING,
    mistakes: int = 20,
    uncentred: bool = False,
    explain: int = 0,
) -> Evaluation:
    """Score pipelines, one after the other, on each language of a corpus.

    models (Mapping[str, Path]): Folder of each pipeline, or name of its package, by the name to give it.
    corpus (LabelledText): The corpus.
    source (str): Language of the training labels; all others are targets.
    threshold (float | None): Score from which a label counts where texts have any number of them; None for
        the pipeline's own.
    resampling (Resampling): How intervals are made.
    mistakes (int): The most mistakes to list, for each pipeline and language.
    uncentred (bool): Score pipelines that are centred by language without their offsets, too, before.
    explain (int): The most mistakes of each pipeline to explain, of those that are listed.
    RETURNS (Evaluation): The record.
    RAISES (ValueError): Settings out of range, no pipeline at a path, and as `labelled_texts` and `predict`.
    """
    check_resampling(resampling)
    texts = labelled_texts(corpus)
    for path in models.values():
        require_pipeline(path)

    def score(nlp: Language) -> ModelScores:
        predictions = predict(nlp, texts.docs, threshold=threshold)
        scores = score_model(predictions, source=source, resampling=resampling, mistakes=mistakes)
        listed = {language: score.mistakes for language, score in scores.languages.items()}
        return replace(scores, explained=explain_mistakes(nlp, listed, explain))

    scores: dict[str, ModelScores] = {}
    warnings: list[str] = []
    for name, path in models.items():
        nlp = load_pipeline(path)
        warnings += centring_warnings(name, nlp, texts.docs, source)
        found = {name: score(nlp)}
        centred = centred_pipes(nlp) if uncentred else []
        for pipe in centred:
            pipe.offsets = {}
        if centred:
            found = {f"{name}, not centred": score(nlp), **found}
        scores |= found
    if uncentred and len(scores) == len(models):
        warnings.append(Warnings.W762)
    return Evaluation(
        models=scores,
        data=str(corpus.path),
        source=source,
        confidence=resampling.confidence,
        resamples=resampling.resamples,
        seed=resampling.seed,
        warnings=[
            *texts.warnings,
            *source_warnings(texts.docs, source),
            *warnings,
            *label_warnings(scores, texts.docs),
        ],
    )


def evaluate_by_language(
    nlp: Language,
    docs: Sequence[Doc],
    *,
    threshold: float | None = None,
    resampling: Resampling = DEFAULT_RESAMPLING,
    mistakes: int = 20,
) -> dict[str, Score]:
    """Score a pipeline on each language of some texts.

    nlp (Language): The pipeline; whichever component sets `doc.cats` counts.
    docs (Sequence[Doc]): Labelled texts.
    threshold (float | None): Score from which a label counts as given where texts have any number of
        labels; None for the pipeline's own. Where each has exactly one, the highest score counts.
    resampling (Resampling): How intervals are made.
    mistakes (int): The most mistakes to list, for each language.
    RETURNS (dict[str, Score]): Scores by language, in the order of their first text.
    RAISES (ValueError): As `predict`.
    """
    predictions = predict(nlp, docs, threshold=threshold)
    scores = score_model(predictions, source="", resampling=resampling, mistakes=mistakes)
    return dict(scores.languages)


def labelled_texts(corpus: LabelledText) -> Texts:
    """Read the labelled texts of a corpus, and note what it lacks.

    RAISES (ValueError): None is labelled, or it is not what the reader expects.
    """
    docs = read_docs(corpus)
    labelled = [doc for doc in docs if doc.cats]
    if not labelled:
        raise ValueError(Errors.X750.format(path=corpus.path))
    found, scored = rows_by_language(docs), rows_by_language(labelled)
    warnings = [
        Warnings.W750.format(language=language, count=len(rows))
        for language, rows in found.items()
        if language not in scored
    ]
    warnings += [
        Warnings.W751.format(path=file.path)
        for file in find_files(Path(str(corpus.path)), Kinds.LABELLED)
        if corpus.limit <= 0 and corpus.language is None and file.language not in (None, *found)
    ]
    if UNKNOWN in scored:
        warnings.append(Warnings.W756.format(count=len(scored[UNKNOWN])))
    return Texts(labelled, warnings)


def source_warnings(docs: Sequence[Doc], source: str) -> list[str]:
    """A warning if languages of texts are known, but the source isn't among them."""
    languages = sorted(set(rows_by_language(docs)) - {UNKNOWN})
    if not languages or source in languages:
        return []
    return [Warnings.W752.format(source=source, languages=", ".join(languages))]


def centred_pipes(nlp: Language) -> list[CalibratedScores]:
    """The components that are centred by language: those with offsets."""
    pipes = [pipe for _, pipe in nlp.pipeline if isinstance(pipe, CalibratedScores)]
    return [pipe for pipe in pipes if pipe.offsets]


def centring_warnings(name: str, nlp: Language, docs: Sequence[Doc], source: str) -> list[str]:
    """A warning for each component that is centred, but has no offsets for some target languages of the
    texts. One that reads translations needs none.
    """
    warnings = []
    for pipe in [pipe for pipe in centred_pipes(nlp) if pipe.text_field == "text"]:
        missing = sorted(set(rows_by_language(docs)) - {source, UNKNOWN} - pipe.offsets.keys())
        if missing:
            found = ", ".join(pipe.offsets)
            warnings.append(Warnings.W759.format(languages=", ".join(missing), name=name, found=found))
    return warnings


def label_warnings(models: Mapping[str, ModelScores], docs: Sequence[Doc]) -> list[str]:
    """A warning for each difference of pipelines' labels from those of the texts, and from each other's."""
    annotated = {label for doc in docs for label in doc.cats}
    common = set.intersection(*(set(model.labels) for model in models.values()))
    warnings = []
    for name, model in models.items():
        if model.inexact:
            warnings.append(Warnings.W757.format(name=name, count=model.inexact, threshold=model.threshold))
        for label, count in model.unseen.items():
            warnings.append(Warnings.W753.format(label=label, count=count, name=name))
        if absent := [label for label in model.labels if label not in annotated]:
            warnings.append(Warnings.W754.format(labels=", ".join(absent), name=name))
        if own := [label for label in model.labels if label not in common]:
            warnings.append(Warnings.W755.format(labels=", ".join(own), name=name))
        if lacking := lacking_labels(model, annotated):
            found = "; ".join(f"{language}: {_first(labels)}" for language, labels in lacking.items())
            warnings.append(Warnings.W758.format(found=found, name=name))
    return warnings


def lacking_labels(model: ModelScores, labels: Collection[str]) -> dict[str, list[str]]:
    """Those of some labels of a pipeline that no text of a language has, by language; one that has texts of
    all is left out.
    """
    found = {
        language: [label for label, one in score.labels.items() if label in labels and not one.support]
        for language, score in model.languages.items()
    }
    return {language: missing for language, missing in found.items() if missing}


def check_resampling(resampling: Resampling) -> None:
    """Refuse settings of intervals that say nothing.

    RAISES (ValueError): The confidence isn't between 0 and 1, a number is negative, or memory has no room for
        that many samples.
    """
    if not 0 < resampling.confidence < 1:
        raise ValueError(Errors.X755.format(confidence=resampling.confidence))
    if not 0 <= resampling.resamples <= MOST_RESAMPLES or resampling.seed < 0:
        raise ValueError(Errors.X756.format(resamples=resampling.resamples, seed=resampling.seed))


def require_pipeline(path: Path) -> None:
    """Look, before any work, for the folder of a trained pipeline, or an installed package of its name.

    RAISES (ValueError): There is none.
    """
    if not path.exists() and not is_package(str(path)):
        raise ValueError(Errors.X751.format(path=path, error="there is no such folder, and no such package"))


def load_pipeline(path: Path, overrides: Mapping[str, Any] = MappingProxyType({})) -> Language:
    """Load a trained pipeline.

    path (Path): Its folder, or the name of an installed package.
    overrides (Mapping[str, Any]): Settings of its config to change, by dot name.
    RAISES (ValueError): There is none, or not a whole one.
    """
    try:
        return spacy.load(path, config=dict(overrides))
    except Exception as error:
        if str(error).startswith("[X"):
            raise
        # Of a folder that is half written, each library complains in its own way.
        said = f"{type(error).__name__}: {one_line(error)}"
        raise ValueError(Errors.X751.format(path=path, error=said)) from error


def column_names(paths: Sequence[Path]) -> list[str]:
    """Short names for pipelines: their paths without the folders that all have in common, at either end."""
    parts = [path.parts for path in paths]
    if len(set(parts)) < 2:
        return [path.name for path in paths]
    shortest = min(map(len, parts))
    start = next(n for n in range(shortest + 1) if len({part[: n + 1] for part in parts}) > 1)
    end = next(n for n in range(shortest + 1) if len({part[len(part) - n - 1 :] for part in parts}) > 1)
    names = ["/".join(part[start : len(part) - end]) or part[-1] for part in parts]
    return names if len(set(names)) == len(set(parts)) else [str(path) for path in paths]


def _first(names: Sequence[str], most: int = 3) -> str:
    """Names with commas, of many the first."""
    return ", ".join(names[:most]) + (f" and {len(names) - most} more" if len(names) > most else "")
