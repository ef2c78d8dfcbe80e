"""What spaCy's tests assert of `textcat` and `textcat_multilabel`, of our components. What lies in those
architectures is left out: their options, their mean squared error, and that some can't be resized.
"""

import numpy as np
import pytest
import spacy
import torch
from spacy.tokens import DocBin
from spacy.training import Example
from spacy.training.initialize import init_nlp
from spacy.util import load_config_from_str
from thinc.api import Adam, fix_random_seed

from tests.classifiers import BASE, ENCODER_MODEL
from tests.conftest import MULTI, SINGLE, TEXTS, make_examples
from tests.pipeline.textcats import (
    EXCLUSIVE,
    INDEPENDENT,
    TEXT,
    each_kind,
    each_name,
    make_nlp,
    parameters,
    plain_config,
    same,
    scores_of,
    train,
    trained,
)

pytestmark = pytest.mark.usefixtures("one_thread")

LABELS_IN_CONFIG = (
    BASE
    + ENCODER_MODEL
    + """
[initialize]

[initialize.components]

[initialize.components.NAME]
labels = ["LATE", "REFUND", "NONE"]
"""
)

# Labels


@each_name
def test_labels_are_strings(checkpoint, name):
    component = make_nlp(checkpoint, name).get_pipe(name)
    assert component.add_label("LATE") == 1
    assert component.add_label("LATE") == 0
    with pytest.raises(ValueError, match="E187"):
        component.add_label(9)
    assert component.labels == ("LATE",)


def test_one_label_is_too_few_for_exclusive_classes(checkpoint):
    nlp = make_nlp(checkpoint)
    nlp.get_pipe(EXCLUSIVE).add_label("LATE")
    with pytest.raises(ValueError, match=r"X504.*LATE"):
        nlp.initialize()


def test_one_label_is_enough_for_independent_labels(checkpoint):
    nlp = make_nlp(checkpoint, INDEPENDENT)
    nlp.get_pipe(INDEPENDENT).add_label("LATE")
    nlp.initialize()
    assert list(nlp(TEXT).cats) == ["LATE"]


@pytest.mark.parametrize(("name", "code"), [(EXCLUSIVE, "X504"), (INDEPENDENT, "X507")])
def test_no_label_is_an_error(checkpoint, name, code):
    with pytest.raises(ValueError, match=code):
        make_nlp(checkpoint, name).initialize()


@each_kind
def test_labels_come_from_the_examples(checkpoint, name, data):
    nlp = trained(checkpoint, name, data, n_updates=0)
    component = nlp.get_pipe(name)
    expected = tuple(data[0][1])
    assert component.labels == expected
    assert component.label_data == expected
    assert component.model.get_dim("nO") == len(expected)
    assert tuple(nlp(TEXT).cats) == expected


@each_kind
def test_label_values_are_0_or_1(checkpoint, name, data):
    nlp = make_nlp(checkpoint, name)
    wrong = [*data, ("The box.", {"LATE": 2.0})]
    with pytest.raises(ValueError, match="E851"):
        nlp.initialize(lambda: make_examples(nlp, wrong))
    optimizer = nlp.initialize(lambda: make_examples(nlp, data))
    with pytest.raises(ValueError, match="E851"):
        nlp.update(make_examples(nlp, wrong), sgd=optimizer)


def test_two_true_labels_are_an_error_for_exclusive_classes(checkpoint):
    nlp = make_nlp(checkpoint)
    with pytest.raises(ValueError, match="E895"):
        nlp.initialize(lambda: make_examples(nlp, MULTI))
    optimizer = nlp.initialize(lambda: make_examples(nlp, MULTI[:2]))
    with pytest.raises(ValueError, match="E895"):
        nlp.update(make_examples(nlp, MULTI), sgd=optimizer)


@each_kind
def test_a_new_label_leaves_the_old_scores_as_they_were(checkpoint, name, data):
    nlp = make_nlp(checkpoint, name)
    optimizer, _ = train(nlp, data, 5)
    before = dict(nlp(TEXT).cats)
    component = nlp.get_pipe(name)
    head = parameters(component)["head.output.weight"]
    component.add_label("PRAISE")
    assert component.model.get_dim("nO") == len(before) + 1
    after = dict(nlp(TEXT).cats)
    assert 0.0 <= after.pop("PRAISE") < 1e-6
    # A product with a wider matrix may differ in its last bit; the weights may not.
    assert after == pytest.approx(before, rel=1e-6)
    assert torch.equal(parameters(component)["head.output.weight"][: len(before)], head)

    learnt = ("The box arrived.", {**dict.fromkeys(before, 0.0), "PRAISE": 1.0})
    train(nlp, [*data, learnt], 60, optimizer)
    assert all(nlp(TEXT).cats[label] != before[label] for label in before)
    assert nlp(learnt[0]).cats["PRAISE"] > 0.5


