from copy import deepcopy
from functools import lru_cache

import pytest
import torch
from torch import nn
from torch.nn import functional as F

from spacy_xling.models import masked_lm, packing
from spacy_xling.models.batches import Batch
from spacy_xling.models.checkpoint import load_masked_lm
from spacy_xling.models.packing import NotPacked, PackedPass, Run, attend, encode_packed, find_reaches
from tests.conftest import make_checkpoint, takes_places

# Lengths of the windows of three batches.
LENGTHS = [[9, 4, 9], [1, 4], [12]]

load_once = lru_cache(load_masked_lm)


@pytest.fixture(scope="module")
def checkpoints(checkpoints, tmp_path_factory):
    """As elsewhere, but that ModernBERT's second layer sees four pieces to either side."""
    near = make_checkpoint("modernbert", tmp_path_factory.mktemp("near"), local_attention=8)
    return lambda family: near if family == "modernbert" else checkpoints(family)


def load(folder):
    return deepcopy(load_once(str(folder))).eval()


def batches():
    """Padded batches; the places of the second start where a text before it ended."""
    generator = torch.Generator().manual_seed(0)
    made = []
    for lengths in LENGTHS:
        attention = torch.arange(max(lengths) + 1) < torch.tensor(lengths).unsqueeze(1)
        ids = torch.randint(5, 40, attention.shape, generator=generator).masked_fill(~attention, 1)
        made.append(Batch(ids=ids, attention=attention))
    places = torch.arange(5).repeat(2, 1) + 7
    made[1] = Batch(ids=made[1].ids, attention=made[1].attention, places=places)
    return made


def encode_each(encoder, given):
    return [encoder.encode(encoder.embed(batch.ids), batch.attention, batch.places) for batch in given]


def states_of_pieces(hidden, given):
    return torch.cat([part[batch.attention] for part, batch in zip(hidden, given, strict=True)])


def test_families_with_positions_and_torchs_attention_pack(checkpoints, family):
    assert load(checkpoints(family)).encoder.packs == takes_places(family)


def test_reaches_are_those_of_the_layers(checkpoints, family):
    config = load(checkpoints(family)).encoder.base.config
    assert find_reaches(config) == [None, 4 if family == "modernbert" else None]


@pytest.mark.parametrize("known", [[None, None], [None, 6], [None], [4, None]])
def test_an_encoder_whose_layers_see_other_pieces_than_is_known_is_not_packed(
    checkpoints, monkeypatch, known
):
    monkeypatch.setattr(masked_lm, "find_reaches", lambda config: known)
    encoder = load(checkpoints("modernbert")).encoder
    with pytest.warns(UserWarning, match=r"W302.*modernbert"):
        assert not encoder.packs


def test_all_batches_in_any_family_equal_a_pass_of_each(checkpoints, family):
    encoder, given = load(checkpoints(family)).encoder, batches()
    with torch.no_grad():
        hidden = encoder.encode_all(given)
        expected = encode_each(encoder, given)
    assert [part.shape for part in hidden] == [part.shape for part in expected]
    torch.testing.assert_close(
        states_of_pieces(hidden, given), states_of_pieces(expected, given), rtol=1e-4, atol=1e-5
    )


def test_padding_has_zeros(checkpoint):
    encoder, given = load(checkpoint).encoder, batches()
    with torch.no_grad():
        hidden = encoder.encode_all(given)
    assert not any(part[~batch.attention].any() for part, batch in zip(hidden, given, strict=True))


@pytest.mark.parametrize("family", ["modernbert", "xlm-roberta"])
def test_gradients_equal_those_of_a_pass_of_each(checkpoints, family):
    gradients = []
    for packs in (True, False):
        encoder, given = load(checkpoints(family)).encoder, batches()
        hidden = encoder.encode_all(given) if packs else encode_each(encoder, given)
        states_of_pieces(hidden, given).square().sum().backward()
        gradients.append({name: p.grad for name, p in encoder.base.named_parameters() if p.grad is not None})
    assert gradients[0].keys() == gradients[1].keys()
    for name, gradient in gradients[0].items():
        torch.testing.assert_close(gradient, gradients[1][name], rtol=1e-4, atol=1e-3, msg=name)


def test_a_window_never_sees_another(checkpoint):
    encoder, given = load(checkpoint).encoder, batches()
    changed = [*given[:2], Batch(ids=torch.full_like(given[2].ids, 6), attention=given[2].attention)]
    with torch.no_grad():
        one, other = (encoder.encode_all(part) for part in (given, changed))
    assert torch.equal(one[0], other[0])
    assert torch.equal(one[1], other[1])
    assert not torch.allclose(one[2], other[2])


def test_nothing_but_the_pieces_passes_and_in_bf16_a_multiple_of_rows(checkpoint):
    encoder, given = load(checkpoint).encoder, batches()
    assert encoder.packs
    rows = []
    layer = next(m for m in encoder.base.modules() if isinstance(m, nn.Linear))
    layer.register_forward_hook(lambda m, args, out: rows.append(args[0].shape[:-1].numel()))
    with torch.no_grad():
        exact = encoder.encode_all(given)
        with torch.autocast("cpu", dtype=torch.bfloat16):
            half = encoder.encode_all(given)
    assert rows == [sum(map(sum, LENGTHS)), 64]
    for one, other in zip(exact, half, strict=True):
        assert (one - other.float()).norm() / one.norm() < 0.05


