import numpy as np
import pytest
from sklearn.metrics import (
    accuracy_score,
    confusion_matrix,
    f1_score,
    multilabel_confusion_matrix,
    precision_recall_fscore_support,
    roc_auc_score,
)

from spacy_xling.evaluation.bootstrap import Resampling
from spacy_xling.evaluation.metrics import confusion
from spacy_xling.evaluation.scoring import score_texts
from tests.evaluation.simulated import exclusive, independent, predictions


def score(found, mistakes=0):
    return score_texts(found, "en", Resampling(resamples=0), mistakes)[0]


def test_scores_of_one_label_are_scikit_learns():
    found = exclusive(500, 6)
    truth, guess = found.gold.argmax(axis=1), found.scores.argmax(axis=1)
    scores = score(found)
    assert 0.3 < scores.accuracy < 0.9
    assert scores.accuracy == pytest.approx(accuracy_score(truth, guess))
    assert scores.macro_f1 == pytest.approx(f1_score(truth, guess, average="macro"))
    assert scores.micro_f1 == pytest.approx(f1_score(truth, guess, average="micro"))
    assert scores.macro_auc == pytest.approx(roc_auc_score(truth, found.scores, multi_class="ovr"))
    by_label = precision_recall_fscore_support(truth, guess)
    for label, *expected in zip(scores.labels.values(), *by_label, strict=True):
        assert [label.precision, label.recall, label.f1, label.support] == pytest.approx(expected)
    assert [label.predicted for label in scores.labels.values()] == np.bincount(guess, minlength=6).tolist()
    assert scores.confusion == [*confusion_matrix(truth, guess).tolist(), [0] * 6]


def test_scores_of_any_number_of_labels_are_scikit_learns():
    found = independent(500, 6, known=1.0)
    truth, guess = found.gold, found.scores >= 0.5
    scores = score(found)
    assert scores.accuracy == pytest.approx(accuracy_score(truth, guess))
    assert scores.macro_f1 == pytest.approx(f1_score(truth, guess, average="macro"))
    assert scores.micro_f1 == pytest.approx(f1_score(truth, guess, average="micro"))
    assert scores.macro_auc == pytest.approx(roc_auc_score(truth, found.scores))
    by_label = precision_recall_fscore_support(truth, guess)
    for label, *expected in zip(scores.labels.values(), *by_label, strict=True):
        assert [label.precision, label.recall, label.f1, label.support] == pytest.approx(expected)
    assert scores.confusion == multilabel_confusion_matrix(truth, guess).reshape(-1, 4).tolist()


def test_unknown_labels_are_left_out_of_everything():
    found = independent(500, 4, known=0.6)
    scores = score(found)
    for column, label in enumerate("ABCD"):
        rows = found.known[:, column]
        assert (~rows).any() or label == "A"
        truth, guess = found.gold[rows, column], found.scores[rows, column] >= 0.5
        assert scores.labels[label].f1 == pytest.approx(f1_score(truth, guess))
        assert scores.confusion[column] == confusion_matrix(truth, guess).reshape(-1).tolist()
    # The truth is taken for granted where it isn't known.
    guess = np.where(found.known, found.scores >= 0.5, found.gold)
    assert scores.accuracy == pytest.approx(accuracy_score(found.gold, guess))


def test_a_label_that_no_text_has_counts_as_0():
    scores = score(
        predictions([[0.7, 0.2, 0.1], [0.7, 0.2, 0.1]], np.eye(3)[[0, 0]], np.ones((2, 3)), is_exclusive=True)
    )
    assert scores.accuracy == scores.micro_f1 == 1
    assert scores.macro_f1 == pytest.approx(
        f1_score([0, 0], [0, 0], labels=[0, 1, 2], average="macro", zero_division=0)
    )
    assert scores.macro_f1 == pytest.approx(1 / 3)
    assert scores.macro_auc == 0


def test_a_text_of_an_unseen_class_is_wrong_and_a_false_positive():
    found = predictions(
        [[0.9, 0.1], [0.9, 0.1], [0.4, 0.6]],
        [[1, 0], [0, 0], [0, 1]],
        np.ones((3, 2)),
        unseen=[(), ("NEW",), ()],
        is_exclusive=True,
    )
    scores = score(found, mistakes=5)
    assert scores.accuracy == pytest.approx(2 / 3)
    truth, guess = ["A", "NEW", "B"], ["A", "A", "B"]
    assert scores.macro_f1 == pytest.approx(f1_score(truth, guess, labels=["A", "B"], average="macro"))
    assert scores.micro_f1 == pytest.approx(f1_score(truth, guess, labels=["A", "B"], average="micro"))
    assert confusion(found) == [[1, 0], [0, 1], [1, 0]]
    (mistake,) = scores.mistakes
    assert (mistake.text, mistake.gold, mistake.predicted, mistake.score) == ("text 1", ["NEW"], ["A"], 0.9)
