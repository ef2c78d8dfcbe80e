import sys

import pytest

from spacy_xling.inspection.inspection import Inspection, LanguageReport
from spacy_xling.reporting.encoder_figures import check_figure, draw_inspection, save_figure


def report(language, **changes):
    values = {
        "texts": 2,
        "pieces_per_word": 1.5,
        "pieces_per_character": 0.3,
        "unknown_share": 0.25,
        "long_share": 0.0,
        "mlm_loss": 2.5,
        "mlm_targets": 9,
        "distance": 0.5,
        "retrieval": 0.75,
        "pairs": 4,
    }
    return LanguageReport(language=language, **{**values, **changes})


@pytest.fixture
def inspection():
    reports = [report("en", distance=None, retrieval=None), report("da"), report("zh", mlm_loss=None)]
    return Inspection("folder/name", 64, 1, "en", 2, 0, reports)


def test_a_panel_has_a_bar_and_a_number_for_each_language(inspection):
    figure = draw_inspection(inspection)
    found = {
        axis.get_title(): [
            (round(bar.get_width(), 6), text.get_text())
            for bar, text in zip(axis.patches, axis.texts, strict=True)
        ]
        for axis in figure.axes
    }
    assert found == {
        "pieces per word": [(1.5, "1.5")] * 3,
        "unknown pieces, %": [(25.0, "25.0")] * 3,
        "masked-LM loss, nats": [(2.5, "2.5"), (2.5, "2.5"), (0, "")],
        "distance to source, MMD²": [(0, ""), (0.5, "0.50"), (0.5, "0.50")],
        "retrieval from source, %": [(0, ""), (75.0, "75"), (75.0, "75")],
    }
    assert [label.get_text() for label in figure.axes[0].get_yticklabels()] == ["en", "da", "zh"]
    # The first language stands on top.
    low, high = figure.axes[0].get_ylim()
    assert low > high


def test_the_source_has_another_colour(inspection):
    colours = [bar.get_facecolor() for bar in draw_inspection(inspection).axes[0].patches]
    assert colours[0] != colours[1] == colours[2]


def test_no_panel_for_retrieval_without_pairs(inspection):
    reports = [report("en", retrieval=None), report("da", retrieval=None)]
    bare = Inspection("name", 64, 1, "en", 2, 0, reports)
    assert len(draw_inspection(bare).axes) == len(draw_inspection(inspection).axes) - 1


@pytest.mark.parametrize(("name", "start"), [("a.svg", b"<?xml"), ("a.PNG", b"\x89PNG"), ("a.pdf", b"%PDF")])
def test_the_name_decides_the_kind(inspection, tmp_path, name, start):
    save_figure(inspection, tmp_path / name)
    assert (tmp_path / name).read_bytes().startswith(start)


def test_the_figure_leaves_pyplot_alone(inspection, tmp_path):
    before = sys.modules.get("matplotlib.pyplot")
    save_figure(inspection, tmp_path / "a.svg")
    assert sys.modules.get("matplotlib.pyplot") is before


def test_an_unknown_kind_is_an_error(tmp_path):
    with pytest.raises(ValueError, match=r"\[X736\].*a\.gif.*\.svg, \.png, \.pdf"):
        check_figure(tmp_path / "a.gif")


def test_without_matplotlib_the_error_names_the_extra(monkeypatch, tmp_path):
    monkeypatch.setitem(sys.modules, "matplotlib.figure", None)
    with pytest.raises(ImportError, match=r"\[X737\].*spacy-xling\[plots\].*--figure"):
        check_figure(tmp_path / "a.svg")
