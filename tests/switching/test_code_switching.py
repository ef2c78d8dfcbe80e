import json
import math
import random
from collections import Counter

import pytest

from spacy_xling.dictionaries.dictionary import Dictionaries, Dictionary
from spacy_xling.dictionaries.words import find_words
from spacy_xling.switching.code_switching import (
    CodeSwitcher,
    Replacement,
    build_code_switching_v1,
    cased,
    write_text,
)

N = 10_000
DANISH = Dictionary("en", "da", {word: {f"{word}da": 1.0} for word in "abcd"})
TURKISH = Dictionary("en", "tr", {"a": {"atr": 1.0}})
BOTH = Dictionaries([DANISH, TURKISH])
ONE = Dictionaries([DANISH])
WORDS = {
    "parcel": {"pakke": 1.0},
    "the parcel": {"pakken": 1.0},
    "late": {"for sent": 1.0},
    "money back": {"penge tilbage": 1.0},
    "order": {"Bestellung": 1.0},
}


def switcher(dictionaries, **settings):
    return CodeSwitcher(build_code_switching_v1(**{"share": 1.0, **settings}), dictionaries)


def switch(text, entries=WORDS, source="en", **settings):
    """A text in which everything is replaced that can be."""
    dictionary = Dictionary(source, "da", entries)
    return switcher(Dictionaries([dictionary]), **settings).switch(text, source)


def assert_share(hits, trials, share):
    """Within four standard errors of a binomial draw."""
    assert abs(hits - trials * share) <= 4 * math.sqrt(trials * share * (1 - share)) + 1e-9


@pytest.mark.parametrize("share", [0.0, 0.3, 0.5, 1.0])
def test_share_is_that_of_the_texts_that_are_switched(share):
    draws = switcher(ONE, share=share)
    texts = [draws.switch("a b", "en").text for _ in range(N)]
    assert set(texts) <= {"a b", "ada bda"}
    assert_share(texts.count("ada bda"), N, share)


