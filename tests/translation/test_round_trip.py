"""There and back: each way as a translator of its own, texts in order, doubts of both."""

from collections import Counter

import pytest

from spacy_xling.data.sources import RawText
from spacy_xling.translation.round_trip import RoundTrip
from spacy_xling.translation.translator import DEFAULTS, Translator
from tests.conftest import TEXTS
from tests.translation.test_translator import LOOP, PLAIN, Scripted

THERE = {"A one here": "Et a her", "B two": "Nummer to", "Ein C": "Et c", "Loop here now": LOOP}
TO_ENGLISH = {"Et a her": "An a here", "Nummer to": LOOP, LOOP: "Loop now here"}


def trip(texts, there, back, settings=PLAIN, target="da"):
    """The results for pairs of a text and its language; `back` is a model for each language."""
    way = RoundTrip(Translator(lambda source: there, target, settings), back.__getitem__)
    shares = []
    window = [way.split(RawText(*text)) for text in texts]
    found = way.translate(window, on_progress=shares.append)
    assert shares == sorted(shares)
    assert shares[-1:] in ([], [1.0]) or len(texts) > 1
    return found


def test_each_text_comes_back_to_its_own_language_in_order():
    back = {"en": Scripted(TO_ENGLISH), "de": Scripted({"Et c": "Ein c"})}
    texts = [
        ("A one here", "en"),
        ("Ein C", "de"),
        ("Et to", "da"),
        (" ", None),
        ("B two", "en"),
        ("12", "en"),
        ("Loop here now", "en"),
    ]
    found = trip(texts, Scripted(THERE), back)
    assert [translation.text for translation in found] == [
        "An a here",
        "Ein c",
        "Et to",
        " ",
        LOOP,
        "12",
        "Loop now here",
    ]
    # A doubt of either way counts.
    assert [translation.doubts for translation in found] == [(), (), (), (), ("repeated",), (), ("repeated",)]
    assert found[0].counts == Counter(sentences=2)
    assert found[2].counts == Counter(same=1)
    assert found[4].counts == Counter({"sentences": 2, "found repeated": 1, "left repeated": 1})


def test_it_is_two_translators_in_a_row(engines):
    engine = engines("m2m100")
    settings = DEFAULTS._replace(beams=2)
    texts = [(f"{TEXTS[0]}\n{TEXTS[1]}", "en"), (TEXTS[2], "de"), (TEXTS[1], "en")]
    found = trip(texts, engine, {"en": engine, "de": engine}, settings, target="da")
    for (text, language), translation in zip(texts, found, strict=True):
        (there,) = Translator(lambda source: engine, "da", settings).pipe([RawText(text, language)])
        (back,) = Translator(lambda source: engine, language, settings).pipe([RawText(there.text, "da")])
        assert translation.text == back.text
        assert translation.doubts == tuple(dict.fromkeys((*there.doubts, *back.doubts)))


def test_a_text_whose_language_is_not_known_cannot_come_back():
    with pytest.raises(ValueError, match=r"^\[X815\].*A one"):
        trip([("A one here", None)], Scripted(THERE), {})
