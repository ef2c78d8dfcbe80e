from typing import get_args

import pytest
import torch

from spacy_xling.models.pooling import PoolingName, make_pooling

NAMES = get_args(PoolingName)
# Those that pool the pieces that they are told to.
POOLING_PIECES = [name for name in NAMES if name != "first"]
WIDTH = 5
# Windows of three texts: lengths and texts; the second text is one window, the third is three.
LENGTHS = [4, 6, 5, 6, 2, 3]
TEXTS = [0, 1, 2, 2, 2, 0]


def make(name, seed=0):
    torch.manual_seed(seed)
    pooling = make_pooling(name, WIDTH).double()
    # Scores of a visible size.
    for parameter in pooling.parameters():
        torch.nn.init.normal_(parameter)
    return pooling


def windows(lengths=LENGTHS, width=WIDTH, padding=2, seed=0):
    """Hidden states (windows, length, width) with some more columns of padding, and the mask of pieces."""
    generator = torch.Generator().manual_seed(seed)
    longest = max(lengths) + padding
    hidden = torch.randn(len(lengths), longest, width, generator=generator, dtype=torch.float64)
    pooled = torch.arange(longest) < torch.tensor(lengths).unsqueeze(1)
    return hidden, pooled


def reference(name, pooling, hidden, pooled, texts, n_texts):
    """Each text by itself: its pieces end to end, and a plain formula."""
    vectors = []
    for text in range(n_texts):
        own = [w for w in range(len(texts)) if texts[w] == text]
        pieces = torch.cat([hidden[w][pooled[w]] for w in own])
        if name == "first":
            vectors.append(torch.stack([hidden[w, 0] for w in own]).mean(0))
        elif not len(pieces):
            vectors.append(torch.zeros(hidden.shape[2], dtype=hidden.dtype))
        elif name == "mean":
            vectors.append(pieces.mean(0))
        elif name == "max":
            vectors.append(pieces.max(0).values)
        elif name == "attention":
            scores = pieces @ pooling.score.weight[0]
            vectors.append(torch.softmax(scores, 0) @ pieces)
        else:
            raise NotImplementedError(name)
    return torch.stack(vectors)


def pool(pooling, hidden, pooled, texts, n_texts, batches=None):
    """The windows in one batch, or in several, each of its own padded length."""
    batches = batches or [list(range(len(hidden)))]
    parts = []
    for batch in batches:
        longest = max([1, *(pooled[batch].nonzero()[:, 1] + 1).tolist()])
        parts.append(pooling.evidence(hidden[batch, :longest], pooled[batch, :longest]))
    evidence = tuple(torch.cat(column) for column in zip(*parts, strict=True))
    order = torch.tensor([texts[w] for batch in batches for w in batch])
    return pooling.combine(evidence, order, n_texts)


@pytest.mark.parametrize("name", NAMES)
def test_one_window_per_text(name):
    pooling = make(name)
    hidden, pooled = windows()
    texts = list(range(6))
    torch.testing.assert_close(
        pool(pooling, hidden, pooled, texts, 6), reference(name, pooling, hidden, pooled, texts, 6)
    )


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize(
    "batches", [None, [[1, 3], [2, 0], [5], [4]], [[4, 5], [0, 1, 2, 3]], [[w] for w in range(6)]]
)
def test_several_windows_per_text_in_one_batch_or_several(name, batches):
    pooling = make(name)
    hidden, pooled = windows()
    torch.testing.assert_close(
        pool(pooling, hidden, pooled, TEXTS, 3, batches), reference(name, pooling, hidden, pooled, TEXTS, 3)
    )


@pytest.mark.parametrize("name", NAMES)
def test_gradients_are_those_of_the_reference(name):
    pooling = make(name)
    hidden, pooled = windows()
    hidden.requires_grad_(True)
    inputs = [hidden, *pooling.parameters()]
    outer = torch.randn(3, WIDTH, dtype=torch.float64)
    for batches in (None, [[1, 3], [2, 0], [5], [4]]):
        got = torch.autograd.grad((pool(pooling, hidden, pooled, TEXTS, 3, batches) * outer).sum(), inputs)
        expected = torch.autograd.grad(
            (reference(name, pooling, hidden, pooled, TEXTS, 3) * outer).sum(), inputs
        )
        torch.testing.assert_close(got, expected)


@pytest.mark.parametrize("name", NAMES)
def test_padding_is_ignored(name):
    pooling = make(name)
    hidden, pooled = windows()
    other = hidden.masked_fill(~pooled.unsqueeze(-1), 1e6)
    texts = torch.tensor(TEXTS)
    vectors = [pooling.combine(pooling.evidence(h, pooled), texts, 3) for h in (hidden, other)]
    torch.testing.assert_close(*vectors, rtol=0, atol=0)


