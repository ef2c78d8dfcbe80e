from collections import Counter

import numpy as np
import pytest
import spacy
from spacy.tokens import Doc

from spacy_xling.data.languages import (
    get_language,
    register_language_extension,
    rows_by_language,
    sampling_shares,
    set_language,
)


@pytest.fixture
def doc():
    return spacy.blank("xx")("Hej verden")


def test_language_is_none_until_set(doc):
    assert get_language(doc) is None
    assert doc._.language is None


def test_set_language_is_what_get_language_and_the_extension_give(doc):
    set_language(doc, "da")
    assert get_language(doc) == "da"
    assert doc._.language == "da"
    set_language(doc, None)
    assert get_language(doc) is None


def test_rows_are_grouped_by_language_in_the_order_of_the_texts():
    docs = [spacy.blank("xx").make_doc("Hej") for _ in range(6)]
    for doc, language in zip(docs, ["da", None, "en", "da", "", "en"], strict=True):
        set_language(doc, language)
    assert list(rows_by_language(docs).items()) == [("da", [0, 3]), ("-", [1, 4]), ("en", [2, 5])]
    assert rows_by_language([]) == {}


def test_register_keeps_an_extension_that_is_there():
    Doc.set_extension("language", default="sv", force=True)
    try:
        register_language_extension()
        assert Doc.get_extension("language")[0] == "sv"
    finally:
        Doc.set_extension("language", default=None, force=True)


def test_set_language_refuses_what_is_no_string(doc):
    with pytest.raises(ValueError, match="X101"):
        set_language(doc, 3)
    assert get_language(doc) is None


def test_get_language_refuses_what_is_no_string(doc):
    doc._.language = ["da"]
    with pytest.raises(ValueError, match="X101"):
        get_language(doc)


@pytest.mark.parametrize(
    ("alpha", "expected"),
    [
        (1.0, {"da": 0.2, "sv": 0.8}),
        (0.0, {"da": 0.5, "sv": 0.5}),
        # Roots of 100 and 400 are 10 and 20.
        (0.5, {"da": 1 / 3, "sv": 2 / 3}),
        # 100^0.3 = 3.981072 and 400^0.3 = 6.034176.
        (0.3, {"da": 3.981072 / 10.015248, "sv": 6.034176 / 10.015248}),
    ],
)
def test_sampling_shares_known_values(alpha, expected):
    assert sampling_shares({"da": 100, "sv": 400}, alpha) == pytest.approx(expected, abs=1e-6)


def test_sampling_shares_are_the_frequencies_of_draws():
    shares = sampling_shares({"da": 1, "sv": 16, "nb": 81}, 0.25)
    assert shares == pytest.approx({"da": 1 / 6, "sv": 2 / 6, "nb": 3 / 6})
    draws = np.random.default_rng(0).choice(list(shares), size=20_000, p=list(shares.values()))
    for language, count in Counter(draws.tolist()).items():
        assert count / 20_000 == pytest.approx(shares[language], abs=0.015)


@pytest.mark.parametrize("alpha", [-0.1, 1.1, float("nan")])
def test_sampling_shares_refuse_alpha_outside_0_to_1(alpha):
    with pytest.raises(ValueError, match="X102"):
        sampling_shares({"da": 1}, alpha)


def test_sampling_shares_refuse_a_count_of_0():
    with pytest.raises(ValueError, match="X103"):
        sampling_shares({"da": 0, "sv": 5}, 0.0)


def test_blanks_around_a_language_are_taken_off(doc):
    set_language(doc, " da\u00a0")
    assert doc._.language == "da"
    doc._.language = "nb "
    assert get_language(doc) == "nb"
    doc._.language = "\u200b"
    assert get_language(doc) is None


@pytest.mark.parametrize(
    "extension",
    [
        {"getter": lambda doc: {"language": "en", "score": 0.9}},
        {"getter": lambda doc: "en"},
        {"method": lambda doc: "en"},
    ],
)
def test_a_language_that_another_packages_extension_does_not_take_is_X162(doc, extension):
    Doc.set_extension("language", force=True, **extension)
    try:
        with pytest.raises(ValueError, match=r"X162.*'da'.*another package"):
            set_language(doc, "da")
        # Nothing is lost of a text that says none.
        set_language(doc, None)
    finally:
        Doc.set_extension("language", default=None, force=True)


def test_another_packages_extension_that_can_be_set_is_used(doc):
    kept = {}
    there = {"getter": lambda doc: kept.get("it"), "setter": lambda doc, it: kept.update(it=it)}
    Doc.set_extension("language", force=True, **there)
    try:
        set_language(doc, "da")
        assert get_language(doc) == kept["it"] == "da"
    finally:
        Doc.set_extension("language", default=None, force=True)
