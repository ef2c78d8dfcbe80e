from functools import partial

import numpy as np
import pytest

from spacy_xling.data.sources import RawText, TextPair
from spacy_xling.pieces.cutting import cut_pairs, cut_texts
from spacy_xling.pieces.windows import join, places, set_window, split_windows
from spacy_xling.types import NO_WORD
from tests.conftest import TEXTS, make_tokenizer

PAIRS = [TextPair(TEXTS[0], TEXTS[2], "en-de"), TextPair(TEXTS[1], TEXTS[3], "en-de")]


@pytest.fixture(params=["wordpiece", "bpe", "unigram"])
def tokenizer(request):
    return make_tokenizer(request.param)


def cut(tokenizer, pairs, window):
    set_window(tokenizer.backend_tokenizer, window, 0)
    return cut_pairs(pairs, split=partial(split_windows, tokenizer.backend_tokenizer), window=window)


def windows_of(pieces):
    return [ids.tolist() for ids in np.split(pieces.ids, pieces.starts[1:])]


def ids(tokenizer, text):
    """Ordinary pieces only."""
    tokenizer.backend_tokenizer.no_truncation()
    return tokenizer(text, add_special_tokens=False)["input_ids"]


def test_a_pair_is_one_window_with_both_sides_and_every_other_is_turned_round(tokenizer):
    start, end = tokenizer.cls_token_id, tokenizer.sep_token_id
    windows = windows_of(cut(tokenizer, PAIRS, 300))
    assert windows == [
        [start, *ids(tokenizer, TEXTS[0]), end, *ids(tokenizer, TEXTS[2]), end],
        [start, *ids(tokenizer, TEXTS[3]), end, *ids(tokenizer, TEXTS[1]), end],
    ]


def test_no_word_spans_both_sides(tokenizer):
    pieces = cut(tokenizer, PAIRS[:1], 300)
    ordinary = pieces.words != NO_WORD
    first_side = np.cumsum(~ordinary) == 1
    assert not set(pieces.words[ordinary & first_side]) & set(pieces.words[ordinary & ~first_side])
    assert (ordinary == ~np.isin(pieces.ids, [tokenizer.cls_token_id, tokenizer.sep_token_id])).all()


def test_both_texts_of_a_pair_have_the_places_that_they_have_alone(tokenizer):
    pair = cut(tokenizer, PAIRS[:1], 300)
    alone = [split_windows(tokenizer.backend_tokenizer, [text]) for text in (TEXTS[0], TEXTS[2])]
    expected = [*range(len(alone[0].ids)), *range(1, len(alone[1].ids))]
    assert places(pair).tolist() == expected
    # A window by itself before and behind it, one of them without a word.
    empty = split_windows(tokenizer.backend_tokenizer, [""])
    neighbours = join([alone[0], pair, empty])
    assert places(neighbours).tolist() == [*range(len(alone[0].ids)), *expected, *range(len(empty.ids))]


def test_pieces_that_a_text_writes_out_start_no_text(tokenizer):
    written = f"{TEXTS[0]} {tokenizer.sep_token} {tokenizer.mask_token} {TEXTS[1]}"
    pieces = split_windows(tokenizer.backend_tokenizer, [written])
    assert tokenizer.mask_token_id in pieces.ids
    assert places(pieces).tolist() == list(range(len(pieces.ids)))


def test_a_pair_that_does_not_fit_is_the_windows_of_its_texts(tokenizer):
    both = len(windows_of(cut(tokenizer, PAIRS[:1], 300))[0])
    set_window(tokenizer.backend_tokenizer, both - 1, 0)
    alone = windows_of(split_windows(tokenizer.backend_tokenizer, [TEXTS[0], TEXTS[2]]))
    assert windows_of(cut(tokenizer, PAIRS[:1], both - 1)) == alone
    assert len(windows_of(cut(tokenizer, PAIRS[:1], both))) == 1


def test_a_side_longer_than_the_window_loses_nothing(tokenizer):
    pair = TextPair(" ".join(TEXTS[:3]), TEXTS[3], None)
    windows = windows_of(cut(tokenizer, [pair], 12))
    specials = {tokenizer.cls_token_id, tokenizer.sep_token_id}
    flat = [piece for window in windows for piece in window if piece not in specials]
    assert flat == ids(tokenizer, pair.first) + ids(tokenizer, pair.second)
    assert max(map(len, windows)) <= 12


def test_every_window_is_a_text_of_its_own(tokenizer):
    pieces = cut(tokenizer, PAIRS * 3, 16)
    assert pieces.n_texts == len(pieces.lengths)
    assert pieces.texts.tolist() == list(range(pieces.n_texts))


def test_raw_texts_are_cut_as_texts(tokenizer):
    set_window(tokenizer.backend_tokenizer, 12, 2)
    pieces = cut_texts(
        [RawText(text, "de") for text in TEXTS], split=partial(split_windows, tokenizer.backend_tokenizer)
    )
    assert windows_of(pieces) == windows_of(split_windows(tokenizer.backend_tokenizer, TEXTS))
