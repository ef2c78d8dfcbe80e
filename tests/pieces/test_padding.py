from itertools import combinations, pairwise

import numpy as np
import pytest

from spacy_xling.pieces.padding import (
    ATTENTION_LENGTH,
    PASS_COST,
    PassShape,
    cheapest_passes,
    equal_passes,
    like_lengths,
    pad,
    padded_positions,
    within_half,
    work,
)
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


def test_a_length_to_pad_to_is_where_pieces_go_then():
    pieces = pieces_of([2, 3])
    assert padded_positions(pieces, 5).tolist() == [0, 1, 5, 6, 7]
    assert pad(np.array([1, 2, 3, 4, 5]), pieces, 0, 5).tolist() == [[1, 2, 0, 0, 0], [3, 4, 5, 0, 0]]


@pytest.mark.parametrize(
    ("longest", "items", "multiple", "expected"),
    [(60, 17, 1, 60), (60, 17, 64, 64), (60, 16, 64, 60), (61, 16, 64, 64), (61, 6, 64, 64), (33, 6, 64, 64)],
)
def test_padded_pieces_are_a_multiple(longest, items, multiple, expected):
    assert PassShape(1024, multiple).padded_length(longest, items) == expected
    assert expected * items % multiple == 0


def test_nothing_is_padded_beyond_what_the_encoder_takes():
    shape = PassShape(1024, 64, longest=100)
    assert shape.padded_length(97, 3) == 97
    assert shape.padded_length(90, 8) == 96


def passes_cost(groups, lengths, shape):
    """What the docstring says that passes cost."""
    longest = [max(lengths[item] for item in group) for group in groups]
    padded = [shape.padded_length(one, len(group)) for one, group in zip(longest, groups, strict=True)]
    return sum(len(group) * length + PASS_COST for group, length in zip(groups, padded, strict=True))


@pytest.mark.parametrize("multiple", [1, 64])
@pytest.mark.parametrize("seed", range(4))
def test_no_way_to_cut_the_sorted_items_is_cheaper(seed, multiple):
    lengths = np.random.default_rng(seed).integers(1, 150, size=9)
    shape = PassShape(400, multiple)
    order = sorted(range(9), key=lambda item: (-lengths[item], item))
    costs = []
    for n_cuts in range(9):
        for cuts in combinations(range(1, 9), n_cuts):
            edges = [0, *cuts, 9]
            groups = [order[one:other] for one, other in pairwise(edges)]
            if all(len(group) * lengths[group[0]] <= 400 for group in groups):
                costs.append(passes_cost(groups, lengths, shape))
    assert passes_cost(cheapest_passes(lengths, shape), lengths, shape) == min(costs)


@pytest.mark.parametrize("max_pieces", [1, 64, 500])
def test_passes_hold_every_item_once_within_the_budget_longest_first(max_pieces):
    lengths = np.random.default_rng(1).integers(1, 80, size=200)
    groups = cheapest_passes(lengths, PassShape(max_pieces))
    in_order = [item for group in groups for item in group]
    assert sorted(in_order) == list(range(200))
    assert lengths[in_order].tolist() == sorted(lengths, reverse=True)
    for group in groups:
        assert len(group) == 1 or lengths[group].max() * len(group) <= max_pieces


def test_no_items_are_no_passes():
    assert cheapest_passes(np.zeros(0, dtype=np.int64), PassShape(64)) == []


def test_no_item_of_a_group_is_shorter_than_half_of_its_longest_one():
    assert within_half(np.array([3, 10, 4, 5, 9, 1, 2])) == [[1, 4, 3], [2, 0, 6], [5]]
    assert within_half(np.zeros(0, dtype=np.int64)) == []


@pytest.mark.parametrize("n", [1, 2, 7])
def test_equal_passes_hold_every_item_once_longest_first_and_of_about_the_same_cost(n):
    lengths = np.random.default_rng(2).integers(1, 40, size=100)
    groups = equal_passes(lengths, n)
    in_order = [item for group in groups for item in group]
    assert sorted(in_order) == list(range(100))
    assert lengths[in_order].tolist() == sorted(lengths, reverse=True)
    assert len(groups) == n
    assert all(abs(lengths[group].sum() - lengths.sum() / n) < 40 for group in groups)


def test_a_window_costs_twice_its_pieces_where_its_attention_costs_as_much_as_all_else():
    assert work(np.array([1, 10, ATTENTION_LENGTH])).tolist() == [1, 10, 2 * ATTENTION_LENGTH]
    assert work(500) == 500 + 500 * 500 // ATTENTION_LENGTH


def test_equal_passes_by_hand():
    assert equal_passes(np.array([1, 5, 2, 4]), 2) == [[1, 3], [2, 0]]
    assert equal_passes(np.array([7]), 4) == [[0]]
    assert equal_passes(np.zeros(0, dtype=np.int64), 2) == []


@pytest.mark.parametrize("length", [8, 100, 512])
def test_windows_of_one_length_are_dealt_out_evenly(length):
    groups = equal_passes(work(np.full(24, length)), 8)
    assert [len(group) for group in groups] == [3] * 8
