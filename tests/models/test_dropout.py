import pytest
import torch

from spacy_xling.models.dropout import dropout


@pytest.mark.parametrize("rate", [0.0, 0.1, 0.5, 0.9])
@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_values_are_dropped_at_the_rate_and_the_others_scaled(rate, dtype):
    torch.manual_seed(0)
    n = 400_003
    dropped = dropout(torch.full((n,), 2.0, dtype=dtype), rate)
    assert dropped.dtype == dtype
    zero = dropped == 0
    # Five standard deviations of a share of n draws.
    assert abs(zero.double().mean() - rate) <= 5 * (rate * (1 - rate) / n) ** 0.5
    torch.testing.assert_close(dropped[~zero].float().mean().item(), 2 / (1 - rate), rtol=0.01, atol=0)


def test_each_value_is_drawn_for_itself():
    torch.manual_seed(0)
    kept = (dropout(torch.ones(100_000, 4), 0.5) != 0).float()
    assert (torch.corrcoef(kept.T) - torch.eye(4)).abs().max() < 5 / 100_000**0.5
    assert abs(torch.corrcoef(torch.stack([kept.flatten()[:-4], kept.flatten()[4:]]))[0, 1]) < 0.01


def test_gradients_pass_where_values_do():
    torch.manual_seed(0)
    values = torch.randn(7, 9, requires_grad=True)
    dropped = dropout(values, 0.25)
    dropped.sum().backward()
    torch.testing.assert_close(values.grad, (dropped != 0) / 0.75)
    assert 0 < (dropped == 0).sum() < 63


@pytest.mark.parametrize("shape", [(), (0,), (1,), (3, 1), (5,)])
def test_any_shape_has_dropout(shape):
    assert dropout(torch.ones(shape), 0.5).shape == shape


def test_torchs_seed_decides():
    torch.manual_seed(3)
    one = dropout(torch.ones(100), 0.5)
    torch.manual_seed(3)
    assert torch.equal(dropout(torch.ones(100), 0.5), one)
    assert not torch.equal(dropout(torch.ones(100), 0.5), one)
