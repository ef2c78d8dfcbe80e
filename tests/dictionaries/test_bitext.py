import numpy as np
import pytest

from spacy_xling.dictionaries import bitext
from spacy_xling.dictionaries.bitext import MOST_WORDS, link_blocks, read_bitext


def words_of(side):
    """The words of each text of a side, by their types."""
    names = [side.types[word] for word in side.words]
    return [names[start : start + length] for start, length in zip(side.starts, side.lengths, strict=True)]


def test_texts_and_translations_become_numbers():
    found = read_bitext([("The box, the BOX!", "Æsken"), ("A box.", "En æske er en æske.")])
    assert words_of(found.source) == [["the", "box", "the", "box"], ["a", "box"]]
    assert words_of(found.target) == [["æsken"], ["en", "æske", "er", "en", "æske"]]
    assert found.source.words.tolist() == [0, 1, 0, 1, 2, 1]
    assert found.target.lengths.tolist() == [1, 5]


def test_links_of_two_pairs_by_hand():
    (links,) = link_blocks(read_bitext([("a b", "x y"), ("c", "z")]))
    assert links.source.tolist() == [0, 0, 1, 1, 2]
    assert links.target.tolist() == [0, 1, 0, 1, 2]
    np.testing.assert_allclose(links.distance, [0, 1 / 2, 1 / 2, 0, 0])


def test_distance_is_that_of_the_middles_of_the_words():
    (links,) = link_blocks(read_bitext([("a b", "x y z")]))
    # 1/4 and 3/4 of the text, 1/6, 3/6 and 5/6 of the translation.
    np.testing.assert_allclose(links.distance, [1 / 12, 1 / 4, 7 / 12, 7 / 12, 1 / 4, 1 / 12])


@pytest.mark.parametrize("most", [1, 6, 9, 1000])
def test_blocks_hold_whole_pairs_and_together_all_links(monkeypatch, most):
    text = read_bitext([("a b c", "x y"), ("a", "x"), ("b", "y z"), ("c c c c", "z z z"), ("a", "z")])
    (whole,) = link_blocks(text)
    monkeypatch.setattr(bitext, "BLOCK_LINKS", most)
    blocks = list(link_blocks(text))
    for name in ("source", "target", "distance"):
        together = np.concatenate([getattr(block, name) for block in blocks])
        np.testing.assert_array_equal(together, getattr(whole, name))
    sizes = [len(block.source) for block in blocks]
    assert sizes == {1: [6, 1, 2, 12, 1], 6: [6, 3, 12, 1], 9: [9, 12, 1], 1000: [22]}[most]


def test_the_usual_form_is_the_most_frequent_one_that_begins_no_sentence():
    text = "The Box. The box is a Paket, a Paket, a paket. BOX? Ist it? The"
    side = read_bitext([(text, "x")]).source
    forms = dict(zip(side.types, side.forms, strict=True))
    # "The" and "Ist" only begin sentences; of "Box" and "box", as frequent, the first counts.
    assert forms["the"] == "the"
    assert forms["ist"] == "ist"
    assert forms["paket"] == "Paket"
    assert forms["box"] == "Box"


@pytest.mark.parametrize("side", [0, 1])
@pytest.mark.parametrize(
    ("text", "is_read"),
    [
        (" ".join(["w"] * MOST_WORDS), True),
        (" ".join(["w"] * (MOST_WORDS + 1)), False),
        # A character of a script without blanks counts half.
        ("字" * (2 * MOST_WORDS), True),
        ("字" * (2 * MOST_WORDS + 1), False),
        ("字" * 2 + " w" * (MOST_WORDS - 1), True),
        ("字" * 3 + " w" * (MOST_WORDS - 1), False),
        ("... !", False),
        ("", False),
    ],
)
def test_pairs_too_long_or_without_words_are_left_out(text, is_read, side):
    pair = [text, "kept"] if side == 0 else ["kept", text]
    found = read_bitext([("first", "første"), pair, ("last", "sidste")])
    assert len(found.source.lengths) == len(found.target.lengths) == 2 + is_read
    assert words_of(found.source)[0] == ["first"]
    assert words_of(found.target)[-1] == ["sidste"]


def test_characters_join_where_nothing_stands_between_them():
    side = read_bitext([("我喜歡 茶，茶", "x"), ("我", "x"), ("カードを", "x")]).source
    # A blank, a comma and another text part them.
    assert side.joins.tolist() == [False, True, True, False, False, False, False, True]


def test_words_with_blanks_between_never_join():
    assert not read_bitext([("the parcel isn't here", "pakken er der ikke")]).source.joins.any()
