"""From results to tables and sentences."""

import json

import pytest

from spacy_xling.comparison.seed_statistics import Difference
from spacy_xling.comparison.summary import MEAN, WORST, Result, conclude, row_points, summarize
from spacy_xling.comparison.summary_tables import format_markdown, format_text, to_plain


def result(en, da, de, *, exclusive=True, pieces=1000, adaptation=0):
    languages = {
        code: {"texts": 10, "accuracy": value, "macro_f1": value / 2}
        for code, value in {"da": da, "en": en, "de": de}.items()
    }
    return Result(languages, exclusive, 5, pieces, adaptation, 7.0, 6.0)


@pytest.fixture
def results():
    return {
        "baseline": {0: result(0.9, 0.5, 0.3), 1: result(0.8, 0.6, 0.2), 2: result(0.85, 0.55, 0.25)},
        "joint": {
            0: result(0.9, 0.6, 0.3, pieces=2000),
            1: result(0.9, 0.7, 0.22, pieces=2200),
            2: result(0.9, 0.65, 0.26, pieces=2100),
        },
    }


def test_rows_of_a_run_by_hand():
    found = row_points(result(0.9, 0.5, 0.3).languages, "en", "accuracy")
    assert list(found) == ["en", "da", "de", MEAN, WORST]
    assert list(found.values()) == pytest.approx([90, 50, 30, 40, 30])


def test_texts_of_no_known_language_are_no_target():
    languages = {**result(0.9, 0.5, 0.3).languages, "-": {"texts": 1, "accuracy": 0.0, "macro_f1": 0.0}}
    found = row_points(languages, "en", "accuracy")
    assert list(found) == ["en", "da", "de", "-", MEAN, WORST]
    assert (found[MEAN], found[WORST]) == pytest.approx((40, 30))


def test_a_summary_by_hand(results):
    found = summarize(results, source="en")
    assert found.scores[MEAN]["baseline"].mean == pytest.approx(40)
    assert found.scores[MEAN]["baseline"].deviation == pytest.approx(0)
    assert found.scores[WORST]["baseline"] == pytest.approx((25, 5, 3))
    # 45, 46 and 45.5 against 40 each.
    assert found.differences[MEAN]["joint"].mean == pytest.approx(5.5)
    assert found.differences["en"]["joint"].mean == pytest.approx(5)
    assert found.compute["joint"]["encoder_pieces"].mean == 2100
    assert found.conclusions["joint"].startswith("joint is 5.5 points above baseline")


def test_any_number_of_labels_is_scored_by_macro_f1(results):
    results["joint"][1] = result(0.9, 0.7, 0.22, exclusive=False)
    found = summarize(results, source="en")
    assert found.score == "macro_f1"
    assert found.scores["en"]["baseline"].mean == pytest.approx(42.5)
    assert "macro F1" in format_text(found)
    assert summarize(results, source="en", score="accuracy").score == "accuracy"


def test_a_recipe_without_a_finished_run_is_said_to_have_none(results):
    found = summarize({**results, "late": {}}, source="en")
    assert found.differences[MEAN]["late"] is None
    assert found.conclusions["late"].startswith("Nothing can be said of late")
    for text in (format_text(found), format_markdown(found)):
        assert "baseline: 3, joint: 3, late: 0" in text


def test_a_seed_that_failed_is_left_out_of_the_pairs(results):
    del results["joint"][0]
    found = summarize(results, source="en")
    assert found.scores[MEAN]["baseline"].n == 3
    assert found.differences[MEAN]["joint"] == pytest.approx((5.75, None, None, 2))


def test_no_finished_run_is_X779():
    with pytest.raises(ValueError, match="X779"):
        summarize({"baseline": {}}, source="en")


@pytest.mark.parametrize(
    ("difference", "expected"),
    [
        (
            Difference(3.1, 0.4, 5.8, 5),
            "joint is 3.1 points above baseline on the mean of the targets (95 % interval 0.4 to 5.8, "
            "5 seeds).",
        ),
        (
            Difference(-3.1, -5.8, -0.4, 5),
            "joint is 3.1 points below baseline on the mean of the targets (95 % interval -5.8 to -0.4, "
            "5 seeds).",
        ),
        (
            Difference(1.2, -0.5, 2.9, 3),
            "No difference shown between joint and baseline on the mean of the targets: +1.2 points (95 % "
            "interval -0.5 to 2.9, 3 seeds).",
        ),
        (
            Difference(0.0, 0.0, 0.0, 3),
            "No difference shown between joint and baseline on the mean of the targets: +0.0 points (95 % "
            "interval 0.0 to 0.0, 3 seeds).",
        ),
        (
            Difference(9.0, None, None, 1),
            "No difference shown between joint and baseline: with fewer than 3 seeds there is no interval "
            "(+9.0 points on the mean of the targets).",
        ),
        (
            None,
            "Nothing can be said of joint: it has no seed in common with baseline that is finished.",
        ),
    ],
)
def test_a_conclusion_is_a_plain_sentence(difference, expected):
    assert conclude("joint", "baseline", difference) == expected


def test_the_tables_hold_the_numbers(results):
    found = summarize(results, source="en")
    markdown = format_markdown(found)
    assert "| mean of the targets | 40.0 ± 0.0 | 45.5 ± 0.5 |" in markdown
    assert "| mean of the targets | +5.5 (4.3 to 6.7) |" in markdown
    assert "| encoder passes, 1,000 pieces | 1.0 ± 0.0 | 2.1 ± 0.1 |" in markdown
    assert "over 3 seeds" in markdown
    text = format_text(found)
    assert all(cell in text for cell in ("en (source)", "45.5 ± 0.5", "+5.5 (4.3 to 6.7)"))
    assert text.splitlines()[-1] == found.conclusions["joint"]


def test_one_recipe_alone_has_no_differences(results):
    found = summarize({"baseline": results["baseline"]}, source="en")
    assert "paired" not in format_text(found)
    assert "40.0" in format_markdown(found)


def test_plain_data_is_json(results):
    found = json.loads(json.dumps(to_plain(summarize({**results, "late": {}}, source="en"))))
    assert found["scores"][MEAN]["joint"]["n"] == 3
    assert found["differences"][MEAN]["joint"]["mean"] == pytest.approx(5.5)
    assert found["differences"][MEAN]["late"] is None
