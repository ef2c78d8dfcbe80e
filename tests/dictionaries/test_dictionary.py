import pytest

from spacy_xling.dictionaries.dictionary import Dictionaries, Dictionary
from spacy_xling.dictionaries.reader import entry_key
from spacy_xling.dictionaries.words import find_words, lower

ENTRIES = {
    "parcel": {"pakke": 3.0, "kolli": 1.0},
    "money": {"penge": 1.0},
    "money back": {"penge tilbage": 1.0},
    "money back guarantee today": {"garanti": 1.0},
    "喜 歡": {"kan lide": 1.0},
}


def matches(text, entries=None):
    """How many words the longest entry has that begins at each word."""
    dictionary = Dictionary("en", "da", ENTRIES if entries is None else entries)
    words = find_words(text)
    keys = [lower(word.text) for word in words]
    return [dictionary.match(text, words, keys, first)[0] for first in range(len(words))]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("my money", [0, 1]),
        ("my Money Back now", [0, 2, 0, 0]),
        ("money  back", [2, 0]),
        ("money back guarantee today", [4, 0, 0, 0]),
        # Three words of an entry of four are none; the entry of two within it is one.
        ("money back guarantee", [2, 0, 0]),
        ("money money back", [1, 2, 0]),
        ("我喜歡茶", [0, 2, 0, 0]),
        ("喜 歡", [2, 0]),
        ("喜茶", [0, 0]),
    ],
)
def test_the_longest_entry_is_found(text, expected):
    assert matches(text) == expected


@pytest.mark.parametrize("between", [", ", ". ", "-", " (", "/"])
def test_punctuation_inside_a_phrase_stops_it(between):
    assert matches(f"money{between}back") == [1, 0]
    assert matches(f"money back{between}guarantee today") == [2, 0, 0, 0]


@pytest.mark.parametrize("phrase", ["e-mail", "AT&T", "24/7", "it’s", "U.S."])
def test_what_stands_between_the_words_of_an_entry_belongs_to_it(phrase):
    key = entry_key(phrase)
    assert matches(f"the {phrase} is", {key: {"x": 1.0}})[1] == len(find_words(phrase))
    apart = " ".join(word.text for word in find_words(phrase))
    assert apart == phrase or not any(matches(apart, {key: {"x": 1.0}}))


def test_a_phrase_ends_with_its_line():
    assert matches("money\nback") == [1, 0]


def test_a_phrase_may_begin_with_a_word_that_is_no_entry():
    assert matches("in spite of", {"in spite of": {"trods": 1.0}}) == [3, 0, 0]


@pytest.mark.parametrize(
    ("draw", "expected"),
    [(0.0, "pakke"), (0.7499, "pakke"), (0.75, "kolli"), (0.999999, "kolli")],
)
def test_a_translation_has_the_share_of_its_weight(draw, expected):
    assert Dictionary("en", "da", ENTRIES)["parcel"].pick(draw) == expected


def test_every_draw_below_one_gives_a_translation():
    weights = {f"t{number}": 0.1 + number / 7 for number in range(50)}
    translations = Dictionary("en", "da", {"word": weights})["word"]
    assert translations.cumulative[-1] == 1
    assert translations.pick(1 - 2**-53) == "t49"
    assert translations.pick(0.0) == "t0"


def test_a_dictionary_knows_its_entries_and_its_name():
    dictionary = Dictionary("en", "da", ENTRIES)
    assert len(dictionary) == 5
    assert "money back" in dictionary
    assert "back" not in dictionary
    assert dictionary.name == "en-da"
    assert [key for key, _ in dictionary.items()] == list(ENTRIES)


def test_dictionaries_are_found_by_their_source():
    few = {"a": {"b": 1.0}}
    one, two, three = (
        Dictionary("en", "da", ENTRIES),
        Dictionary("de", "da", few),
        Dictionary("en", "tr", few),
    )
    dictionaries = Dictionaries([one, two, three])
    assert dictionaries.sources == ["en", "de"]
    assert list(dictionaries.of("en")) == [one, three]
    assert list(dictionaries.of("da")) == list(dictionaries.of(None)) == []
    assert [dictionary.name for dictionary in dictionaries] == ["en-da", "en-tr", "de-da"]


def test_a_checksum_follows_from_words_translations_and_weights():
    def checksum(entries):
        return Dictionary("en", "da", entries).checksum

    expected = checksum({"a": {"x": 1.0, "y": 1.0}})
    assert checksum({"a": {"x": 2.0, "y": 2.0}}) == expected
    others = [{"b": {"x": 1.0, "y": 1.0}}, {"a": {"x": 1.0, "z": 1.0}}, {"a": {"x": 1.0, "y": 2.0}}]
    assert expected not in map(checksum, others)
    dictionary = Dictionary("en", "da", {"a": {"x": 1.0, "y": 1.0}})
    assert Dictionaries([dictionary]).checksums() == {"en-da": expected}