@pytest.mark.parametrize("rate", [0.2, 0.7, 1.0])
def test_rate_is_the_share_of_the_words_that_are_replaced(rate):
    draws = switcher(ONE, rate=rate)
    switched = [draws.switch("a b x", "en") for _ in range(N // 2)]
    assert_share(sum(found.n_replaced for found in switched), N, rate)
    assert {found.n_words for found in switched} == {3}
    # Each word is drawn by itself.
    both = sum(found.n_replaced == 2 for found in switched)
    assert_share(both, N // 2, rate**2)


def languages_of(switched):
    return [replacement.target for replacement in switched.replacements]


def test_by_text_a_text_is_of_one_language():
    draws = switcher(BOTH, by="text")
    found = [languages_of(draws.switch("a a a a", "en")) for _ in range(N)]
    assert all(len(set(languages)) == 1 for languages in found)
    assert_share(sum(languages[0] == "da" for languages in found), N, 1 / 2)


def test_by_word_languages_mix():
    draws = switcher(BOTH, by="word")
    found = Counter(tuple(languages_of(draws.switch("a a", "en"))) for _ in range(N))
    for pair in (("da", "da"), ("da", "tr"), ("tr", "da"), ("tr", "tr")):
        assert_share(found[pair], N, 1 / 4)


@pytest.mark.parametrize(("alpha", "share"), [(0.0, 1 / 2), (0.5, 2 / 3), (1.0, 4 / 5)])
@pytest.mark.parametrize("by", ["text", "word"])
def test_languages_are_drawn_by_entries_to_the_power_of_alpha(by, alpha, share):
    # Danish has four entries, Turkish one.
    draws = switcher(BOTH, by=by, alpha=alpha)
    found = [languages_of(draws.switch("a", "en"))[0] for _ in range(N)]
    assert_share(found.count("da"), N, share)


def test_a_word_that_the_drawn_language_has_not_stays():
    draws = switcher(BOTH, by="text")
    assert {draws.switch("a b", "en").text for _ in range(50)} == {"ada bda", "atr b"}


@pytest.mark.parametrize("rate", [0.5, 1.0])
def test_translations_are_drawn_by_weight_whatever_the_rate(rate):
    entries = {"a": {"one": 1.0, "two": 2.0, "five": 5.0}}
    draws = switcher(Dictionaries([Dictionary("en", "da", entries)]), rate=rate)
    found = Counter(word for _ in range(N // 10) for word in draws.switch("a " * 10, "en").text.split())
    n = N - found["a"]
    for text, share in (("one", 1 / 8), ("two", 2 / 8), ("five", 5 / 8)):
        assert_share(found[text], n, share)


@pytest.mark.parametrize(("text", "language"), [("a b", "da"), ("a b", None), ("... !", "en"), ("", "en")])
def test_text_of_another_language_or_without_words_stays_and_draws_nothing(text, language):
    draws = switcher(BOTH)
    before = draws.state_dict()
    assert draws.switch(text, language) == (text, len(find_words(text)), ())
    assert draws.state_dict() == before
    draws.switch("a b", "en")
    assert draws.state_dict() != before


def test_all_else_stays_as_it_is():
    draw = random.Random(0)
    draws = switcher(ONE, rate=0.6)
    for _ in range(300):
        parts = [draw.choice(["a", "b", "x", "y", "Zoë", "it's", "3"]) for _ in range(8)]
        between = [draw.choice([" ", "  ", ", ", "\n", " (", ") — ", "/", "... ", "\t"]) for _ in range(8)]
        text = "".join(word + gap for word, gap in zip(parts, between, strict=True))
        found = draws.switch(text, "en")
        expected = list(parts)
        for replacement in found.replacements:
            expected[replacement.first] = replacement.translation
        assert found.text == "".join(word + gap for word, gap in zip(expected, between, strict=True))


def test_what_was_replaced_is_told():
    found = switch("My order: the parcel is late!")
    assert found.text == "My Bestellung: pakken is for sent!"
    assert found.n_words == 6
    assert found.n_replaced == 4
    assert found.replacements == [
        Replacement(1, 1, "Bestellung", "da"),
        Replacement(2, 2, "pakken", "da"),
        Replacement(5, 1, "for sent", "da"),
    ]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        # A capital at the start of a sentence stays, and none elsewhere.
        ("Parcel here. Late. late", "Pakke here. For sent. for sent"),
        ("my Parcel", "my pakke"),
        ("parcel here", "pakke here"),
        ("My order, Order", "My Bestellung, Bestellung"),
        # All capitals stay, and those of a phrase.
        ("THE PARCEL IS LATE", "PAKKEN IS FOR SENT"),
        ("my PARCEL", "my PAKKE"),
        ("First\nParcel", "First\nPakke"),
    ],
)
def test_capitals_are_those_of_the_text(text, expected):
    assert switch(text).text == expected


def test_a_single_capital_letter_is_no_word_in_capitals():
    assert cased("jeg", "I", False) == "jeg"
    assert cased("jeg", "I", True) == "Jeg"
    assert cased("jeg", "IT", False) == "JEG"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("the parcel, parcel", "pakken, pakke"),
        ("money back", "penge tilbage"),
        ("my  money  back now", "my  penge tilbage now"),
        ("my money\nback now", "my money\nback now"),
        ("money, back", "money, back"),
        ("money", "money"),
    ],
)
def test_phrases_are_replaced_whole(text, expected):
    assert switch(text).text == expected


def test_with_a_rate_a_phrase_is_replaced_whole_or_not_at_all():
    draws = switcher(Dictionaries([Dictionary("en", "da", WORDS)]), rate=0.5)
    found = Counter(draws.switch("the parcel", "en").text for _ in range(N))
    # A phrase that isn't drawn leaves none of its words to be replaced.
    assert set(found) == {"the parcel", "pakken"}
    assert_share(found["pakken"], N, 1 / 2)


def test_words_of_a_script_without_blanks_are_joined():
    entries = {"i": {"我": 1.0}, "like": {"喜歡": 1.0}, "tea": {"茶": 1.0}}
    assert switch("I like tea", entries).text == "我喜歡茶"
    assert switch("I like, tea!", entries).text == "我喜歡, 茶!"
    assert switch("I really like tea.", entries).text == "我 really 喜歡茶."
    assert switch("I  really  like", entries).text == "我  really  喜歡"


def test_words_with_blanks_get_them_in_a_script_without():
    entries = {"喜 歡": {"kan lide": 1.0}, "茶": {"te": 1.0}}
    assert switch("我喜歡茶。", entries, "zh").text == "我 kan lide te。"
    assert switch("我要茶和水", entries, "zh").text == "我要 te 和水"
    assert switch("(茶)喜歡", entries, "zh").text == "(te)kan lide"
    assert switch("茶", entries, "zh").text == "te"


def test_between_two_scripts_without_blanks_there_is_none():
    assert switch("我喜歡茶", {"喜 歡": {"好き": 1.0}}, "zh").text == "我好き茶"
    assert switch("私は カード", {"カード": {"卡": 1.0}}, "ja").text == "私は卡"


def test_a_text_without_replacements_is_itself():
    text = " 我 喜歡  a b "
    assert write_text(text, find_words(text), []) is text


def test_a_restored_switcher_goes_on_where_it_was_saved():
    draws = switcher(BOTH, share=0.5, by="word", rate=0.7)
    for _ in range(33):
        draws.switch("a b c", "en")
    state = json.loads(json.dumps(draws.state_dict()))
    following = [draws.switch("a b c", "en") for _ in range(50)]
    other = switcher(BOTH, share=0.5, by="word", rate=0.7)
    other.load_state_dict(state)
    assert [other.switch("a b c", "en") for _ in range(50)] == following


def test_one_seed_gives_the_same_texts_and_another_others():
    one, same, other = (switcher(BOTH, share=0.5, by="word", seed=seed) for seed in (3, 3, 4))
    texts = [[draws.switch("a b c a", "en").text for _ in range(30)] for draws in (one, same, other)]
    assert texts[0] == texts[1] != texts[2]
    # Each visit of a text is a draw of its own.
    assert len(set(texts[0])) > 2


@pytest.mark.parametrize(
    "dictionaries",
    [
        [DANISH],
        [DANISH, TURKISH, Dictionary("da", "en", {"a": {"x": 1.0}})],
        # As many entries, but another word, translation or weight.
        [DANISH, Dictionary("en", "tr", {"b": {"atr": 1.0}})],
        [DANISH, Dictionary("en", "tr", {"a": {"btr": 1.0}})],
        [DANISH, Dictionary("en", "tr", {"a": {"atr": 1.0, "btr": 0.5}})],
    ],
)
def test_a_state_of_other_dictionaries_is_X209(dictionaries):
    draws = switcher(Dictionaries(dictionaries))
    before = draws.state_dict()
    state = switcher(BOTH).state_dict()
    with pytest.raises(ValueError, match="X209"):
        draws.load_state_dict(state)
    assert draws.state_dict() == before


@pytest.mark.parametrize(
    "settings",
    [{"share": -0.1}, {"share": 1.1}, {"share": math.nan}, {"rate": 0.0}, {"rate": 1.1}, {"rate": math.nan}],
)
def test_a_share_or_rate_out_of_range_is_X208(settings):
    with pytest.raises(ValueError, match=f"X208.*{next(iter(settings))}"):
        build_code_switching_v1(**settings)


@pytest.mark.parametrize("alpha", [-0.1, 1.1])
def test_alpha_out_of_range_is_X102(alpha):
    with pytest.raises(ValueError, match="X102"):
        build_code_switching_v1(alpha=alpha)
