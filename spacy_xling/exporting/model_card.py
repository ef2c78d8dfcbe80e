"""The model card of a pipeline on the hub: what it was made of, what was measured, and how to use it."""

import json
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from spacy.language import Language

from ..data.languages import UNKNOWN
from ..encoders.cards import hub_name, markdown_table
from ..errors import Errors, one_line
from ..evaluation.records import EVALUATION_KEY
from ..evaluation.tables import percent
from ..models.contracts import classifier_of
from ..pipeline.calibrated import Calibration
from ..pipeline.xling_textcat import XlingTextCategorizer
from .exporting import REQUIREMENTS_FILE

# Which repositories were pushed by this package.
TAG = "spacy-xling"
# The texts of a config's [paths] that are named in a card.
PATHS = ("train", "dev", "unlabelled", "parallel", "dictionaries", "translations")
# The extras that components need, by factory.
EXTRAS = {"transformer": "shared", "xling_translator": "translate"}
PIPELINE_USE = """\
```python
# pip install {package}
import spacy
from huggingface_hub import snapshot_download

nlp = spacy.load(snapshot_download("{repo}"))
print(nlp("A text.").cats)
```
"""
# What an exported pipeline needs lies in its folder.
EXPORTED_USE = """\
```sh
pip install huggingface_hub
hf download {repo} --local-dir model
pip install -r model/requirements.txt
```

```python
import spacy

nlp = spacy.load("model")
print(nlp("A text.").cats)
```
"""
TRANSFORMERS_USE = """\
```python
from transformers import pipeline

classify = pipeline("text-classification", model="{repo}", top_k=None)
print(classify(["A text."], truncation=True))
```
"""
SCORES = ("language", "texts", "accuracy", "macro F1", "ECE")


class Scores(NamedTuple):
    """What `spacy xling evaluate --json` wrote of a pipeline.

    data (str): Name of the test text.
    source (str): Language of the training labels.
    languages (Mapping[str, Any]): Scores by language, see `evaluation.records.Score`.
    """

    data: str
    source: str
    languages: Mapping[str, Any]


class Described(NamedTuple):
    """What a card describes.

    nlp (Language): The pipeline.
    pipe (XlingTextCategorizer): Its text classifier.
    scores (Scores | None): What was measured.
    license (str | None): The model's licence, by its identifier on the hub.
    for_transformers (bool): It is a checkpoint for `transformers`, and not the pipeline.
    limits (Sequence[str]): Further limits, each a sentence.
    """

    nlp: Language
    pipe: XlingTextCategorizer
    scores: Scores | None
    license: str | None
    for_transformers: bool
    limits: Sequence[str]


def read_scores(path: Path, name: str, labels: Sequence[str]) -> Scores:
    """Read what an evaluation has found of one pipeline.

    path (Path): What `spacy xling evaluate --json` wrote.
    name (str): The component, for errors.
    labels (Sequence[str]): Its labels.
    RETURNS (Scores): The scores.
    RAISES (ValueError): X727: it can't be read, or is of several pipelines, or of one with other labels.
    """
    try:
        found = json.loads(path.read_text(encoding="utf8"))
        evaluation = found.pop(EVALUATION_KEY)
        if len(found) != 1:
            raise ValueError(f"it has {len(found)} pipelines")
        ((model, languages),) = found.items()
        if set(evaluation["models"][model]["labels"]) != set(labels):
            raise ValueError("the labels differ")
        for scores in languages.values():
            _score_cells("", scores)
        return Scores(Path(evaluation["data"]).name, evaluation["source"], languages)
    # Of a file of another kind, Python says each time something else.
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        said = f"{type(error).__name__}: {one_line(error)}"
        raise ValueError(Errors.X727.format(path=path, name=name, error=said)) from error


def format_card(described: Described, repo: str) -> str:
    """Write a card, in Markdown: metadata that the hub reads, and what a reader wants to know."""
    sections = [
        f"# {_plain(repo.split('/')[-1])}\n\n{_introduction(described)}",
        f"## Use\n\n{_use(described, repo)}",
        f"## Data\n\n{_data(described)}",
        f"## Scores\n\n{_scores(described)}",
        f"## Calibration\n\n{_calibration(described)}",
        f"## Limits\n\n{_limits(described)}",
    ]
    return f"---\n{_metadata(described, repo)}\n---\n\n" + "\n".join(sections)


def _metadata(described: Described, repo: str) -> str:
    from huggingface_hub import ModelCardData

    codes = {re.split("[-_]", language)[0].lower() for language in _languages(described)}
    # The hub takes codes of ISO 639.
    known = sorted(code for code in codes if re.fullmatch("[a-z]{2,3}", code))
    data = ModelCardData(
        language=known or None,
        license=described.license,
        library_name="transformers" if described.for_transformers else "spacy",
        pipeline_tag="text-classification",
        tags=[TAG, "text-classification", *([] if described.for_transformers else ["spacy"])],
        base_model=_base_model(described),
        model_name=repo.split("/")[-1],
        eval_results=_results(described.scores),
    )
    return str(data.to_yaml()).strip()


def _results(scores: Scores | None) -> list[Any] | None:
    """What becomes `model-index`: accuracy and macro F1 of each language."""
    from huggingface_hub import EvalResult

    if scores is None:
        return None
    return [
        EvalResult(
            task_type="text-classification",
            dataset_type=scores.data,
            dataset_name=f"{scores.data} ({language})",
            dataset_config=language,
            dataset_split="test",
            metric_type=metric,
            metric_name=name,
            metric_value=score[key],
        )
        for language, score in scores.languages.items()
        for key, metric, name in (("accuracy", "accuracy", "accuracy"), ("macro_f1", "f1", "macro F1"))
    ]


