from concurrent.futures import ThreadPoolExecutor
from itertools import chain

import numpy as np
import pytest

from spacy_xling.pieces import windows
from spacy_xling.pieces.windows import join, select_texts, set_window, windows_as_texts
from spacy_xling.types import NO_WORD
from tests.conftest import TEXTS, make_tokenizer, split_windows

KINDS = ["wordpiece", "bpe", "unigram"]
LONG = " ".join(TEXTS)
ARRAYS = ["ids", "words", "lengths", "texts"]


@pytest.fixture(scope="module")
def tokenizers():
    return {kind: make_tokenizer(kind) for kind in KINDS}


def by_window(pieces):
    """(text, ids, words) of each window, by a loop over the pieces."""
    windows, start = [], 0
    for text, length in zip(pieces.texts.tolist(), pieces.lengths.tolist(), strict=True):
        ids, words = (array[start : start + length].tolist() for array in (pieces.ids, pieces.words))
        windows.append((text, ids, words))
        start += length
    assert start == len(pieces.ids) == len(pieces.words)
    return windows


def untruncated(tokenizer, text):
    """Ids and words of a text in one piece, without specials."""
    encoding = tokenizer(text, add_special_tokens=False, truncation=False)
    return encoding["input_ids"], encoding.word_ids()


def assert_same(left, right):
    assert left.n_texts == right.n_texts
    for name in ARRAYS:
        np.testing.assert_array_equal(getattr(left, name), getattr(right, name))


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(("window", "overlap"), [(12, 0), (12, 3), (16, 13), (3, 0), (64, 32)])
def test_windows_of_a_long_text_cover_every_piece_in_order_with_the_overlap(
    tokenizers, kind, window, overlap
):
    tokenizer = tokenizers[kind]
    ids, words = untruncated(tokenizer, LONG)
    room = window - 2
    windows = by_window(split_windows(tokenizer, [LONG], window=window, overlap=overlap))
    expected, start = [], 0
    while True:
        expected.append((ids[start : start + room], words[start : start + room]))
        if start + room >= len(ids):
            break
        start += room - overlap
    assert len(windows) > 1
    assert [(w_ids[1:-1], w_words[1:-1]) for _, w_ids, w_words in windows] == expected


@pytest.mark.parametrize("kind", KINDS)
def test_each_window_has_the_specials_and_keeps_to_its_size(tokenizers, kind):
    tokenizer = tokenizers[kind]
    pieces = split_windows(tokenizer, [LONG, TEXTS[0], ""], window=12, overlap=4)
    for _, ids, words in by_window(pieces):
        assert (ids[0], ids[-1]) == (tokenizer.cls_token_id, tokenizer.sep_token_id)
        assert (words[0], words[-1]) == (NO_WORD, NO_WORD)
        assert NO_WORD not in words[1:-1]
    assert pieces.lengths.max() == 12
    np.testing.assert_array_equal(pieces.is_word, pieces.words >= 0)