# Initializing


@each_kind
def test_initializing_again_starts_anew(checkpoint, name, data):
    nlp = make_nlp(checkpoint, name)
    examples = make_examples(nlp, data)
    fix_random_seed(0)
    optimizer = nlp.initialize(lambda: examples)
    first = parameters(nlp.get_pipe(name))
    nlp.update(examples, sgd=optimizer)
    assert not same(parameters(nlp.get_pipe(name)), first)
    fix_random_seed(0)
    nlp.initialize(lambda: examples)
    assert same(parameters(nlp.get_pipe(name)), first)


@each_name
@pytest.mark.filterwarnings("ignore:.*W551")
def test_labels_may_stand_in_the_config_of_a_training(checkpoint, name, tmp_path):
    doc = spacy.blank("xx").make_doc(TEXT)
    doc.cats = {"REFUND": 1.0, "LATE": 0.0}
    DocBin(docs=[doc]).to_disk(tmp_path / "train.spacy")
    config = load_config_from_str(LABELS_IN_CONFIG.replace("NAME", name))
    config["paths"].update({"train": str(tmp_path / "train.spacy"), "encoder": str(checkpoint)})
    nlp = init_nlp(config)
    assert nlp.get_pipe(name).labels == ("LATE", "REFUND", "NONE")
    assert list(nlp(TEXT).cats) == ["LATE", "REFUND", "NONE"]


@each_name
def test_initialize_takes_a_function_that_gives_examples(checkpoint, name):
    nlp = make_nlp(checkpoint, name)
    with pytest.raises(TypeError, match="E930"):
        nlp.initialize(get_examples=lambda: None)
    with pytest.raises(TypeError, match="E930"):
        nlp.initialize(get_examples=make_examples(nlp, SINGLE))


def test_positive_label_is_one_of_two(checkpoint):
    nlp = make_nlp(checkpoint)
    component = nlp.get_pipe(EXCLUSIVE)
    examples = make_examples(nlp, SINGLE)
    component.initialize(lambda: examples, labels=["LATE", "REFUND"], positive_label="REFUND")
    assert component.labels == ("LATE", "REFUND")
    assert component.cfg["positive_label"] == "REFUND"
    assert nlp.evaluate(examples)["cats_score_desc"] == "F (REFUND)"


@pytest.mark.parametrize(
    ("labels", "positive"), [(["LATE", "REFUND"], "PRAISE"), (["LATE", "REFUND", "PRAISE"], "PRAISE")]
)
def test_positive_label_that_is_not_one_of_two_is_an_error(checkpoint, labels, positive):
    nlp = make_nlp(checkpoint)
    examples = make_examples(nlp, SINGLE)
    with pytest.raises(ValueError, match="X505"):
        nlp.get_pipe(EXCLUSIVE).initialize(lambda: examples, labels=labels, positive_label=positive)


def test_independent_labels_have_no_positive_label(checkpoint):
    nlp = make_nlp(checkpoint, INDEPENDENT)
    component = nlp.get_pipe(INDEPENDENT)
    with pytest.raises(ValueError, match="X505"):
        component.initialize(lambda: make_examples(nlp, MULTI), positive_label="LATE")
    component.initialize(lambda: make_examples(nlp, MULTI))
    assert "positive_label" not in component.cfg


# Learning and predicting


@each_kind
def test_overfitting_and_io(checkpoint, name, data, tmp_path):
    nlp = make_nlp(checkpoint, name)
    examples = make_examples(nlp, data)
    _, losses = train(nlp, data, 40)
    assert losses[name] < 0.01
    for text, cats in data:
        assert nlp(text).cats == pytest.approx(cats, abs=0.05)

    scores = nlp.evaluate(examples)
    for key in ("cats_score", "cats_micro_f", "cats_macro_f", "cats_macro_auc"):
        assert scores[key] == 1.0, key
    assert scores["cats_score_desc"] == ("macro F" if name == EXCLUSIVE else "macro AUC")

    nlp.to_disk(tmp_path)
    loaded = spacy.load(tmp_path)
    assert loaded.get_pipe(name).labels == nlp.get_pipe(name).labels
    assert loaded.get_pipe(name).cfg == nlp.get_pipe(name).cfg
    texts = [TEXT, *(text for text, _ in data), "Pakken."]
    assert np.array_equal(scores_of(loaded, name, texts), scores_of(nlp, name, texts))


