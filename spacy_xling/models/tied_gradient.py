"""One gradient for a matrix that is both word embeddings and decoder.

Autograd would make one for each use, as large as the matrix, and add them up. But the look-up's has a few
rows only: it is added to the decoder's, which is there first, for the look-up is where a backward pass ends.
"""

from typing import Any

import torch
from torch import Tensor
from torch.nn import functional as F


class TiedGradient:
    """Takes the decoder's gradient from the losses to the look-up of the same pass.

    decoder (Tensor | None): The gradient of the decoder's matrix, once the losses' backward passes have
        run. *Shape:* (vocabulary, width)
    """

    def __init__(self) -> None:
        self.decoder: Tensor | None = None

    def look_up(self, ids: Tensor, weight: Tensor, padding_id: int | None) -> Tensor:
        """Word embeddings of pieces, as `torch.nn.functional.embedding` gives; their backward pass brings the
        gradient of both uses.

        ids (Tensor): Piece ids. *Shape:* (pieces,)
        weight (Tensor): The matrix. *Shape:* (vocabulary, width)
        padding_id (int | None): The piece whose look-up has no gradient.
        RETURNS (Tensor): *Shape:* (pieces, width)
        """
        return _LookUp.apply(weight, ids, padding_id, self)  # type: ignore[no-untyped-call]


class _LookUp(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, weight: Tensor, ids: Tensor, padding_id: int | None, tied: TiedGradient) -> Tensor:
        ctx.save_for_backward(weight, ids)
        ctx.padding_id, ctx.tied = padding_id, tied
        return F.embedding(ids, weight)

    @staticmethod
    @torch.autograd.function.once_differentiable
    def backward(ctx: Any, d_rows: Tensor) -> tuple[Tensor | None, ...]:
        weight, ids = ctx.saved_tensors
        gradient, ctx.tied.decoder = ctx.tied.decoder, None
        if gradient is None:
            gradient = torch.zeros_like(weight)
        if ctx.padding_id is not None:
            d_rows = d_rows.masked_fill((ids == ctx.padding_id).unsqueeze(1), 0)
        return gradient.index_add_(0, ids, d_rows.to(gradient.dtype)), None, None, None
