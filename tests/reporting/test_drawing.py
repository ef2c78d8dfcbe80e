import re
import xml.etree.ElementTree as ET

import pytest

from spacy_xling.reporting.drawing import RIGHT, SERIES, VARIABLES, Words, drawing, to_svg

SVG = "{http://www.w3.org/2000/svg}"
HARM = "<script>alert(1)</script> & --> $x^2$ 天気"


@pytest.fixture(scope="module")
def svg():
    with drawing(300, 200) as figure:
        axis = figure.subplots()
        axis.plot([0, 1], [0, 1], color=SERIES[1], marker="o", label=HARM)
        axis.bar([0], [1], color=RIGHT, alpha=0.5, gid="cell")
        axis.set_title(HARM)
        return to_svg(figure, Words("fig", "A <title>", "What & how"))


def test_it_is_one_element_with_its_words(svg):
    root = ET.fromstring(svg)
    assert root.tag == f"{SVG}svg"
    assert root.get("role") == "img"
    named = {child.get("id"): child.text for child in root[:2]}
    assert named == {"fig-title": "A <title>", "fig-desc": "What & how"}
    assert root.get("aria-labelledby").split() == list(named)
    assert root.get("viewBox") == "0 0 300 200"
    assert root.get("width") is None


def test_its_text_is_text_and_inert(svg):
    texts = [element.text for element in ET.fromstring(svg).iter(f"{SVG}text")]
    assert HARM in texts
    assert "<script" not in svg
    assert not list(ET.fromstring(svg).iter(f"{SVG}style"))


def test_its_colours_are_variables(svg):
    assert "var(--series-1)" in svg
    assert re.search(r"fill: var\(--right\); opacity: 0.5", svg)
    assert re.findall(r"#[0-9a-f]{6}\b", svg) == []


def test_its_ids_and_references_start_with_its_name(svg):
    ids = re.findall(r'\bid="([^"]*)"', svg)
    assert {"fig-cell", "fig-title"} < set(ids)
    assert len(ids) == len(set(ids))
    references = re.findall(r'href="#([^"]*)"|url\(#([^)]*)\)', svg)
    assert references
    for reference in references:
        assert "".join(reference) in ids


def test_the_same_figure_is_the_same_text():
    def draw():
        with drawing(100, 100) as figure:
            figure.subplots().plot([1, 2], marker="o")
            return to_svg(figure, Words("a", "b", "c"))

    assert draw() == draw()


def test_each_colour_has_a_variable_of_its_own_in_the_style():
    from spacy_xling.reporting.page import TEMPLATES

    style = (TEMPLATES / "report.css").read_text(encoding="utf-8")
    assert len(set(VARIABLES.values())) == len(VARIABLES)
    assert all(f"--{name}:" in style for name in VARIABLES.values())