@pytest.mark.parametrize("name", POOLING_PIECES)
def test_what_is_left_out_has_no_say(name):
    pooling = make(name)
    hidden, pieces = windows()
    pooled = pieces.clone()
    pooled[:, 0] = False
    pooled[range(6), [length - 1 for length in LENGTHS]] = False
    vectors = pool(pooling, hidden, pooled, TEXTS, 3)
    torch.testing.assert_close(vectors, reference(name, pooling, hidden, pooled, TEXTS, 3))
    changed = hidden.masked_fill((pieces & ~pooled).unsqueeze(-1), 50.0)
    torch.testing.assert_close(pool(pooling, changed, pooled, TEXTS, 3), vectors, rtol=0, atol=0)
    with_all = pool(pooling, hidden, pieces, TEXTS, 3)
    assert not torch.allclose(with_all, vectors)


def test_first_takes_the_first_piece_even_if_specials_are_left_out():
    hidden, pooled = windows()
    pooled[:, 0] = False
    vectors = pool(make("first"), hidden, pooled, [0, 1, 2, 3, 4, 5], 6)
    torch.testing.assert_close(vectors, hidden[:, 0], rtol=0, atol=0)


@pytest.mark.parametrize("name", POOLING_PIECES)
def test_a_text_with_nothing_to_pool_is_zeros_and_passes_no_nan_back(name):
    pooling = make(name)
    hidden, pooled = windows()
    # The second text has nothing to pool; of the third, one window has nothing.
    pooled[1] = False
    pooled[4] = False
    hidden.requires_grad_(True)
    vectors = pool(pooling, hidden, pooled, TEXTS, 3)
    torch.testing.assert_close(vectors, reference(name, pooling, hidden, pooled, TEXTS, 3))
    assert vectors[1].tolist() == [0.0] * WIDTH
    gradients = torch.autograd.grad(vectors.square().sum(), [hidden, *pooling.parameters()])
    assert all(gradient.isfinite().all() for gradient in gradients)
    assert gradients[0][pooled].abs().sum() > 0
    assert gradients[0][~pooled].abs().sum() == 0


@pytest.mark.parametrize("name", POOLING_PIECES)
def test_nothing_pooled_at_all_is_zeros_in_fp32_too(name):
    pooling = make_pooling(name, WIDTH)
    hidden = torch.randn(2, 3, WIDTH, requires_grad=True)
    pooled = torch.zeros(2, 3, dtype=torch.bool)
    vectors = pooling.combine(pooling.evidence(hidden, pooled), torch.tensor([0, 0]), 1)
    assert vectors.tolist() == [[0.0] * WIDTH]
    (gradient,) = torch.autograd.grad(vectors.sum(), hidden)
    assert gradient.tolist() == torch.zeros(2, 3, WIDTH).tolist()


@pytest.mark.parametrize("scale", [1e3, -1e3])
def test_attention_over_extreme_scores_is_finite_and_picks_the_highest(scale):
    pooling = make_pooling("attention", 2).double()
    torch.nn.init.constant_(pooling.score.weight, scale)
    # Scores 1000 and more apart, in two windows of one text.
    hidden = torch.tensor([[[1.0, 2.0], [3.0, 1.0]], [[9.0, 4.0], [0.0, 0.5]]], dtype=torch.float64)
    vectors = pooling.combine(
        pooling.evidence(hidden, torch.ones(2, 2, dtype=torch.bool)), torch.tensor([0, 0]), 1
    )
    assert vectors.tolist() == [[9.0, 4.0] if scale > 0 else [0.0, 0.5]]


@pytest.mark.parametrize("name", NAMES)
def test_gradcheck(name):
    pooling = make(name)
    hidden, pooled = windows(lengths=[2, 3, 1], width=WIDTH, padding=1)
    texts = torch.tensor([0, 1, 1])
    hidden.requires_grad_(True)

    def pool_all(hidden, *parameters):
        named = dict(zip(dict(pooling.named_parameters()), parameters, strict=True))
        evidence = torch.func.functional_call(Step(pooling), rename(named), (hidden, pooled))
        return pooling.combine(evidence, texts, 2)

    assert torch.autograd.gradcheck(pool_all, (hidden, *pooling.parameters()))


class Step(torch.nn.Module):
    """`evidence` as a forward pass, which `functional_call` can be given parameters for."""

    def __init__(self, pooling):
        super().__init__()
        self.pooling = pooling

    def forward(self, hidden, pooled):
        return self.pooling.evidence(hidden, pooled)


def rename(named):
    return {f"pooling.{name}": parameter for name, parameter in named.items()}