def _languages(described: Described) -> list[str]:
    calibration = described.pipe.calibration or Calibration()
    measured = described.scores.languages if described.scores else {}
    found = {*measured, *calibration.by_language, *calibration.offsets, described.nlp.lang}
    return sorted(found - {UNKNOWN, "xx"})


def _base_model(described: Described) -> str | None:
    model = described.nlp.config["components"][described.pipe.name]["model"]
    name = hub_name(str(model.get("encoder", {}).get("name", "")))
    # Another machine's folder is no name on the hub.
    return name if name and re.fullmatch(r"\w[\w.-]*(/\w[\w.-]*)?", name) else None


def _introduction(described: Described) -> str:
    labels = _plain(", ".join(described.pipe.labels))
    kind = "one of the labels" if described.pipe.exclusive_classes else "any number of the labels"
    languages = ", ".join(_languages(described)) or "not named"
    made = "exported for transformers from a" if described.for_transformers else "a"
    base = _base_model(described)
    return (
        f"A text classifier, {made} spaCy pipeline of spacy-xling. It gives a text {kind} {labels}.\n\n"
        f"Languages: {_plain(languages)}. Base model: {f'`{base}`' if base else 'not on the hub'}.\n"
    )


def _use(described: Described, repo: str) -> str:
    if described.for_transformers:
        return TRANSFORMERS_USE.format(repo=repo)
    nlp, is_exported = described.nlp, not classifier_of(described.pipe.model).is_trainable
    factories = {nlp.get_pipe_meta(name).factory for name in nlp.pipe_names}
    extras = {EXTRAS[name] for name in factories & EXTRAS.keys()}
    # They serve classifiers alone: the package that they install has no extras, and torch isn't there. One
    # that was loaded and saved again has none.
    if is_exported and not extras and (Path(str(nlp.path)) / REQUIREMENTS_FILE).is_file():
        return EXPORTED_USE.format(repo=repo)
    if is_exported:
        extras.add("onnx")
    package = f"'spacy-xling[{','.join(sorted(extras))}]'" if extras else "spacy-xling"
    return PIPELINE_USE.format(repo=repo, package=package)


def _data(described: Described) -> str:
    given: dict[str, int] = described.pipe.cfg["label_counts"]["given"]
    paths = described.nlp.config.get("paths", {})
    lines = [f"- {name}: {_file_names(paths[name])}\n" for name in PATHS if paths.get(name)]
    if lines:
        lines.insert(0, "Files of the training, by their setting:\n\n")
    if given:
        rows = [(_plain(label), f"{count:,}") for label, count in given.items()]
        lines += ["\n" if lines else "", markdown_table(("label", "training texts"), rows)]
    return "".join(lines) or "Not known.\n"


def _file_names(value: object) -> str:
    """Names without their folders, which are no one else's business."""
    paths = value if isinstance(value, list) else [value]
    return ", ".join(_plain(Path(str(path)).name) for path in paths)


def _scores(described: Described) -> str:
    if described.scores is None:
        return "Not measured.\n"
    rows = [_score_cells(language, score) for language, score in described.scores.languages.items()]
    data, source = map(_plain, (described.scores.data, described.scores.source))
    return (
        f"In percent, on {data}; the training labels are in {source}. "
        "Intervals are by bootstrap over texts, of one training.\n\n" + markdown_table(SCORES, rows)
    )


def _score_cells(language: str, score: Mapping[str, Any]) -> Sequence[str]:
    return (
        _plain(language),
        f"{score['texts']:,}",
        percent(score["accuracy"], score["accuracy_interval"]),
        percent(score["macro_f1"], score["macro_f1_interval"]),
        percent(score["ece"]),
    )


def _calibration(described: Described) -> str:
    calibration = described.pipe.calibration or Calibration()
    lines = []
    if calibration.temperature != 1:
        lines.append(f"Logits are divided by {calibration.temperature:.3f}.")
    if described.for_transformers:
        return " ".join(lines or ["Scores are not calibrated."]) + "\n"
    if calibration.by_language:
        by_language = ", ".join(f"{_plain(name)} {t:.3f}" for name, t in calibration.by_language.items())
        lines.append(f"Temperatures by language: {by_language}.")
    if calibration.offsets:
        names = _plain(", ".join(calibration.offsets))
        lines.append(f"Scores are centred by raw text of {names}: set `doc._.language`.")
    if calibration.abstain_below is not None:
        lines.append(
            f"`doc._.abstained` is True where the best score is below {calibration.abstain_below:.4f}."
        )
    return " ".join(lines or ["Scores are not calibrated."]) + "\n"


def _limits(described: Described) -> str:
    measured = sorted(described.scores.languages) if described.scores else []
    limits = [
        f"Nothing is known of languages other than {_plain(', '.join(measured))}."
        if measured
        else "How well it does in any language was not measured.",
        "It was trained on texts of one kind; of others, its scores say less than they seem to.",
        *described.limits,
    ]
    return "".join(f"- {limit}\n" for limit in limits)


def _plain(text: str) -> str:
    """A user's text where Markdown has none of its own signs."""
    return re.sub(r"([|`*_<>\[\]\\])", r"\\\1", " ".join(text.split()))
