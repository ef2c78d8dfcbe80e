"""Windows of all lengths through an encoder in one pass, without padding.

All of an encoder but its attention takes each piece for itself. So the pieces of all windows go in as rows of
one piece each, with their positions, and only attention is given which rows are a window. (Krell et al. 2021,
"Efficient Sequence Packing without Cross-contamination", mask a long row instead.)

Attention is replaced where all families and all releases of `transformers` call it: at torch's function. The
attention interface of `transformers` would do for its newer releases alone.
"""

from collections.abc import Callable, Sequence
from contextvars import ContextVar
from itertools import groupby
from typing import TYPE_CHECKING, NamedTuple

import torch
from torch import Tensor
from torch.nn import functional as F
from torch.overrides import TorchFunctionMode

from ..errors import Errors
from .batches import BF16_MULTIPLE, Batch
from .dropout import dropout

if TYPE_CHECKING:
    from transformers import PretrainedConfig, PreTrainedModel

# Where families keep the width of a sliding window.
WINDOW_SETTINGS = ("local_attention", "sliding_window", "attention_window", "window_size")


class Run(NamedTuple):
    """Windows of one length that follow each other.

    windows (int): How many.
    length (int): Pieces of each.
    """

    windows: int
    length: int


class NotPacked(RuntimeError):
    """A layer's attention isn't what a packed pass can replace."""


# Rows of the packed pass of this thread that are no pieces.
spare_rows: ContextVar[int] = ContextVar("spare_rows", default=0)


class PackedPass(TorchFunctionMode):
    """Within it `scaled_dot_product_attention` of rows of one piece is that of whole windows, and dropout is
    that of `models.dropout`. On other threads nothing changes.

    runs (Sequence[Run]): The windows, in the order of the rows.
    reaches (Sequence[int | None]): How far a piece sees in each layer, from `find_reaches`.
    n_spare (int): Rows after them that belong to none; attention gives zeros there.
    """

    def __init__(self, runs: Sequence[Run], reaches: Sequence[int | None], n_spare: int = 0) -> None:
        super().__init__()
        self.runs = runs
        self.reaches = reaches
        self.n_spare = n_spare
        self.n_attentions = 0
        self._near: dict[tuple[int, int], Tensor] = {}

    def __enter__(self) -> "PackedPass":
        self._before = spare_rows.set(self.n_spare)
        return super().__enter__()  # type: ignore[no-untyped-call, no-any-return]

    def __exit__(self, *error: object) -> None:
        super().__exit__(*error)  # type: ignore[no-untyped-call]
        spare_rows.reset(self._before)

    def __torch_function__(
        self, func: Callable, types: Sequence[type], args: tuple = (), kwargs: dict | None = None
    ) -> object:
        given = kwargs or {}
        if func is F.scaled_dot_product_attention:
            return self._attend(*args, **given)
        if func is F.dropout:
            return _dropout(*args, **given)
        return func(*args, **given)

    def _attend(
        self,
        query: Tensor,
        key: Tensor,
        value: Tensor,
        attn_mask: Tensor | None = None,
        dropout_p: float = 0.0,
        is_causal: bool = False,
        scale: float | None = None,
        **others: object,
    ) -> Tensor:
        """Queries, keys and values of rows of one piece to what attention within windows gives.
        *Shape of each:* (rows, heads, 1, head width)
        """
        another_kind = is_causal or any(others.values()) or query.shape != key.shape
        if another_kind or self._refuses(attn_mask) or self.n_attentions == len(self.reaches):
            raise NotPacked
        reach = self.reaches[self.n_attentions]
        self.n_attentions += 1
        seen = [self._near_pieces(run.length, reach) for run in self.runs]
        attended = [
            attend(*windows, rate=dropout_p, scale=scale, seen=near)
            for near, *windows in zip(seen, *map(self._by_run, (query, key, value)), strict=True)
        ]
        rows = [states.transpose(1, 2).flatten(0, 1) for states in attended]
        spare = query.new_zeros(self.n_spare, query.shape[1], query.shape[3])
        return torch.cat([*rows, spare]).unsqueeze(2)

    def _by_run(self, rows: Tensor) -> list[Tensor]:
        """The rows (rows, heads, 1, head width) of each run, as windows of pieces.
        *Shape of each:* (windows, heads, length, head width)
        """
        sizes = [run.windows * run.length for run in self.runs]
        parts = torch.split(rows.squeeze(2), [*sizes, self.n_spare])[: len(sizes)]
        return [
            part.view(*run, *part.shape[1:]).transpose(1, 2)
            for run, part in zip(self.runs, parts, strict=True)
        ]

    def _refuses(self, mask: Tensor | None) -> bool:
        """Whether a mask is more than what an encoder with near layers gives each: one that hides nothing."""
        if mask is None:
            return False
        known = any(reach is not None for reach in self.reaches)
        return not known or bool((~mask if mask.dtype == torch.bool else mask != 0).any())

    def _near_pieces(self, length: int, reach: int | None) -> Tensor | None:
        """Which pieces of a window each of them sees, None for all. *Shape:* (length, length)"""
        if reach is None or length <= reach + 1:
            return None
        if (length, reach) not in self._near:
            places = torch.arange(length)
            self._near[length, reach] = (places - places.unsqueeze(1)).abs() <= reach
        return self._near[length, reach]


