"""Scores by language and accuracy, against values by hand."""

import pickle

import pytest
import spacy
from spacy.scorer import Scorer
from spacy.training import Example
from spacy.util import registry

from spacy_xling.data.languages import set_language
from spacy_xling.evaluation.scorers import build_by_language_scorer_v1
from tests.conftest import MULTI, SINGLE, textcat_config
from tests.conftest import make_examples as make_cats_examples

# By language


def make_examples(nlp, *rows):
    """Examples of a language each, with a number as their text."""
    examples = [Example(nlp.make_doc(str(value)), nlp.make_doc(str(value))) for _, value in rows]
    for example, (language, _) in zip(examples, rows, strict=True):
        set_language(example.reference, language)
    return examples


class MeanOfNumbers:
    """A scorer that takes the mean of the texts as numbers, and keeps what it was called with."""

    def __init__(self):
        self.calls = []

    def __call__(self, examples, **settings):
        found = [float(eg.reference.text) for eg in examples if eg.reference.text != "0"]
        self.calls.append((len(examples), settings))
        mean = sum(found) / len(found) if found else None
        return {"acc": mean, "acc_per_type": found and {"A": {"f": mean}}, "acc_desc": "x", "speed": 9.0}


@pytest.fixture
def scorer():
    return MeanOfNumbers()


def test_means_by_hand(nlp, scorer):
    rows = [("en", 8), ("da", 4), ("da", 2), ("de", 1), ("en", 4)]
    scores = build_by_language_scorer_v1(scorer, source="en")(make_examples(nlp, *rows))
    assert {key: value for key, value in scores.items() if not key.startswith("acc_per_type")} == {
        "acc": (8 + 4 + 2 + 1 + 4) / 5,
        "acc_en": 6.0,
        "acc_da": 3.0,
        "acc_de": 1.0,
        # Each language alike, whatever its number of texts.
        "acc_targets": 2.0,
        "acc_worst_target": 1.0,
        "acc_gap": 4.0,
        "acc_desc": "x",
        "speed": 9.0,
    }


def test_nested_scores_are_by_language(nlp, scorer):
    scores = build_by_language_scorer_v1(scorer, source="en")(make_examples(nlp, ("en", 2), ("da", 4)))
    assert scores["acc_per_type"] == {"A": {"f": 3.0}}
    assert scores["acc_per_type_by_language"] == {"en": {"A": {"f": 2.0}}, "da": {"A": {"f": 4.0}}}
    assert not {"acc_per_type_en", "acc_per_type_targets"} & scores.keys()


def test_a_language_without_a_score_is_none_and_not_in_the_mean(nlp, scorer):
    rows = [("en", 8), ("da", 4), ("de", 0)]
    scores = build_by_language_scorer_v1(scorer, source="en")(make_examples(nlp, *rows))
    assert scores["acc_de"] is None
    assert (scores["acc_targets"], scores["acc_worst_target"], scores["acc_gap"]) == (4.0, 4.0, 4.0)


def test_a_text_without_a_language_counts_in_the_overall_score_only(nlp, scorer):
    rows = [("en", 8), (None, 1), ("da", 3)]
    scores = build_by_language_scorer_v1(scorer, source="en")(make_examples(nlp, *rows))
    assert scores["acc"] == 4.0
    assert [key for key in scores if key.startswith("acc_") and key[4:6] in ("-", "No")] == []
    assert (scores["acc_targets"], scores["acc_gap"]) == (3.0, 5.0)


def test_texts_without_any_language_have_the_scores_of_the_scorer_and_no_targets(nlp, scorer):
    scores = build_by_language_scorer_v1(scorer, source="en")(make_examples(nlp, (None, 1), (None, 3)))
    assert (scores["acc"], scores["acc_targets"], scores["acc_gap"]) == (2.0, None, None)
    assert len(scorer.calls) == 1


def test_without_the_source_there_is_no_gap(nlp, scorer):
    scores = build_by_language_scorer_v1(scorer, source="en")(make_examples(nlp, ("da", 2), ("de", 4)))
    assert (scores["acc_targets"], scores["acc_worst_target"], scores["acc_gap"]) == (3.0, 2.0, None)
    assert "acc_en" not in scores


def test_with_the_source_alone_there_are_no_targets(nlp, scorer):
    scores = build_by_language_scorer_v1(scorer, source="en")(make_examples(nlp, ("en", 2), ("en", 4)))
    assert (scores["acc"], scores["acc_en"], scores["acc_targets"]) == (3.0, 3.0, None)
    assert (scores["acc_worst_target"], scores["acc_gap"]) == (None, None)


def test_no_example_is_no_error(nlp, scorer):
    by_language = build_by_language_scorer_v1(scorer, source="en")
    assert by_language([]) == {"acc": None, "acc_per_type": [], "acc_desc": "x", "speed": 9.0}
    assert build_by_language_scorer_v1(lambda examples: {"acc": 0.0}, source="en")(iter([])) == {
        "acc": 0.0,
        "acc_targets": None,
        "acc_worst_target": None,
        "acc_gap": None,
    }


