"""Scorers: accuracy among the scores of a text classifier, and scores of each language for any component."""

import numbers
from collections.abc import Callable, Iterable, Mapping
from functools import partial
from typing import Any

from spacy.scorer import Scorer as SpacyScorer
from spacy.training import Example

from ..data.languages import UNKNOWN, rows_by_language

Scores = dict[str, Any]
Scorer = Callable[..., Scores]

# Not a measure of quality, so its mean over languages says nothing.
NO_SCORES = ("speed",)


def build_textcat_scorer_v1(multi_label: bool = False) -> Scorer:
    """Build the scorer of text classifiers, registered as `spacy-xling.textcat_scorer.v1`: spaCy's scores
    and, as `cats_acc`, accuracy.

    multi_label (bool): Texts may have any number of labels.
    RETURNS (Scorer): Examples, with what settings the component gives its scorer, to scores by name.
    """
    return partial(score_textcat, multi_label)


def score_textcat(multi_label: bool, examples: Iterable[Example], /, **settings: Any) -> Scores:
    """Score categories as spaCy does, and add `cats_acc`: the share of the annotated texts all of whose known
    labels are right. Without `multi_label` that is: whose label with the highest score is theirs.

    multi_label (bool): Texts may have any number of labels.
    examples (Iterable[Example]): The examples, with predictions.
    settings: `labels`, `threshold` and the like.
    RETURNS (Scores): The scores; accuracy is None where no text is annotated.
    """
    examples = list(examples)
    threshold = settings.get("threshold")
    right = [
        _is_right(eg, multi_label, 0.5 if threshold is None else threshold)
        for eg in examples
        if eg.reference.cats
    ]
    scores: Scores = SpacyScorer.score_cats(examples, "cats", multi_label=multi_label, **settings)
    return {**scores, "cats_acc": sum(right) / len(right) if right else None}


def _is_right(example: Example, multi_label: bool, threshold: float) -> bool:
    gold, predicted = example.reference.cats, example.predicted.cats
    if multi_label:
        return all((predicted.get(name, 0.0) >= threshold) == (gold[name] >= 0.5) for name in gold)
    return bool(predicted) and max(predicted, key=predicted.__getitem__) == max(gold, key=gold.__getitem__)


def build_by_language_scorer_v1(scorer: Callable, source: str) -> Scorer:
    """Build a scorer that also scores each language, registered as `spacy-xling.by_language_scorer.v1`.

    It goes around the scorer of any component, in its block of the config:

        [components.ner.scorer]
        @scorers = "spacy-xling.by_language_scorer.v1"
        source = "en"

        [components.ner.scorer.scorer]
        @scorers = "spacy.ner_scorer.v1"

    See `score_by_language` for what it gives. Its scores may be given weights under
    `[training.score_weights]`, where those that a component weights by default, such as `ents_f`, continue
    counting until they are set to 0 or null.

    scorer (Callable): The component's scorer.
    source (str): Language of the training labels; all others are targets.
    RETURNS (Scorer): Examples, with what settings the component gives its scorer, to scores by name.
    """
    # A partial, for it can be pickled, and positional, for a component may have settings of these names.
    return partial(score_by_language, scorer, source)


def score_by_language(scorer: Scorer, source: str, examples: Iterable[Example], /, **settings: Any) -> Scores:
    """Score all examples, and those of each language.

    The scores of all examples keep their names and values. To each that is a number, e.g. `ents_f`, are added

        ents_f_LANG          the score of the examples in LANG alone
        ents_f_targets       sum over the targets t of ents_f_t / number of targets
        ents_f_worst_target  min over the targets t of ents_f_t
        ents_f_gap           ents_f_SOURCE - ents_f_targets

    and to each that is a mapping, as `ents_per_type`, the mappings by language: `ents_per_type_by_language`.
    A score that has no value in a language is None there and is left out of the mean; a mean, minimum or gap
    of nothing is None, too. Each score is what the scorer makes of a language's examples: in spaCy's means
    over labels, for instance, a label that doesn't occur in a language counts as 0 there.

    Examples whose `reference` doesn't name its language in `doc._.language` count among all examples only.
    The scorer is called once, and once more for each language of several.

    scorer (Scorer): The scorer.
    source (str): The source language.
    examples (Iterable[Example]): The examples, with predictions.
    settings: What the scorer takes besides.
    RETURNS (Scores): The scores.
    """
    examples = list(examples)
    rows = rows_by_language([eg.reference for eg in examples])
    overall = scorer(examples, **settings)
    if len(rows) == 1 and UNKNOWN not in rows:
        by_language = dict.fromkeys(rows, overall)
    else:
        by_language = {
            language: scorer([examples[row] for row in numbers], **settings)
            for language, numbers in rows.items()
            if language != UNKNOWN
        }
    added: Scores = {}
    for key in overall:
        values = {language: scores.get(key) for language, scores in by_language.items()}
        added.update(_added(key, [overall[key], *values.values()], values, source))
    return {**overall, **added, **overall}


def _added(key: str, found: list[Any], values: Mapping[str, Any], source: str) -> Scores:
    """What is added to the score `key`. Of the values found for all examples and for each language some may
    be None, but not their kind.
    """
    if any(isinstance(value, Mapping) for value in found):
        return {f"{key}_by_language": dict(values)}
    if key in NO_SCORES or not any(map(_is_number, found)):
        return {}
    targets = [value for language, value in values.items() if language != source and value is not None]
    mean = sum(targets) / len(targets) if targets else None
    at_source: float | None = values.get(source)
    return {
        **{f"{key}_{language}": value for language, value in values.items()},
        f"{key}_targets": mean,
        f"{key}_worst_target": min(targets, default=None),
        f"{key}_gap": None if mean is None or at_source is None else at_source - mean,
    }


def _is_number(value: Any) -> bool:
    return isinstance(value, numbers.Real) and not isinstance(value, bool)
