import numpy as np

from spacy_xling.evaluation.mistakes import worst_mistakes
from tests.evaluation.simulated import exclusive, predictions


def test_the_surest_mistakes_come_first():
    found = exclusive(200, 4, skill=0.5)
    wrong = [row for row in range(200) if not found.gold[row, found.scores[row].argmax()]]
    expected = sorted(wrong, key=lambda row: -found.scores[row].max())
    mistakes = worst_mistakes(found, 10)
    assert [mistake.text for mistake in mistakes] == [f"text {row}" for row in expected[:10]]
    first = mistakes[0]
    assert first.score == found.scores[expected[0]].max()
    assert first.gold == ["ABCD"[found.gold[expected[0]].argmax()]]
    assert first.predicted == ["ABCD"[found.scores[expected[0]].argmax()]]
    assert len(worst_mistakes(found, 1000)) == len(wrong)
    assert worst_mistakes(found, 0) == []


def test_a_missed_label_counts_as_a_wrong_one():
    scores = [[0.9, 0.1, 0.2], [0.6, 0.05, 0.2], [0.7, 0.1, 0.8]]
    gold = [[1, 0, 0], [1, 1, 0], [0, 0, 1]]
    known = [[1, 1, 1], [1, 1, 1], [0, 1, 1]]
    found = predictions(scores, gold, known, is_exclusive=False)
    # The third is wrong by a label alone that isn't known.
    assert worst_mistakes(found, 5) == [("text 1", ["A", "B"], ["A"], 0.95)]


def test_a_text_that_is_wrong_by_an_unseen_class_alone_comes_last():
    found = predictions(
        [[0.9], [0.9]], [[1], [0]], np.ones((2, 1)), unseen=[("NEW",), ()], is_exclusive=False
    )
    assert [(m.text, m.gold, m.score) for m in worst_mistakes(found, 5)] == [
        ("text 1", [], 0.9),
        ("text 0", ["A", "NEW"], 0.0),
    ]