@pytest.mark.parametrize("rate", [0.1, 0.5])
def test_dropout_within_a_packed_pass_is_at_the_encoders_rate(rate):
    torch.manual_seed(0)
    layer = nn.Dropout(rate)
    with PackedPass([], []):
        share = (layer(torch.ones(1000, 100)) == 0).double().mean()
        assert torch.equal(layer.eval()(torch.ones(10)), torch.ones(10))
    assert abs(share - rate) < 0.01


def test_dropout_of_attention_is_that_of_its_weights(monkeypatch):
    seen = []

    def halve(weights, rate):
        seen.append(rate)
        return weights / 2

    monkeypatch.setattr(packing, "dropout", halve)
    query, key, value = torch.randn(3, 2, 4, 7, 8).unbind()
    for scale in (None, 0.3):
        expected = F.scaled_dot_product_attention(query, key, value, scale=scale)
        torch.testing.assert_close(attend(query, key, value, rate=0.1, scale=scale), expected / 2)
        torch.testing.assert_close(attend(query, key, value, rate=0, scale=scale), expected)
    assert seen == [0.1, 0.1]


def test_a_piece_attends_to_those_that_it_sees(monkeypatch):
    monkeypatch.setattr(packing, "dropout", lambda weights, rate: weights)
    query, key, value = torch.randn(3, 2, 4, 7, 8).unbind()
    seen = torch.rand(7, 7) < 0.5
    seen.fill_diagonal_(True)
    expected = F.scaled_dot_product_attention(query, key, value, attn_mask=seen)
    for rate in (0, 0.1):
        torch.testing.assert_close(attend(query, key, value, rate=rate, scale=None, seen=seen), expected)


@pytest.mark.parametrize("mask", [torch.zeros(5, 1, 1, 1), torch.ones(5, 1, 1, 1, dtype=torch.bool)])
def test_rows_are_windows_also_under_a_mask_that_hides_none_of_them(mask):
    rows = torch.randn(5, 2, 1, 4)
    window = rows.squeeze(2).transpose(0, 1)
    with PackedPass([Run(1, 5)], [None, 1]):
        everywhere, near = (F.scaled_dot_product_attention(rows, rows, rows, attn_mask=mask) for _ in "12")
    seen = torch.ones(5, 5).triu(-1).tril(1).bool()
    for found, mask in ((everywhere, None), (near, seen)):
        expected = F.scaled_dot_product_attention(window, window, window, attn_mask=mask)
        torch.testing.assert_close(found.squeeze(2).transpose(0, 1), expected)


def test_an_encoder_in_training_has_dropout_in_each_layers_attention(checkpoint, monkeypatch):
    encoder, given = load(checkpoint).encoder, batches()
    rates = []

    def record(values, rate, training=True):
        if training:
            rates.append((values.ndim, rate))
        return values

    monkeypatch.setattr(packing, "dropout", record)
    encoder.base.train()
    encoder.encode_all(given)
    # Runs of 1, 4, 9 and 12 pieces in each of two layers, and hidden states (rows, 1, width).
    assert rates.count((4, 0.1)) == 8
    assert rates.count((3, 0.1)) == 5


@pytest.mark.parametrize(
    ("reach", "refused"),
    [
        # Where no layer is known to see near pieces only, a mask may hide anything.
        (None, {"attn_mask": torch.zeros(1)}),
        (2, {"attn_mask": torch.ones(1)}),
        (2, {"attn_mask": torch.zeros(1, dtype=torch.bool)}),
        (None, {"is_causal": True}),
        (None, {"enable_gqa": True}),
    ],
)
def test_attention_of_another_kind_is_refused(reach, refused):
    rows = torch.randn(3, 2, 1, 4)
    with PackedPass([Run(1, 3)], [reach]), pytest.raises(NotPacked):
        F.scaled_dot_product_attention(rows, rows, rows, **refused)


def test_attention_of_one_layer_more_than_there_are_is_refused():
    rows = torch.randn(3, 2, 1, 4)
    with PackedPass([Run(1, 3)], [None]):
        F.scaled_dot_product_attention(rows, rows, rows)
        with pytest.raises(NotPacked):
            F.scaled_dot_product_attention(rows, rows, rows)


def test_an_encoder_whose_attention_was_changed_is_X318_and_nothing_wrong(checkpoint):
    encoder, given = load(checkpoint).encoder, batches()
    assert encoder.packs
    encoder.base.encoder.layer[1].attention.self.forward = lambda hidden, *others, **options: (hidden, None)
    with pytest.raises(NotPacked, match=r"X318.*\(xlm-roberta\).*all 2"):
        encoder.encode_all(given)


def test_checkpointed_gradients_are_not_packed(checkpoint):
    encoder = load(checkpoint).encoder
    encoder.base.gradient_checkpointing_enable()
    assert not encoder.packs
    with torch.no_grad():
        assert encoder.packs


def test_the_mode_of_the_encoder_and_torchs_generator_stay_as_they_are(checkpoint):
    encoder = load(checkpoint).encoder
    encoder.base.train()
    torch.manual_seed(5)
    expected = torch.get_rng_state()
    assert encoder.packs
    assert all(module.training for module in encoder.base.modules())
    assert torch.equal(torch.get_rng_state(), expected)


def test_outside_of_the_pass_attention_is_as_before(checkpoint):
    encoder, given = load(checkpoint).encoder, batches()
    embedded = encoder.embed_all(given)
    encode_packed(encoder.base, embedded, given, encoder.first_position, find_reaches(encoder.base.config))
    rows = torch.randn(3, 2, 1, 4)
    # A row of one piece attends to itself.
    torch.testing.assert_close(F.scaled_dot_product_attention(rows, rows, rows), rows)