@each_kind
def test_pipe_and_call_give_the_same_scores(checkpoint, name, data):
    nlp = trained(checkpoint, name, data)
    texts = [*TEXTS, "", TEXT, "Kargo."]
    once = [doc.cats for doc in nlp.pipe(texts, batch_size=5)]
    again = [doc.cats for doc in nlp.pipe(texts, batch_size=5)]
    alone = [nlp(text).cats for text in texts]
    assert once == again
    for cats, alone_cats in zip(once, alone, strict=True):
        assert cats == pytest.approx(alone_cats, abs=1e-5)


def test_exclusive_probabilities_sum_to_1(checkpoint):
    scores = scores_of(trained(checkpoint), EXCLUSIVE, TEXTS)
    assert scores.shape == (len(TEXTS), 2)
    assert (scores > 0).all()
    np.testing.assert_allclose(scores.sum(axis=1), 1.0, rtol=1e-6)


def test_independent_probabilities_do_not(checkpoint):
    nlp = trained(checkpoint, INDEPENDENT, MULTI, n_updates=40)
    cats = nlp("Money back for the broken box.").cats
    assert cats["REFUND"] + cats["BROKEN"] > 1.5


@each_kind
@pytest.mark.parametrize("model", [{"pooling": "first"}, {"pooling": "max"}, {"hidden_width": 8}])
def test_each_form_of_the_model_learns_labels_that_were_added(checkpoint, name, data, model):
    config = plain_config(checkpoint)
    config["model"].update(model)
    nlp = spacy.blank("xx")
    component = nlp.add_pipe(name, config=config)
    for label in data[0][1]:
        component.add_label(label)
    fix_random_seed(0)
    optimizer = nlp.initialize(sgd=Adam(0.01, L2=0.0, use_averages=False))
    losses = [nlp.update(make_examples(nlp, data), sgd=optimizer)[name] for _ in range(30)]
    assert losses[-1] < losses[0] / 2


@each_kind
def test_texts_of_one_word_are_learnt_from(checkpoint, name, data):
    nlp = make_nlp(checkpoint, name)
    short = [("late", data[0][1]), ("refund", data[1][1])]
    _, losses = train(nlp, short, 30)
    assert losses[name] < 0.05
    assert nlp("late").cats["LATE"] > 0.9 > 0.1 > nlp("refund").cats["LATE"]


@each_kind
def test_the_same_seed_gives_the_same_logits(checkpoint, name, data):
    logits = []
    for _ in range(2):
        nlp = trained(checkpoint, name, data[:1], n_updates=1)
        logits.append(nlp.get_pipe(name).model.predict([nlp.make_doc(TEXT)]))
    np.testing.assert_array_equal(*logits)
    assert logits[0].shape == (1, len(data[0][1]))


@each_kind
def test_a_text_without_words_scores_0(checkpoint, name, data):
    nlp = trained(checkpoint, name, data)
    zeros = dict.fromkeys(data[0][1], 0.0)
    for text in ("", " ", " \n\t "):
        assert nlp(text).cats == zeros
    docs = list(nlp.pipe(["", TEXT, " \n", TEXTS[0]]))
    assert docs[0].cats == docs[2].cats == zeros
    for doc in (docs[1], docs[3]):
        assert doc.cats == pytest.approx(nlp(doc.text).cats, abs=1e-5)
        assert all(score > 0 for score in doc.cats.values())
    assert nlp.get_pipe(name).predict([]).shape == (0, len(zeros))


# Losses


@each_kind
def test_a_doubled_batch_has_the_same_mean_loss(checkpoint, name, data):
    nlp = trained(checkpoint, name, data, n_updates=0)
    component = nlp.get_pipe(name)
    examples = make_examples(nlp, data)
    scores = component.predict([eg.predicted for eg in examples])
    loss, _ = component.get_loss(examples, scores)
    doubled, _ = component.get_loss(examples * 2, np.tile(scores, (2, 1)))
    assert loss > 0
    assert doubled == pytest.approx(loss)


