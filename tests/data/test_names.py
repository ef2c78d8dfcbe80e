import time

import pytest

from spacy_xling.data.names import alike_warnings, clean_name, find_alike


@pytest.mark.parametrize(
    "name", ["refund ", "\trefund\r\n", "\u00a0refund", "refund\u200b", "\ufeffrefund", "\u202arefund\x00 "]
)
def test_what_cannot_be_seen_around_a_name_is_taken_off(name):
    assert clean_name(name) == "refund"


def test_what_stands_within_a_name_stays():
    # The joiner makes another Persian word, and the blank two words.
    for name in ("می\u200cخواهم", "a  b", ""):
        assert clean_name(name) == name


def test_names_that_differ_in_case_blanks_or_normal_form_are_alike():
    names = [
        "late",
        "Refund",
        "café",
        "REFUND",
        "cafe\u0301",
        "Straße",
        "re fund",
        "STRASSE",
        "re\u00a0 fund",
    ]
    assert find_alike([*names, "Refund"]) == [
        ["Refund", "REFUND"],
        ["café", "cafe\u0301"],
        ["Straße", "STRASSE"],
        ["re fund", "re\u00a0 fund"],
    ]
    assert find_alike(["refund", "refunds", "réfund"]) == []


def test_there_is_a_warning_of_each_kind_and_what_looks_the_same_is_told_by_its_codes():
    labels, languages = alike_warnings(["a", "A", "café", "cafe\u0301"], ["de", "DE", "en"])
    assert labels.startswith("[W160]")
    assert r"(2): 'a' and 'A'; 'caf\xe9' and 'cafe\u0301'." in labels
    assert languages.startswith("[W161]")
    assert "(1): 'de' and 'DE'." in languages
    assert alike_warnings(["a", "b"], ["a", "A"])[0].startswith("[W161]")
    assert alike_warnings(["a"], ["A"]) == []


def test_names_of_any_length_are_cleaned_at_once():
    name = "a" + " " * 100_000 + "b"
    start = time.process_time()
    assert clean_name(f"\u200b {name}\u00a0") == name
    assert time.process_time() - start < 0.5
