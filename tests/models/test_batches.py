"""Windows by the pass they go in."""

from itertools import chain

import numpy as np
import pytest
import torch

from spacy_xling.models.batches import Batch, Padding, masked_passes, pass_cost, passes
from spacy_xling.pieces.padding import PassShape, work
from spacy_xling.types import MaskedPieces, Pieces

LENGTHS = np.random.default_rng(0).integers(2, 60, size=120)
TEXTS = np.repeat(np.arange(60), 2)
MOST = 300
N_PASSES = -(-work(LENGTHS).sum() // MOST)


def padding(*, packs):
    return Padding(0, PassShape(MOST), torch.device("cpu"), packs)


def pieces():
    """Two windows of each text; each piece has an id of its own."""
    ids = np.arange(1, LENGTHS.sum() + 1)
    return Pieces(ids, np.zeros(len(ids), dtype=np.int64), LENGTHS, TEXTS, 60)


def masked():
    positions = np.flatnonzero(np.arange(LENGTHS.sum()) % 7 == 3)
    return MaskedPieces(pieces(), positions, positions + 10_000)


def real(batches):
    return torch.cat([batch.ids[batch.attention] for batch in batches])


@pytest.mark.parametrize("packs", [True, False])
@pytest.mark.parametrize("n_threads", [1, 2])
def test_passes_hold_each_window_once_with_its_text(packs, n_threads):
    given = passes(pieces(), padding(packs=packs), pool_specials=True, n_threads=n_threads)
    found = list(chain(*given))
    assert sorted(real(found).tolist()) == list(range(1, LENGTHS.sum() + 1))
    starts = np.cumsum(LENGTHS) - LENGTHS
    for batch in found:
        windows = np.searchsorted(starts, batch.ids[:, 0].numpy(), side="left") - 1
        assert batch.texts.tolist() == TEXTS[windows].tolist()
        assert batch.n_texts == 60


def test_a_packed_pass_has_batches_of_like_lengths_and_costs_about_as_much_as_it_may():
    given = passes(pieces(), padding(packs=True), pool_specials=True, n_threads=1)
    costs = [sum(work(batch.attention.sum(dim=1).numpy()).sum() for batch in batches) for batches in given]
    assert len(given) == N_PASSES
    assert all(abs(cost - work(LENGTHS).sum() / N_PASSES) < work(LENGTHS.max()) for cost in costs)
    assert max(len(real(batches)) for batches in given) < MOST + LENGTHS.max()
    assert any(len(batches) > 1 for batches in given)


def test_a_padded_pass_is_a_batch_within_the_pieces_that_it_may_have():
    given = passes(pieces(), padding(packs=False), pool_specials=True, n_threads=1)
    assert all(len(batches) == 1 for batches in given)
    assert all(batch.ids.numel() <= MOST for batch in chain(*given))


def test_padding_costs_where_it_passes():
    attention = torch.tensor([[True] * 100, [True] * 50 + [False] * 50])
    given = [Batch(ids=attention.long(), attention=attention)] * 2
    assert pass_cost(given, packs=True) == 2 * (work(100) + work(50))
    assert pass_cost(given, packs=False) == 4 * work(100)


@pytest.mark.parametrize("packs", [True, False])
def test_masked_passes_hold_each_target_once_at_its_place(packs):
    given = masked_passes(masked(), padding(packs=packs))
    found = list(chain(*given))
    assert len(given) == (N_PASSES if packs else len(found))
    targets = torch.cat([batch.targets for batch in found])
    assert sorted(targets.tolist()) == masked().targets.tolist()
    for batch in found:
        assert (batch.ids.flatten()[batch.positions] == batch.targets - 9_999).all()


@pytest.mark.parametrize("packs", [True, False])
def test_nothing_is_no_pass(packs):
    nothing = Pieces(*(np.zeros(0, dtype=np.int64) for _ in range(4)), 0)
    assert passes(nothing, padding(packs=packs), pool_specials=True, n_threads=2) == []
    assert masked_passes(MaskedPieces(nothing, nothing.ids, nothing.ids), padding(packs=packs)) == []