def test_the_scorer_is_called_once_and_once_for_each_language_of_several(nlp, scorer):
    by_language = build_by_language_scorer_v1(scorer, source="en")
    by_language(make_examples(nlp, ("en", 1), ("en", 2)))
    assert [number for number, _ in scorer.calls] == [2]
    scorer.calls.clear()
    by_language(make_examples(nlp, ("en", 1), (None, 2)))
    assert [number for number, _ in scorer.calls] == [2, 1]
    scorer.calls.clear()
    by_language(iter(make_examples(nlp, ("da", 1), ("en", 2), ("da", 3))))
    assert [number for number, _ in scorer.calls] == [3, 2, 1]


def test_settings_of_the_component_reach_the_scorer_each_time(nlp, scorer):
    # A component may have settings of any name, those of the builder among them.
    settings = {"threshold": 0.3, "source": "x", "scorer": "y"}
    build_by_language_scorer_v1(scorer, "en")(make_examples(nlp, ("da", 1), ("en", 2)), **settings)
    assert [given for _, given in scorer.calls] == [settings] * 3


def test_what_the_scorer_gives_is_never_replaced(nlp):
    def scorer(examples):
        return {"acc": 0.5, "acc_da": "own"}

    scores = build_by_language_scorer_v1(scorer, source="en")(make_examples(nlp, ("da", 1), ("en", 2)))
    assert (scores["acc_da"], scores["acc_en"]) == ("own", 0.5)


def test_it_can_be_pickled():
    scorer = build_by_language_scorer_v1(registry.get("scorers", "spacy.ner_scorer.v1")(), source="en")
    assert pickle.loads(pickle.dumps(scorer))([]) == scorer([])


# Accuracy

TEXTCAT_SCORER = "spacy-xling.textcat_scorer.v1"


def scored_cats(*pairs):
    """Examples of texts with true and predicted categories."""
    nlp = spacy.blank("xx")
    examples = [Example(nlp.make_doc(str(n)), nlp.make_doc(str(n))) for n in range(len(pairs))]
    for example, (gold, predicted) in zip(examples, pairs, strict=True):
        example.reference.cats, example.predicted.cats = gold, predicted
    return examples


def test_accuracy_of_one_label_by_hand_beside_spacys_scores():
    examples = scored_cats(
        ({"A": 1.0}, {"A": 0.6, "B": 0.4}),
        ({"A": 0.0, "B": 1.0}, {"A": 0.6, "B": 0.4}),
        ({"B": 1.0}, {"A": 0.3, "B": 0.7}),
        ({"NEW": 1.0}, {"A": 0.3, "B": 0.7}),
        # Not annotated.
        ({}, {"A": 0.3, "B": 0.7}),
    )
    settings = {"labels": ["A", "B"], "threshold": 0.0, "positive_label": None}
    scores = registry.scorers.get(TEXTCAT_SCORER)()(examples, **settings)
    assert scores.pop("cats_acc") == 2 / 4
    assert scores == Scorer.score_cats(examples, "cats", multi_label=False, **settings)


def test_accuracy_of_any_number_of_labels_by_hand_beside_spacys_scores():
    examples = scored_cats(
        ({"A": 1.0, "B": 1.0}, {"A": 0.6, "B": 0.6}),
        ({"A": 1.0, "B": 0.0}, {"A": 0.6, "B": 0.6}),
        # B isn't known.
        ({"A": 1.0}, {"A": 0.6, "B": 0.6}),
        ({"A": 0.0, "B": 0.0}, {"A": 0.4, "B": 0.4}),
    )
    scorer = registry.scorers.get(TEXTCAT_SCORER)(multi_label=True)
    settings = {"labels": ["A", "B"], "threshold": 0.5}
    scores = scorer(examples, **settings)
    assert scores.pop("cats_acc") == 3 / 4
    assert scores == Scorer.score_cats(examples, "cats", multi_label=True, **settings)
    assert scorer(examples, labels=["A", "B"], threshold=0.7)["cats_acc"] == 1 / 4
    assert scorer([], labels=["A", "B"])["cats_acc"] is None


@pytest.mark.parametrize(
    ("factory", "data"), [("xling_textcat", SINGLE), ("xling_textcat_multilabel", MULTI)]
)
def test_accuracy_is_among_the_scores_of_our_components(factory, data, checkpoint):
    nlp = spacy.blank("xx")
    nlp.add_pipe(factory, config=textcat_config(checkpoint))
    examples = make_cats_examples(nlp, data)
    nlp.initialize(lambda: examples)
    found = nlp.evaluate(examples)
    predicted = [nlp(text).cats for text, _ in data]
    if factory == "xling_textcat":
        right = [
            max(cats, key=cats.get) == max(gold, key=gold.get)
            for cats, (_, gold) in zip(predicted, data, strict=True)
        ]
    else:
        right = [
            {k: v >= 0.5 for k, v in cats.items()} == gold
            for cats, (_, gold) in zip(predicted, data, strict=True)
        ]
    assert found["cats_acc"] == sum(right) / len(right)
