"""Hidden states of the pieces of a text to one vector.

Each pooling works in two steps, so that the windows of a long text may pass the encoder in different
batches: `evidence` sums up each window, `combine` brings the windows of a text together, in whatever order
they come. The result of all but `first` is the pooling over all pieces of all windows of the text. Both steps
are exported, so they must consist of operators that ONNX has.
"""

from typing import Literal

import torch
from torch import Tensor, nn

PoolingName = Literal["first", "mean", "max", "attention"]
Evidence = tuple[Tensor, ...]


class Pooling(nn.Module):
    """What the poolings share: shapes, and the sum over the windows of a text."""

    def evidence(self, hidden: Tensor, pooled: Tensor) -> Evidence:
        """Sum up each window.

        hidden (Tensor): *Shape:* (windows, length, width)
        pooled (Tensor): True for a piece to pool, False for padding and what is left out.
            *Shape:* (windows, length)
        RETURNS (Evidence): Tensors with one row per window.
        """
        raise NotImplementedError

    def combine(self, evidence: Evidence, texts: Tensor, n_texts: int) -> Tensor:
        """Bring the windows of each text together.

        evidence (Evidence): What `evidence` gave, for all windows.
        texts (Tensor): The text of each window. *Shape:* (windows,)
        n_texts (int): Number of texts.
        RETURNS (Tensor): One vector per text, zeros where nothing was to pool. *Shape:* (n_texts, width)
        """
        raise NotImplementedError


class MeanPooling(Pooling):
    """The mean over the text's pieces."""

    def evidence(self, hidden: Tensor, pooled: Tensor) -> Evidence:
        weights = pooled.unsqueeze(-1).to(hidden.dtype)
        return (hidden * weights).sum(dim=1), weights.sum(dim=1)

    def combine(self, evidence: Evidence, texts: Tensor, n_texts: int) -> Tensor:
        total, count = (_sum_by_text(part, texts, n_texts) for part in evidence)
        return total / count.clamp(min=1)


class FirstPooling(MeanPooling):
    """The first piece's state ([CLS], <s>); the mean of those of a long text's windows."""

    def evidence(self, hidden: Tensor, pooled: Tensor) -> Evidence:
        first = hidden[:, 0]
        return first, torch.ones_like(first[:, :1])


class MaxPooling(Pooling):
    """The greatest value of each dimension over the text's pieces."""

    def evidence(self, hidden: Tensor, pooled: Tensor) -> Evidence:
        return (hidden.masked_fill(~pooled.unsqueeze(-1), -torch.inf).amax(dim=1),)

    def combine(self, evidence: Evidence, texts: Tensor, n_texts: int) -> Tensor:
        greatest = _max_by_text(evidence[0], texts, n_texts)
        return greatest.masked_fill(greatest == -torch.inf, 0)


class AttentionPooling(Pooling):
    """A mean weighted by a softmax, over all pieces of the text, of a learned score of each piece."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.score = nn.Linear(width, 1, bias=False)
        nn.init.normal_(self.score.weight, std=0.02)

    def evidence(self, hidden: Tensor, pooled: Tensor) -> Evidence:
        score = self.score(hidden).squeeze(-1).masked_fill(~pooled, -torch.inf)
        # A finite stand-in for windows with nothing to pool, whose weights are all exp(-inf) = 0.
        highest = score.detach().amax(dim=1, keepdim=True).clamp(min=torch.finfo(score.dtype).min)
        weights = (score - highest).exp().unsqueeze(-1)
        return (hidden * weights).sum(dim=1), weights.sum(dim=1), highest

    def combine(self, evidence: Evidence, texts: Tensor, n_texts: int) -> Tensor:
        total, count, highest = evidence
        scale = (highest - _max_by_text(highest, texts, n_texts)[texts]).exp()
        total = _sum_by_text(total * scale, texts, n_texts)
        count = _sum_by_text(count * scale, texts, n_texts)
        return total / count.masked_fill(count == 0, 1)


def make_pooling(name: PoolingName, width: int) -> Pooling:
    """The pooling of a name, for hidden states of a width."""
    if name == "attention":
        return AttentionPooling(width)
    return {"first": FirstPooling, "mean": MeanPooling, "max": MaxPooling}[name]()


def _sum_by_text(values: Tensor, texts: Tensor, n_texts: int) -> Tensor:
    return values.new_zeros(n_texts, values.shape[1]).index_add(0, texts, values)


def _max_by_text(values: Tensor, texts: Tensor, n_texts: int) -> Tensor:
    empty = values.new_full((n_texts, values.shape[1]), -torch.inf)
    return empty.scatter_reduce(0, texts.unsqueeze(1).expand_as(values), values, "amax")
