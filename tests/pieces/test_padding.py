import numpy as np
import pytest

from spacy_xling.pieces.padding import like_lengths, pad, padded_positions
from spacy_xling.types import Pieces

LENGTHS = [[3], [1, 4, 2], [5, 5, 5], [2, 9, 1, 1, 7]]


def pieces_of(lengths):
    generator = np.random.default_rng(sum(lengths))
    n = sum(lengths)
    ids, words = generator.integers(5, 99, size=n), generator.integers(0, 9, size=n)
    return Pieces(ids, words, np.array(lengths, dtype=np.int64), np.arange(len(lengths)), len(lengths))


@pytest.mark.parametrize("lengths", LENGTHS)
def test_pad_lays_out_rows_and_fills_the_rest(lengths):
    pieces = pieces_of(lengths)
    padded = pad(pieces.ids, pieces, 1)
    longest, start = max(lengths), 0
    assert padded.shape == (len(lengths), longest)
    for row, length in enumerate(lengths):
        assert padded[row].tolist() == pieces.ids[start : start + length].tolist() + [1] * (longest - length)
        start += length


def test_pad_keeps_the_kind_of_number():
    pieces = pieces_of([2, 1])
    flags = pad(np.ones(3, dtype=bool), pieces, False)
    assert flags.dtype == bool
    assert flags.tolist() == [[True, True], [True, False]]
    assert pad(np.array([0.5, 1.5, 2.5]), pieces, -1.0).tolist() == [[0.5, 1.5], [2.5, -1.0]]


@pytest.mark.parametrize("lengths", LENGTHS)
def test_padded_positions_count_row_by_row(lengths):
    longest = max(lengths)
    expected = [row * longest + column for row, length in enumerate(lengths) for column in range(length)]
    assert padded_positions(pieces_of(lengths)).tolist() == expected


def test_no_windows_are_an_empty_batch():
    pieces = pieces_of([])
    assert padded_positions(pieces).tolist() == []
    assert pad(pieces.ids, pieces, 1).shape == (0, 0)


@pytest.mark.parametrize("max_padded", [1, 10, 64, 500, 10**6])
def test_like_lengths_holds_every_item_once_within_the_budget_longest_first(max_padded):
    lengths = np.random.default_rng(1).integers(1, 80, size=200).tolist()
    groups = like_lengths(lengths, max_padded)
    assert sorted(item for group in groups for item in group) == list(range(200))
    for group in groups:
        assert len(group) == 1 or max(lengths[item] for item in group) * len(group) <= max_padded
    in_order = [lengths[item] for group in groups for item in group]
    assert in_order == sorted(lengths, reverse=True)


def test_like_lengths_opens_no_group_without_need():
    lengths = np.random.default_rng(2).integers(1, 80, size=200).tolist()
    groups = like_lengths(lengths, 300)
    assert len(groups) > 5
    for group in groups[:-1]:
        assert lengths[group[0]] * (len(group) + 1) > 300


def test_like_lengths_by_hand():
    assert like_lengths([3, 9, 3, 8, 1, 20], 18) == [[5], [1, 3], [0, 2, 4]]
    assert like_lengths([], 10) == []


def test_like_lengths_is_deterministic_and_keeps_the_order_of_equals():
    assert like_lengths([5] * 7, 15) == [[0, 1, 2], [3, 4, 5], [6]]
    lengths = np.random.default_rng(3).integers(1, 9, size=100).tolist()
    assert like_lengths(lengths, 40) == like_lengths(list(lengths), 40)