def find_reaches(config: "PretrainedConfig") -> list[int | None]:
    """How far a piece sees in each layer: pieces to either side, None for all. ModernBERT's layers that
    attend within a sliding window have a number.
    """
    depth = int(config.num_hidden_layers)
    width = getattr(config, "local_attention", None)
    if width is None:
        return [None] * depth
    # transformers 5 names the kind of each layer, 4 says which of them see all.
    every = getattr(config, "global_attn_every_n_layers", 1)
    kinds = getattr(config, "layer_types", None) or [
        "sliding_attention" if layer % every else "full_attention" for layer in range(depth)
    ]
    return [width // 2 if kind == "sliding_attention" else None for kind in kinds]


def widest_window(config: "PretrainedConfig") -> int:
    """The width of the widest sliding window that a layer may have, whatever the family; 0 for none. It is
    pieces to one side, or to both together: families count in either way.
    """
    widths = (getattr(config, setting, None) for setting in WINDOW_SETTINGS)
    return max((width for width in widths if isinstance(width, int)), default=0)


def attend(
    query: Tensor,
    key: Tensor,
    value: Tensor,
    *,
    rate: float,
    scale: float | None,
    seen: Tensor | None = None,
) -> Tensor:
    """Scaled dot-product attention (Vaswani et al. 2017), as torch's. With dropout it is computed in fp32 at
    least: in bf16 a kernel would be made for each length.

    query, key, value (Tensor): *Shape:* (windows, heads, length, head width)
    rate (float): Rate of the dropout of the weights.
    scale (float | None): Of the products; None for 1 / sqrt(head width).
    seen (Tensor | None): True where a piece sees another; None for all. *Shape:* (length, length)
    RETURNS (Tensor): *Shape:* (windows, heads, length, head width)
    """
    if rate == 0:
        return F.scaled_dot_product_attention(query, key, value, attn_mask=seen, scale=scale)
    scale = query.shape[-1] ** -0.5 if scale is None else scale
    with torch.autocast(query.device.type, enabled=False):
        wide = torch.promote_types(query.dtype, torch.float32)
        products = (query.to(wide) * scale) @ key.to(wide).transpose(-1, -2)
        if seen is not None:
            products = products.masked_fill(~seen, -torch.inf)
        weights = torch.softmax(products, dim=-1)
        return (dropout(weights, rate) @ value.to(wide)).to(query.dtype)


def encode_packed(
    base: "PreTrainedModel",
    embedded: Sequence[Tensor],
    batches: Sequence[Batch],
    first_position: int,
    reaches: Sequence[int | None],
) -> list[Tensor]:
    """The last hidden states of all batches, in one pass.

    base (PreTrainedModel): The encoder.
    embedded (Sequence[Tensor]): Word embeddings of each batch. *Shape of each:* (windows, length, width)
    batches (Sequence[Batch]): The batches.
    first_position (int): The number of a window's first position.
    reaches (Sequence[int | None]): How far a piece sees in each layer, from `find_reaches`.
    RETURNS (list[Tensor]): Zeros where padding stands. *Shape of each:* (windows, length, width)
    RAISES (NotPacked): A layer's attention isn't torch's, or has a mask or a bias that isn't known.
    """
    rows, places, runs = _lay_out(batches)
    states = torch.cat([part.flatten(0, 1) for part in embedded])
    n_padded, n_pieces = len(states), len(rows)
    n_spare = -n_pieces % (BF16_MULTIPLE if torch.is_autocast_enabled(states.device.type) else 1)
    states = F.pad(states[rows], (0, 0, 0, n_spare))
    positions = F.pad(places, (0, n_spare)) + first_position
    packed = PackedPass(runs, reaches, n_spare)
    try:
        with packed:
            outputs = base(inputs_embeds=states.unsqueeze(1), position_ids=positions.unsqueeze(1))
        if packed.n_attentions != len(reaches):
            raise NotPacked
    except NotPacked as error:
        family = base.config.model_type
        raise NotPacked(Errors.X318.format(family=family, layers=len(reaches))) from error
    hidden = outputs[0].squeeze(1)
    padded = hidden.new_zeros(n_padded, hidden.shape[1]).index_copy(0, rows, hidden[:n_pieces])
    parts = torch.split(padded, [batch.attention.numel() for batch in batches])
    return [part.view(*batch.attention.shape, -1) for part, batch in zip(parts, batches, strict=True)]


def _lay_out(batches: Sequence[Batch]) -> tuple[Tensor, Tensor, list[Run]]:
    """Where each piece of a pass stands among the padded pieces of all batches (pieces,), its place in its
    text (pieces,), and the windows: those of one length together, short ones first.

    A batch of two windows, `a b -` and `c d e` with `-` for padding, has the rows 0 1 3 4 5, the places
    0 1 0 1 2, and the runs (1 window of 2 pieces) and (1 window of 3).
    """
    lengths = torch.cat([batch.attention.sum(dim=1) for batch in batches])
    rows = torch.cat([batch.attention.flatten() for batch in batches]).nonzero().squeeze(1)
    # By the length of each piece's window; a stable sort leaves the pieces of a window together.
    rows = rows[lengths.repeat_interleave(lengths).argsort(stable=True)]
    places = torch.cat([_places(batch) for batch in batches])[rows]
    runs = [Run(len(list(same)), length) for length, same in groupby(sorted(lengths.tolist()))]
    return rows, places, runs


def _places(batch: Batch) -> Tensor:
    if batch.places is not None:
        return batch.places.flatten()
    windows, length = batch.attention.shape
    return torch.arange(length).repeat(windows)


def _dropout(input: Tensor, p: float = 0.5, training: bool = True, inplace: bool = False) -> Tensor:
    return dropout(input, p, training)
