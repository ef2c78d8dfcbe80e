"""Cross entropy over a large vocabulary, in memory that holds the logits of a part of it only.

At 250,002 pieces the logits of a few hundred targets are hundreds of megabytes, and autograd keeps them
and their gradient. Here the decoder's rows are taken in blocks, twice: the forward pass finds each target's
log sum over the vocabulary, and keeps nothing else; the backward pass makes each block's logits again, and
from them, while they are in the processor's cache, its rows of the weight's gradient. That is one matrix
product more; in exchange no buffer of the vocabulary's size is filled, scaled or added up.
"""

from collections.abc import Iterator
from typing import Any

import torch
from torch import Tensor

from .tied_gradient import TiedGradient

# Rows of the decoder at a time: with a few hundred targets, logits and rows fit a processor's cache.
BLOCK_ROWS = 4096


def cross_entropy(
    states: Tensor,
    weight: Tensor,
    bias: Tensor | None,
    targets: Tensor,
    tied: TiedGradient | None = None,
    smoothing: float = 0.0,
) -> Tensor:
    """The sum over targets of -log P(target | states), for logits = states @ weight.T + bias.

    With smoothing it is that of -(1 - smoothing) log P(target) - smoothing * mean over the vocabulary of log
    P (Szegedy et al. 2016, arXiv 1512.00567).

    states (Tensor): Projected hidden states of the positions that tell the targets. *Shape:* (targets, width)
    weight (Tensor): The decoder's weight. *Shape:* (vocabulary, width)
    bias (Tensor | None): The decoder's bias. *Shape:* (vocabulary,)
    targets (Tensor): The pieces that stand there. *Shape:* (targets,)
    tied (TiedGradient | None): Where the weight's gradient goes, for the look-up of the same matrix to
        bring.
    smoothing (float): Share of each target that is spread over the vocabulary, from 0 to below 1.
    RETURNS (Tensor): The loss, in nats, a scalar; 0 where there is no target. Products are taken in
        autocast's precision, sums in fp32 at least.
    """
    given = (states, weight, bias, targets, tied, smoothing)
    return _CrossEntropy.apply(*given)  # type: ignore[no-untyped-call]


class _CrossEntropy(torch.autograd.Function):
    @staticmethod
    def forward(
        ctx: Any,
        states: Tensor,
        weight: Tensor,
        bias: Tensor | None,
        targets: Tensor,
        tied: TiedGradient | None,
        smoothing: float,
    ) -> Tensor:
        device = states.device.type
        autocast = torch.is_autocast_enabled(device)
        narrow = states.to(torch.get_autocast_dtype(device) if autocast else weight.dtype)
        with torch.autocast(device, enabled=False):
            normaliser, wanted = _log_sums(narrow, weight, bias, targets, smoothing)
        ctx.save_for_backward(narrow, weight, bias, targets, normaliser)
        ctx.states_dtype, ctx.tied, ctx.smoothing = states.dtype, tied, smoothing
        return (normaliser - wanted).sum()

    @staticmethod
    @torch.autograd.function.once_differentiable
    def backward(ctx: Any, d_loss: Tensor) -> tuple[Tensor | None, ...]:
        states, weight, bias, targets, normaliser = ctx.saved_tensors
        d_states = torch.zeros_like(states, dtype=normaliser.dtype) if ctx.needs_input_grad[0] else None
        # Another loss of the same pass may have left its gradient there: this one's is added to it.
        before = None if ctx.tied is None else ctx.tied.decoder
        d_weight = None
        if ctx.needs_input_grad[1]:
            d_weight = torch.empty_like(weight) if before is None else before
        d_bias = torch.empty_like(bias) if ctx.needs_input_grad[2] else None
        with torch.autocast(states.device.type, enabled=False):
            for rows, block, logits in _blocks(states, weight, bias):
                # The gradient on the logits, softmax minus what is wanted, in the logits' own memory.
                d_logits = logits.sub_(normaliser.unsqueeze(1)).exp_()
                column, inside = _columns(targets, rows)
                d_logits.scatter_add_(1, column, (ctx.smoothing - 1) * inside.to(d_logits.dtype))
                if ctx.smoothing:
                    d_logits -= ctx.smoothing / len(weight)
                d_logits.mul_(d_loss)
                if d_bias is not None:
                    d_bias[rows] = d_logits.sum(dim=0)
                d_narrow = d_logits.to(states.dtype)
                if d_states is not None:
                    d_states += d_narrow @ block
                if d_weight is not None:
                    d_rows = d_narrow.T @ states
                    d_weight[rows] = d_rows if before is None else d_rows + before[rows]
        if ctx.tied is not None:
            ctx.tied.decoder, d_weight = d_weight, None
        d_given = None if d_states is None else d_states.to(ctx.states_dtype)
        return d_given, d_weight, d_bias, None, None, None


def _log_sums(
    states: Tensor, weight: Tensor, bias: Tensor | None, targets: Tensor, smoothing: float
) -> tuple[Tensor, Tensor]:
    """The log of the sum over the vocabulary of exp(logit), and the logit of what is wanted: the target's,
    with smoothing mixed with the mean of all. *Shapes:* (targets,)
    """
    wide = torch.promote_types(states.dtype, torch.float32)
    normaliser = states.new_full((len(states),), -torch.inf, dtype=wide)
    wanted = torch.zeros_like(normaliser)
    for rows, _, logits in _blocks(states, weight, bias):
        column, inside = _columns(targets, rows)
        wanted += (1 - smoothing) * torch.where(inside, logits.gather(1, column), 0).squeeze(1)
        if smoothing:
            wanted += smoothing / len(weight) * logits.sum(dim=1)
        normaliser = torch.logaddexp(normaliser, logits.logsumexp(dim=1))
    return normaliser, wanted


def _blocks(states: Tensor, weight: Tensor, bias: Tensor | None) -> Iterator[tuple[slice, Tensor, Tensor]]:
    """Blocks of the decoder's rows: which, themselves in the states' precision, and their logits in fp32 at
    least. *Shapes:* (rows, width), (targets, rows)
    """
    wide = torch.promote_types(states.dtype, torch.float32)
    for start in range(0, len(weight), BLOCK_ROWS):
        rows = slice(start, min(start + BLOCK_ROWS, len(weight)))
        block = weight[rows].to(states.dtype)
        logits = (states @ block.T).to(wide)
        yield rows, block, logits if bias is None else logits.add_(bias[rows])


def _columns(targets: Tensor, rows: slice) -> tuple[Tensor, Tensor]:
    """Where the targets stand in a block's logits, and whether they do. *Shapes:* (targets, 1)"""
    column = (targets - rows.start).unsqueeze(1)
    inside = (column >= 0) & (column < rows.stop - rows.start)
    return column.where(inside, 0), inside
