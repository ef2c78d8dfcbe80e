"""Searches over a made-up model, whose best sequences are found by trying all."""

from itertools import pairwise, product

import pytest
import torch

from spacy_xling.models.beam_search import Step, search

END, PIECES, LIMIT = 0, 5, 4


class Table(Step):
    """A model whose probabilities are drawn by what was chosen before; it notes how it was asked."""

    def __init__(self, n_texts, seed=0):
        self.seed = seed
        self.prefixes = [(text,) for text in range(n_texts)]
        self.rows = []

    def log_p(self, prefix):
        generator = torch.Generator().manual_seed(hash((self.seed, *prefix)) % 2**31)
        return torch.randn(PIECES, generator=generator, dtype=torch.float64).mul(2).log_softmax(0)

    def begin(self):
        self.rows.append(len(self.prefixes))
        return torch.stack([self.log_p(prefix) for prefix in self.prefixes])

    def go_on(self, pieces, parents):
        self.prefixes = [
            (*self.prefixes[parent], piece)
            for piece, parent in zip(pieces.tolist(), parents.tolist(), strict=True)
        ]
        self.rows.append(len(self.prefixes))
        return torch.stack([self.log_p(prefix) for prefix in self.prefixes])


def greedy(text, seed):
    table, found = Table(0, seed), []
    while len(found) < LIMIT and (not found or found[-1] != END):
        found.append(int(table.log_p((text, *found)).argmax()))
    return found


def mean_log_p(text, pieces, seed):
    table = Table(0, seed)
    terms = [table.log_p((text, *pieces[:place]))[piece] for place, piece in enumerate(pieces)]
    return float(sum(terms)) / len(pieces)


@pytest.mark.parametrize("seed", range(5))
def test_one_beam_takes_the_best_piece_each_time(seed):
    found = search(Table(6, seed), 6, end=END, limit=LIMIT)
    assert found == [greedy(text, seed) for text in range(6)]


@pytest.mark.parametrize("seed", range(5))
def test_beams_for_all_prefixes_find_the_best_of_all_sequences(seed):
    (found,) = search(Table(1, seed), 1, end=END, limit=LIMIT, beams=PIECES**LIMIT)
    ended = [
        (*middle, END)
        for length in range(LIMIT)
        for middle in product([piece for piece in range(PIECES) if piece != END], repeat=length)
    ]
    best = max(ended, key=lambda pieces: mean_log_p(0, pieces, seed))
    assert found == list(best)


@pytest.mark.parametrize("beams", [1, 2, 3])
def test_a_text_alone_comes_out_as_among_others(beams):
    together = search(Table(6), 6, end=END, limit=LIMIT, beams=beams)
    for text in range(6):
        table = Table(1)
        table.prefixes = [(text,)]
        assert search(table, 1, end=END, limit=LIMIT, beams=beams) == [together[text]]


def test_texts_that_are_done_are_not_asked_for_again():
    table = Table(6, seed=1)
    found = search(table, 6, end=END, limit=LIMIT)
    lengths = [len(pieces) for pieces in found]
    assert len(set(lengths)) > 1
    assert table.rows == [sum(length > place for length in lengths) for place in range(max(lengths))]


def test_what_does_not_end_is_cut_at_the_limit():
    class Endless(Table):
        def log_p(self, prefix):
            return torch.tensor([-100.0, -1.0, -2.0, -3.0, -4.0]).double()

    assert search(Endless(1), 1, end=END, limit=3) == [[1, 1, 1]]
    assert search(Endless(1), 1, end=END, limit=3, beams=2) == [[1, 1, 1]]


def test_no_pair_of_pieces_stands_twice_where_that_is_forbidden():
    class Loop(Table):
        def log_p(self, prefix):
            wanted = 1 if prefix[-1] == 2 else 2
            return torch.full((PIECES,), -5.0).double().index_fill(0, torch.tensor([wanted]), -0.1)

    (looping,) = search(Loop(1), 1, end=END, limit=7)
    assert looping == [2, 1, 2, 1, 2, 1, 2]
    (found,) = search(Loop(1), 1, end=END, limit=7, no_repeat=2)
    pairs = list(pairwise(found))
    assert len(set(pairs)) == len(pairs)
    (once,) = search(Loop(1), 1, end=END, limit=4, no_repeat=1)
    assert len(set(once)) == len(once)
