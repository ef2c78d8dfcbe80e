"""Explanations as HTML: what is marked, how strongly, and that what users wrote does no harm."""

import re
from html.parser import HTMLParser

from spacy_xling.explaining import Explanation, WordScore
from spacy_xling.explaining.rendering import AGAINST, FOR, STRONGEST, render
from spacy_xling.explaining.words import split_words

HARM = "<script>alert(1)</script> & {0} \"'"


class Marks(HTMLParser):
    """The attributes of marked words, all tags, and all text."""

    def __init__(self, html):
        super().__init__()
        self.marks, self.text, self.tags = [], "", []
        self.feed(str(html))

    def handle_starttag(self, tag, attributes):
        self.tags.append(tag)
        if tag == "mark":
            self.marks.append(dict(attributes))

    def handle_data(self, data):
        self.text += data


def explanation(text, scores, **fields):
    words = split_words(text)
    scored = [WordScore(*word, score) for word, score in zip(words, scores, strict=True)]
    return Explanation(text, scored, "LATE", 0.75, "occlusion", **fields)


def strength(mark):
    return re.search(r"rgba\((.*), (\d\.\d\d)\)", mark["style"]).groups()


def test_words_are_as_strong_as_their_scores():
    page = Marks(render([explanation("very late,\n again", [0.1, 0.4, 0.0, -0.2])]))
    assert "very late,\n again" in page.text
    assert [[*strength(attributes), attributes["title"]] for attributes in page.marks] == [
        [FOR, f"{STRONGEST / 4:.2f}", "+0.1000"],
        [FOR, f"{STRONGEST:.2f}", "+0.4000"],
        [AGAINST, "0.00", "+0.0000"],
        [AGAINST, f"{STRONGEST / 2:.2f}", "-0.2000"],
    ]


def test_what_users_wrote_is_inert():
    words = split_words(HARM)
    one = explanation(HARM, range(len(words)), original=HARM)
    page = Marks(render([one], page=True))
    assert "script" not in page.tags
    assert page.text.count(HARM) == 2
    harmful = Explanation(HARM, one.words, HARM, 0.5, "occlusion", language='"><img>')
    assert {"script", "img"}.isdisjoint(Marks(render([harmful], page=True)).tags)


def test_a_page_is_whole_and_a_part_is_not():
    one = explanation("late", [1.0], language="de_AT")
    assert str(render([one, one], page=True)).startswith("<!DOCTYPE html>")
    part = str(render([one, one]))
    assert part.startswith("<figure")
    assert part.count("<figure") == 2
    assert 'lang="de-AT"' in part
    assert "0.7500" in part


def test_a_translation_stands_beside_its_text():
    html = str(render([explanation("it is late", [0, 0, 1], original="es ist spät", language="de")]))
    assert html.index("es ist spät") < html.index(">it<")
    assert html.count('lang="de"') == 1
    assert "grid" in html


def test_scores_of_nothing_mark_nothing():
    (mark,) = Marks(render([explanation("late", [0.0])])).marks
    assert strength(mark)[1] == "0.00"
