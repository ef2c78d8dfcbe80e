"""The page as text: what is in it, and that what users wrote does no harm."""

import json
import re
from dataclasses import replace
from html.parser import HTMLParser

import pytest

from spacy_xling.reporting.inputs import Closeness, Extras
from spacy_xling.reporting.page import LONGEST, mistake_rows, render_report
from tests.evaluation.simulated import independent
from tests.reporting.examples import HARM, LABELS, closeness, evaluation, logs

VOID = {"meta", "link", "input", "br", "img"}


class Page(HTMLParser):
    """Elements with their attributes, and the text of each; raises where tags don't match."""

    def __init__(self, text):
        super().__init__()
        self.elements, self.open = [], []
        self.feed(text)
        assert self.open == []

    def handle_starttag(self, tag, attrs):
        element = (tag, dict(attrs), [])
        self.elements.append(element)
        if tag not in VOID:
            self.open.append(element)

    def handle_startendtag(self, tag, attrs):
        self.elements.append((tag, dict(attrs), []))

    def handle_endtag(self, tag):
        assert self.open.pop()[0] == tag

    def handle_data(self, data):
        for element in self.open:
            element[2].append(data)

    def find(self, *tags):
        return [(attrs, "".join(texts)) for tag, attrs, texts in self.elements if tag in tags]


@pytest.fixture(scope="module")
def html():
    return render_report(evaluation(warnings=[f"[W753] {HARM}"]), extras=Extras(closeness(), logs()))


@pytest.fixture(scope="module")
def page(html):
    return Page(html)


def test_the_page_asks_for_nothing(page, html):
    assert page.find("img", "iframe", "object") == []
    assert [attrs["href"] for attrs, _ in page.find("link")] == ["data:,"]
    assert not re.search(r"@import|url\((?!#)", html)
    (policy,) = (
        a["content"] for a, _ in page.find("meta") if a.get("http-equiv") == "Content-Security-Policy"
    )
    assert policy.startswith("default-src 'none'")
    assert {attrs.get("src") for attrs, _ in page.find("script")} == {None}


def test_what_users_wrote_is_inert(page, html):
    # Its own script and the numbers: no third.
    assert len(page.find("script")) == 2
    assert "<b>bold" not in html
    texts = [text for attrs, text in page.find("th") if attrs.get("dir") == "auto"]
    assert any(HARM in text for text in texts)
    (grids,) = (text for attrs, text in page.find("script") if attrs.get("type") == "application/json")
    assert json.loads(grids).keys() == {"confusion-0", "confusion-1"}


def test_each_figure_has_words_and_its_numbers(page):
    figures = page.find("svg")
    # Accuracy and closeness twice, for desk and phone.
    assert len(figures) == 2 + 2 + 2 + 2 + 2 + 4
    ids = [attrs["id"] for _, attrs, _ in page.elements if "id" in attrs]
    assert len(ids) == len(set(ids))
    for attrs, _ in figures:
        assert attrs["role"] == "img"
        assert set(attrs["aria-labelledby"].split()) <= set(ids)
    assert len(page.find("details")) == len(page.find("figure")) + 1


def test_tables_have_captions_and_scopes(page):
    assert len(page.find("caption")) == len(page.find("table")) > 10
    assert {attrs.get("scope") for attrs, _ in page.find("th")} == {"row", "col"}


def test_controls_have_labels_and_links_lead_somewhere(page):
    ids = {attrs["id"] for _, attrs, _ in page.elements if "id" in attrs}
    labelled = {attrs["for"] for attrs, _ in page.find("label")}
    assert labelled == {attrs["id"] for attrs, _ in page.find("select", "input")}
    for attrs, _ in page.find("a"):
        assert attrs["href"].startswith("#")
        assert attrs["href"][1:] in ids
    assert page.find("a")[0][0]["class"] == "skip"


def test_mistakes_are_sorted_and_in_their_language(page):
    rows = [attrs for attrs, _ in page.find("tr") if "data-model" in attrs]
    assert {row["data-language"] for row in rows} == {"en", "da", "de_AT", "-"}
    languages = {attrs.get("lang") for attrs, _ in page.find("th") if attrs.get("dir") == "auto"}
    assert languages == {"en", "da", "de-AT", None}
    scores = [float(text) for attrs, text in page.find("td") if attrs.get("class") == "number"]
    assert scores == sorted(scores, reverse=True)


def test_a_long_text_is_cut():
    found = evaluation(names=("one",), mistakes=1)
    score = found.models["one"].languages["en"]
    (mistake,) = score.mistakes
    long = replace(score, mistakes=[mistake._replace(text="x" * 1000)])
    model = replace(found.models["one"], languages={"en": long})
    (row,) = mistake_rows(replace(found, models={"one": model}), LABELS)
    assert row.text == "x" * (LONGEST - 1) + "…"


def test_the_page_has_only_what_there_is():
    page = Page(render_report(evaluation(names=("one",), mistakes=0, resamples=0)))
    titles = [text for _, text in page.find("h2")]
    assert titles == [
        "one",
        "Scores by language",
        "Languages and labels",
        "What is taken for what",
        "Calibration",
    ]
    text = "".join(text for _, text in page.find("body"))
    assert "interval" not in text
    assert "bootstrap" not in text


def test_a_page_of_any_number_of_labels():
    page = Page(render_report(evaluation(kind=independent)))
    headers = [text for attrs, text in page.find("th") if attrs.get("scope") == "col"]
    assert {"has it, given", "has it, missed", "hasn't, given", "hasn't, not given"} <= set(headers)


def test_closeness_of_other_languages_is_X785():
    with pytest.raises(ValueError, match=r"\[X785\].*'fi-encoder'.*languages fi;.*da, de_AT"):
        render_report(evaluation(), extras=Extras(Closeness("fi-encoder", {"fi": 0.5}), {}))


def test_the_same_evaluation_gives_the_same_page(html):
    again = render_report(evaluation(warnings=[f"[W753] {HARM}"]), extras=Extras(closeness(), logs()))
    assert again == html
