"""The masked-LM loss over a large vocabulary, in memory that doesn't hold all logits.

At 250,002 pieces the logits of a few hundred targets are hundreds of megabytes, and autograd keeps them
and their gradient. Here each slice of targets has its logits made, its loss and gradients taken at once in
the forward pass, and is forgotten: logits in memory are bounded by SLICE_LOGITS, whatever the vocabulary.
"""

from typing import Any

import torch
from torch import Tensor

# Logits held at a time: 64 MB in fp32.
SLICE_LOGITS = 16 * 1024 * 1024


def masked_cross_entropy(states: Tensor, weight: Tensor, bias: Tensor | None, targets: Tensor) -> Tensor:
    """The sum over targets of -log P(target | states), for logits = states @ weight.T + bias.

    states (Tensor): Projected hidden states of the masked positions. *Shape:* (targets, width)
    weight (Tensor): The decoder's weight. *Shape:* (vocabulary, width)
    bias (Tensor | None): The decoder's bias. *Shape:* (vocabulary,)
    targets (Tensor): The pieces that stood there. *Shape:* (targets,)
    RETURNS (Tensor): The loss, in nats, a scalar; 0 where there is no target. Its gradient can be
        taken once.
    """
    if not torch.is_grad_enabled():
        # A Function makes the gradients of whatever is trained, though nobody can ask for them here.
        states, weight, bias = states.detach(), weight.detach(), None if bias is None else bias.detach()
    return _MaskedCrossEntropy.apply(states, weight, bias, targets)  # type: ignore[no-untyped-call]


class _MaskedCrossEntropy(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, states: Tensor, weight: Tensor, bias: Tensor | None, targets: Tensor) -> Tensor:
        device = states.device.type
        autocast = torch.is_autocast_enabled(device)
        dtype = torch.get_autocast_dtype(device) if autocast else weight.dtype
        with torch.autocast(device, enabled=False):
            loss, *gradients = _loss_and_gradients(
                states.to(dtype), weight.to(dtype), bias, targets, ctx.needs_input_grad
            )
        d_states, d_weight, d_bias = gradients
        ctx.save_for_backward(
            None if d_states is None else d_states.to(states.dtype),
            None if d_weight is None else d_weight.to(weight.dtype),
            None if d_bias is None else d_bias.to(weight.dtype),
        )
        return loss

    @staticmethod
    @torch.autograd.function.once_differentiable
    def backward(ctx: Any, d_loss: Tensor) -> tuple[Tensor | None, ...]:
        # In place: a second (vocabulary, width) buffer is what this module is there to avoid.
        return (*(None if d is None else d.mul_(d_loss) for d in ctx.saved_tensors), None)


def _loss_and_gradients(
    states: Tensor, weight: Tensor, bias: Tensor | None, targets: Tensor, needed: tuple[bool, ...]
) -> tuple[Tensor, Tensor | None, Tensor | None, Tensor | None]:
    # Sums and softmax are taken in fp32 at least, however low the precision of the products.
    wide = torch.promote_types(states.dtype, torch.float32)
    loss = torch.zeros((), dtype=wide, device=states.device)
    d_states = torch.empty_like(states) if needed[0] else None
    d_weight = torch.zeros(weight.shape, dtype=wide, device=weight.device) if needed[1] else None
    d_bias = torch.zeros_like(bias) if bias is not None and needed[2] else None
    rows = max(1, SLICE_LOGITS // weight.shape[0])
    for start in range(0, len(targets), rows):
        piece = slice(start, start + rows)
        target = targets[piece].unsqueeze(1)
        logits = (states[piece] @ weight.T).to(wide)
        if bias is not None:
            logits += bias
        normaliser = logits.logsumexp(dim=1, keepdim=True)
        loss += (normaliser - logits.gather(1, target)).sum()
        # The gradient on the logits, softmax minus one-hot, in the logits' own memory.
        d_logits = logits.sub_(normaliser).exp_()
        d_logits.scatter_add_(1, target, torch.full_like(target, -1, dtype=wide))
        if d_bias is not None:
            d_bias += d_logits.sum(dim=0)
        d_narrow = d_logits.to(states.dtype)
        if d_states is not None:
            d_states[piece] = d_narrow @ weight
        if d_weight is not None:
            if d_weight.dtype == d_narrow.dtype:
                d_weight.addmm_(d_narrow.T, states[piece])
            else:
                d_weight += d_narrow.T @ states[piece]
    return loss, d_states, d_weight, d_bias