def test_a_missing_label_is_0_for_exclusive_classes(checkpoint):
    nlp = trained(checkpoint, n_updates=1)
    component = nlp.get_pipe(EXCLUSIVE)
    scores = np.array([[0.25, 0.75]], dtype="float32")
    loss, gradient = component.get_loss(make_examples(nlp, [(TEXT, {"LATE": 1.0})]), scores)
    assert loss == pytest.approx(-np.log(0.25))
    np.testing.assert_allclose(gradient, [[-0.75, 0.75]], rtol=1e-5)


def test_a_missing_label_is_unknown_for_independent_labels(checkpoint):
    nlp = trained(checkpoint, INDEPENDENT, MULTI, n_updates=1)
    component = nlp.get_pipe(INDEPENDENT)
    scores = np.array([[0.25, 0.6, 0.9]], dtype="float32")
    loss, gradient = component.get_loss(make_examples(nlp, [(TEXT, {"LATE": 1.0, "BROKEN": 0.0})]), scores)
    assert loss == pytest.approx((-np.log(0.25) - np.log(0.1)) / 2, rel=1e-5)
    np.testing.assert_allclose(gradient, [[-0.375, 0.0, 0.45]], rtol=1e-5)


# Scoring


def scored(name, pairs):
    """The scores of a component, for the categories that texts got and should have got."""
    nlp = spacy.blank("xx")
    component = nlp.add_pipe(name)
    examples = []
    for predicted, reference in pairs:
        example = Example.from_dict(nlp.make_doc(TEXT), {"cats": reference})
        example.predicted.cats = predicted
        examples.append(example)
        for label in predicted:
            component.add_label(label)
    return component.score(examples)


def test_precision_and_recall_count_labels():
    scores = scored(
        INDEPENDENT,
        [
            (
                {"winter": 1.0, "summer": 0.0, "spring": 1.0, "autumn": 1.0},
                {"winter": 1.0, "summer": 1.0, "spring": 1.0, "autumn": 1.0},
            ),
            (
                {"winter": 1.0, "summer": 0.0, "spring": 0.0, "autumn": 1.0},
                {"winter": 0.0, "summer": 0.0, "spring": 1.0, "autumn": 1.0},
            ),
        ],
    )
    found = {label: (score["p"], score["r"]) for label, score in scores["cats_f_per_type"].items()}
    assert found == {"winter": (0.5, 1.0), "summer": (0.0, 0.0), "spring": (1.0, 0.5), "autumn": (1.0, 1.0)}
    assert (scores["cats_micro_p"], scores["cats_micro_r"]) == (4 / 5, 4 / 6)


@pytest.mark.parametrize(("name", "precision"), [(EXCLUSIVE, 1 / 2), (INDEPENDENT, 1.0)])
def test_a_missing_label_counts_against_exclusive_classes_alone(name, precision):
    none = {"winter": 0.0, "summer": 0.0, "autumn": 0.0, "spring": 0.0}
    spring = {**none, "spring": 1.0}
    autumn = {"winter": 0.0, "summer": 0.0, "autumn": 1.0}
    scores = scored(name, [(spring, spring), (spring, autumn)])["cats_f_per_type"]["spring"]
    assert (scores["p"], scores["r"]) == (precision, 1.0)


def test_the_scorer_takes_a_threshold(checkpoint):
    nlp = trained(checkpoint, INDEPENDENT, MULTI, n_updates=0)
    examples = make_examples(nlp, MULTI)
    assert 0 <= nlp.evaluate(examples)["cats_score"] <= 1
    highest = nlp.evaluate(examples, scorer_cfg={"threshold": 1.0})
    assert highest["cats_f_per_type"]["LATE"]["r"] == 0
    lowest = nlp.evaluate(examples, scorer_cfg={"threshold": 0})
    # Two of the four texts are late, and all are called so.
    assert lowest["cats_f_per_type"]["LATE"] == pytest.approx({"p": 1 / 2, "r": 1.0, "f": 2 / 3})


@pytest.mark.parametrize(
    ("name", "data", "scorer"),
    [
        (EXCLUSIVE, SINGLE, "spacy.textcat_scorer.v1"),
        (INDEPENDENT, MULTI, "spacy.textcat_multilabel_scorer.v1"),
    ],
)
def test_legacy_scorers(checkpoint, name, data, scorer):
    nlp = trained(checkpoint, name, data, n_updates=0, scorer={"@scorers": scorer})
    scores = nlp.evaluate(make_examples(nlp, data))
    assert 0 <= scores["cats_score"] <= 1
    assert set(scores["cats_f_per_type"]) == set(data[0][1])
