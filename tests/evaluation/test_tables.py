from spacy_xling.evaluation.bootstrap import Resampling
from spacy_xling.evaluation.records import Evaluation
from spacy_xling.evaluation.scoring import score_model
from spacy_xling.evaluation.tables import (
    format_accuracy,
    format_mistakes,
    format_model,
    percent,
    shortened,
)
from tests.evaluation.simulated import exclusive, independent


def evaluation(*found):
    models = {
        name: score_model(one, source="en", resampling=Resampling(), mistakes=3)
        for name, one in zip(("one", "two"), found, strict=False)
    }
    return Evaluation(models, "test", "en", 0.95, 1000, 0, [])


def test_percentages():
    assert percent(None) == "-"
    assert percent(0.125) == "12.5"
    assert percent(0.5, (0.41, 0.592)) == "50.0 [41.0, 59.2]"


def test_accuracy_has_a_row_for_each_language_the_source_first_and_the_unknown_last():
    found = evaluation(*(exclusive(90, 3, languages=("-", "da", "en"), seed=seed) for seed in (0, 1)))
    lines = [line.split() for line in format_accuracy(found).splitlines() if line.strip()]
    assert [line[0] for line in lines] == [
        "language",
        "--------" + "-" * 11,
        "en",
        "da",
        "-",
        "mean",
        "worst",
        "gap",
    ]
    for column, model in ((2, "one"), (5, "two")):
        score = found.models[model].languages["da"]
        low, high = score.accuracy_interval
        expected = [f"{100 * score.accuracy:.1f}", f"[{100 * low:.1f},", f"{100 * high:.1f}]"]
        assert lines[3][column : column + 3] == expected
    assert lines[6][2:] == ["da", lines[3][2], "da", lines[3][5]]


def test_a_language_that_a_pipeline_has_no_text_of_is_a_dash():
    found = evaluation(exclusive(30, 3, languages=("en", "da")), exclusive(30, 3))
    (danish,) = (line.split() for line in format_accuracy(found).splitlines() if line.startswith("da"))
    assert danish[-1] == "-"


def test_what_is_most_often_taken_for_something_else():
    found = exclusive(200, 3, skill=0)
    model = evaluation(found).models["one"]
    counts = {
        (row, column): ((found.gold.argmax(1) == row) & (found.scores.argmax(1) == column)).sum()
        for row in range(3)
        for column in range(3)
        if row != column
    }
    (row, column), count = max(counts.items(), key=lambda item: item[1])
    assert f"{'ABC'[row]} for {'ABC'[column]} ({count})" in format_model(model, ["en"])
    assert " for " not in format_model(evaluation(independent(30, 3)).models["one"], ["en"])


def test_mistakes_of_all_languages_stand_by_their_score():
    model = evaluation(exclusive(90, 3, languages=("en", "da"), skill=0)).models["one"]
    lines = format_mistakes(model, limit=4)
    scores = sorted((m.score for s in model.languages.values() for m in s.mistakes), reverse=True)
    assert [line.split()[1] for line in lines] == [f"{score:.2f}" for score in scores[:4]]
    assert {line.split()[0] for line in lines} == {"en", "da"}


def test_a_long_label_is_cut():
    assert shortened("a" * 22) == "a" * 22
    assert shortened("a" * 23) == "a" * 21 + "…"
