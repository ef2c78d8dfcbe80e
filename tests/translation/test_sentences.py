import pytest

from spacy_xling.translation import sentences
from spacy_xling.translation.sentences import cut, join, split_sentences, whole


@pytest.mark.parametrize(
    ("text", "language", "sentences"),
    [
        ("One here.  And two!\tThree?", "en", ["One here.", "And two!", "Three?"]),
        ("Mr. Smith came, e.g. today. Good.", "en", ["Mr. Smith came, e.g. today.", "Good."]),
        ("Das ist z.B. so. Ja.", "deu_Latn", ["Das ist z.B. so.", "Ja."]),
        ("It costs 3.50 today. Yes.", None, ["It costs 3.50 today.", "Yes."]),
        ("Title\n\n- first\r\n- second\n", "en", ["Title", "- first", "- second"]),
        ("你好。今天好吗？好", "zh", ["你好。", "今天好吗？", "好"]),
        ("元気です。「はい。」と言った。", "ja", ["元気です。", "「はい。」", "と言った。"]),
        ("Hello there", "tlh", ["Hello there"]),
        ("  \n ", "en", []),
        ("", None, []),
    ],
)
def test_a_text_is_its_sentences_and_what_stands_between(text, language, sentences):
    parts = split_sentences(text, language)
    assert parts[1::2] == sentences
    assert "".join(parts) == text


def test_translations_are_joined_as_the_sentences_stood():
    parts = [" ", "A.", "\n\n", "B.", "", "C.", "\n"]
    assert join(parts, spaced=True) == " A.\n\nB. C.\n"
    assert join(parts, spaced=False) == " A.\n\nB.C.\n"
    assert join(["  "], spaced=True) == "  "


def test_a_whole_text_is_one_sentence():
    assert whole(" A. B. ") == [" ", "A. B.", " "]
    assert whole("  ") == ["  "]


@pytest.mark.parametrize(
    ("sentence", "parts"),
    [
        ("aaa bbb ccc", ["aaa bbb", "ccc"]),
        ("aaa bbb", ["aaa bbb"]),
        ("aaaa  bbbbb cc", ["aaaa", "bbbbb", "cc"]),
        # No word ends early enough.
        ("aaaaaaaaaaaaaaa b", ["aaaaaaa", "aaaaaaa", "a b"]),
        ("b aaaaaaaaa", ["b", "aaaaaaa", "aa"]),
    ],
)
def test_a_long_sentence_is_cut_at_the_end_of_a_word(sentence, parts):
    found = cut(sentence, lambda part: len(part) <= 7)
    assert found[1::2] == parts
    assert "".join(found) == sentence


def test_what_fits_in_no_way_is_cut_into_characters():
    assert cut("ab c", lambda part: False)[1::2] == ["a", "b", "c"]


def test_the_words_of_a_stream_are_not_kept():
    split_sentences("One.", "en")
    strings = sentences._splitter("en").vocab.strings
    before = len(strings)
    for number in range(100):
        split_sentences(f"Wordnumber{number} here. Another{number}!", "en")
    assert len(strings) == before
