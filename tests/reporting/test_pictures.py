from dataclasses import replace

import numpy as np
import pytest
from scipy.stats import spearmanr

from spacy_xling.reporting.heat_maps import confusion_grid, confusion_picture, label_picture
from spacy_xling.reporting.inputs import Closeness
from spacy_xling.reporting.pictures import (
    accuracy_picture,
    closeness_picture,
    curves_pictures,
    reliability_pictures,
)
from tests.evaluation.simulated import independent
from tests.reporting.examples import LABELS, closeness, evaluation, logs


@pytest.fixture(scope="module")
def found():
    return evaluation()


def test_accuracy_has_a_row_for_each_language_and_a_column_for_each_pipeline(found):
    table = accuracy_picture(found).table
    assert table.header == ("language", "baseline", "joint")
    assert [row[0] for row in table.rows] == ["en", "da", "de_AT", "-"]
    score = found.models["joint"].languages["da"]
    low, high = score.accuracy_interval
    assert table.rows[1][2] == f"{100 * score.accuracy:.1f} [{100 * low:.1f}, {100 * high:.1f}]"


def test_closeness_has_the_targets_whose_distance_is_known(found):
    picture = closeness_picture(found, closeness())
    assert [row[:2] for row in picture.table.rows] == [("da", "0.050"), ("de_AT", "0.125")]
    scores = found.models["baseline"].languages
    gap = 100 * (scores["en"].accuracy - scores["da"].accuracy)
    assert picture.table.rows[0][2] == f"{gap:.1f}"
    # Two languages say nothing about a correlation.
    assert "correlation" not in picture.description


def test_a_language_that_a_pipeline_has_no_scores_in_is_left_out_of_the_gaps(found):
    model = found.models["joint"]
    fewer = {name: score for name, score in model.languages.items() if name != "da"}
    changed = replace(found, models={**found.models, "joint": replace(model, languages=fewer)})
    assert [row[0] for row in closeness_picture(changed, closeness()).table.rows] == ["de_AT"]


def test_a_rank_correlation_is_scipys():
    from spacy_xling.reporting.pictures import _correlation

    distances, gaps = [0.1, 0.2, 0.3, 0.4, 0.5], [0.1, 0.3, 0.2, 0.5, 0.4]
    assert f"{spearmanr(distances, gaps).statistic:.2f}" in _correlation(distances, gaps)
    assert _correlation(distances[:3], gaps[:3]) == _correlation(distances, [0.1] * 5) == ""


def test_without_texts_of_the_source_there_is_no_gap_to_draw(found):
    assert closeness_picture(replace(found, source="fr"), Closeness("e", {"da": 0.1})) is None


def test_curves_have_a_panel_for_each_term():
    first, second = curves_pictures(logs())
    assert (first.title, second.title) == ("xling_textcat_class, by step", "xling_textcat_mlm, by step")
    assert second.table.rows[-1] == ("baseline", "300", "3", "0.7500")
    assert "baseline ends at 3" in second.description


def test_reliability_has_a_panel_for_each_language_with_its_error(found):
    panels = reliability_pictures(found)
    assert [panel.title.split()[-1] for panel in panels] == ["en", "da", "de_AT", "-"]
    score = found.models["baseline"].languages["da"]
    assert f"baseline {100 * score.ece:.1f} %" in panels[1].description
    sizes = [int(row[1]) for row in panels[1].table.rows if row[0] == "baseline"]
    assert sum(sizes) == score.texts


def test_labels_are_columns(found):
    model = found.models["joint"]
    picture = label_picture("labels-0", "joint", model, found.languages)
    assert picture.table.header == ("language", *LABELS)
    assert picture.table.rows[1][1] == f"{100 * model.languages['da'].labels[LABELS[0]].f1:.0f}"


def test_the_confusion_of_several_languages_is_their_sum(found):
    model = found.models["joint"]
    grid = confusion_grid(model, ["en", "da"])
    counts = np.array(model.languages["en"].confusion) + np.array(model.languages["da"].confusion)
    assert grid.cells == [[str(count) for count in row] for row in counts[:-1].tolist()]
    shares = counts[:-1] / counts[:-1].sum(axis=1, keepdims=True)
    assert np.array(grid.shares) == pytest.approx(np.sqrt(shares), abs=0.001)
    assert np.array(grid.is_right).tolist() == np.eye(4, dtype=bool).tolist()
    picture = confusion_picture("confusion-0", "joint", model, grid)
    assert [row[0] for row in picture.table.rows] == list(LABELS)


def test_the_confusion_of_any_number_of_labels_is_right_and_wrong_by_label():
    model = evaluation(kind=independent).models["joint"]
    grid = confusion_grid(model, ["en"])
    negative, wrong, missed, right = model.languages["en"].confusion[0]
    assert grid.cells[0] == [str(count) for count in (right, missed, wrong, negative)]
    expected = [
        right / (right + missed),
        missed / (right + missed),
        wrong / (wrong + negative),
        negative / (wrong + negative),
    ]
    assert grid.shares[0] == pytest.approx(expected, abs=0.001)
    assert grid.is_right[0] == [True, False, False, True]