@pytest.mark.parametrize("kind", KINDS)
def test_a_text_that_fits_is_one_window_as_the_tokenizer_gives_it(tokenizers, kind):
    tokenizer = tokenizers[kind]
    expected = tokenizer(TEXTS[0])
    length = len(expected["input_ids"])
    for window in (length, length + 1, 64):
        ((text, ids, words),) = by_window(
            split_windows(tokenizer, TEXTS[:1], window=window, overlap=window // 2)
        )
        assert text == 0
        assert ids == expected["input_ids"]
        assert words == [NO_WORD if word is None else word for word in expected.word_ids()]
    assert len(split_windows(tokenizer, TEXTS[:1], window=length - 1, overlap=0).lengths) == 2


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("text", ["", " ", "\n\t  \n", "\u00a0\u3000"])
def test_an_empty_or_white_text_is_a_window_of_specials_without_words(tokenizers, kind, text):
    tokenizer = tokenizers[kind]
    pieces = split_windows(tokenizer, [TEXTS[0], text, TEXTS[1]], window=64, overlap=0)
    windows = by_window(pieces)
    assert windows[1] == (1, [tokenizer.cls_token_id, tokenizer.sep_token_id], [NO_WORD, NO_WORD])
    assert pieces.has_words.tolist() == [True, False, True]


def test_no_texts_are_no_windows(tokenizers):
    pieces = split_windows(tokenizers["bpe"], [], window=64, overlap=0)
    assert [len(getattr(pieces, name)) for name in ARRAYS] == [0, 0, 0, 0]
    assert pieces.n_texts == 0
    assert pieces.has_words.shape == (0,)


def test_texts_are_numbered_in_order_over_all_their_windows(tokenizers):
    tokenizer = tokenizers["unigram"]
    texts = [TEXTS[0], LONG, "", LONG, TEXTS[1]]
    together = split_windows(tokenizer, texts, window=20, overlap=5)
    expected = []
    for number, text in enumerate(texts):
        alone = split_windows(tokenizer, [text], window=20, overlap=5)
        expected += [(number, ids, words) for _, ids, words in by_window(alone)]
    assert by_window(together) == expected
    assert together.n_texts == 5
    assert together.has_words.tolist() == [True, True, False, True, True]


def test_words_are_numbered_within_the_text_over_its_windows(tokenizers):
    tokenizer = tokenizers["wordpiece"]
    text = "parcel " * 30
    pieces = split_windows(tokenizer, ["the box", text], window=10, overlap=2)
    words = [word for number, _, words in by_window(pieces) if number == 1 for word in words if word >= 0]
    assert sorted(set(words)) == list(range(30))
    assert words[0] == 0
    assert words[-1] == 29


@pytest.mark.parametrize(
    "text",
    [
        "พัสดุมาถึงช้าและกล่องแตกฉันต้องการเงินคืน",
        "包裹到得很晚而且盒子坏了我想退款" * 5,
        "荷物が遅れて届き箱が壊れていました",
        "🎁📦😀 𝒜𝓃 𐍈𐌰 👩‍👩‍👧",
    ],
)
def test_unspaced_scripts_and_astral_characters_survive(tokenizers, text):
    tokenizer = tokenizers["bpe"]
    windows = by_window(split_windows(tokenizer, [text], window=16, overlap=0))
    ids = [piece for _, w_ids, _ in windows for piece in w_ids[1:-1]]
    assert len(windows) > 1
    assert tokenizer.decode(ids, clean_up_tokenization_spaces=False) == text


@pytest.mark.parametrize(("window", "overlap"), [(16, 14), (16, 15), (16, 99), (16, -1), (2, 0), (1, 0)])
def test_an_overlap_that_leaves_no_room_is_X201(tokenizers, window, overlap):
    with pytest.raises(ValueError, match="X201"):
        split_windows(tokenizers["bpe"], TEXTS, window=window, overlap=overlap)


def test_splitting_leaves_the_tokenizer_as_it_was(tokenizers):
    tokenizer = tokenizers["bpe"].backend_tokenizer
    set_window(tokenizer, 16, 3)
    before = tokenizer.to_str()
    windows.split_windows(tokenizer, [LONG])
    assert tokenizer.to_str() == before


def test_threads_can_split_with_one_tokenizer(tokenizers):
    tokenizer = tokenizers["unigram"].backend_tokenizer
    set_window(tokenizer, 16, 3)
    expected = windows.split_windows(tokenizer, [LONG] * 4)
    with ThreadPoolExecutor(4) as pool:
        found = list(pool.map(lambda _: windows.split_windows(tokenizer, [LONG] * 4), range(200)))
    for pieces in found:
        assert_same(pieces, expected)


@pytest.mark.parametrize(
    "chosen",
    [
        [True, False, True, True],
        [False, True, False, False],
        [False, False, False, False],
        [True, True, True, True],
    ],
)
def test_select_texts_keeps_the_windows_of_the_chosen_texts_numbered_anew(tokenizers, chosen):
    texts = [TEXTS[0], LONG, "", TEXTS[1]]
    pieces = split_windows(tokenizers["unigram"], texts, window=24, overlap=4)
    kept = select_texts(pieces, np.array(chosen))
    expected = split_windows(
        tokenizers["unigram"], [t for t, c in zip(texts, chosen, strict=True) if c], window=24, overlap=4
    )
    assert_same(kept, expected)


def test_windows_as_texts_numbers_each_window(tokenizers):
    pieces = split_windows(tokenizers["unigram"], [TEXTS[0], LONG, ""], window=24, overlap=4)
    alone = windows_as_texts(pieces)
    expected = [(number, ids, words) for number, (_, ids, words) in enumerate(by_window(pieces))]
    assert by_window(alone) == expected
    assert alone.n_texts == len(expected) > 3


def test_join_gives_one_batch_as_if_split_together(tokenizers):
    parts = [[TEXTS[0], LONG], [], [""], [LONG, TEXTS[1]]]
    split = [split_windows(tokenizers["wordpiece"], part, window=24, overlap=4) for part in parts]
    together = split_windows(tokenizers["wordpiece"], list(chain(*parts)), window=24, overlap=4)
    assert_same(join(split), together)
    assert_same(join([]), split[1])
