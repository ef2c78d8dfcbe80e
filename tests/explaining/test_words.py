"""Which words get a score, and which piece belongs to which."""

import numpy as np

from spacy_xling.explaining.words import piece_shares, split_words
from spacy_xling.types import NO_WORD
from tests.conftest import TEXTS


def texts_of(words):
    return [word.text for word in words]


def test_only_blanks_stand_between_words():
    assert texts_of(split_words("It's late!! Why? :-) 😀")) == ["It's", "late", "!!", "Why", "?", ":-)", "😀"]
    assert texts_of(split_words("  a a\n,, a")) == ["a", "a", ",,", "a"]
    assert split_words(" \n") == []
    for text in [*TEXTS, "…ab… (c)", "天気がいい。", "!", "a!"]:
        words = split_words(text)
        assert [text[word.start : word.end] for word in words] == texts_of(words)
        assert "".join(texts_of(words)) == "".join(text.split())


def test_unspaced_scripts_have_a_word_for_each_character():
    assert texts_of(split_words("天気がいい。")) == ["天", "気", "が", "い", "い", "。"]


def test_a_piece_over_several_words_is_shared_by_characters():
    words = split_words("ab c 天気")
    # A special piece, "a", "b c" with a blank, the blank alone, "天気", a special piece.
    offsets = [(0, 0), (0, 1), (1, 4), (4, 5), (5, 7), (0, 0)]
    numbers = np.array([NO_WORD, 0, 0, 1, 2, NO_WORD])
    expected = [
        [0, 0, 0, 0],
        [1, 0, 0, 0],
        [0.5, 0.5, 0, 0],
        [0, 0, 1, 0],
        [0, 0, 0.5, 0.5],
        [0, 0, 0, 0],
    ]
    np.testing.assert_array_equal(piece_shares(words, offsets, numbers), expected)


def test_a_blank_piece_at_the_end_belongs_to_the_last_word():
    shares = piece_shares(split_words("ab c "), [(0, 2), (3, 4), (4, 5)], np.array([0, 1, 1]))
    np.testing.assert_array_equal(shares, [[1, 0], [0, 1], [0, 1]])
