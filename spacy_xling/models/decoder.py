"""A shallow decoder on top of a masked-LM encoder (Vaswani et al. 2017, arXiv 1706.03762).

Layers normalise what they take and not what they give (Xiong et al. 2020, arXiv 2002.04745), so that they
train without a long warm-up. The embeddings are the encoder's own, and so is the way from states to pieces,
the LM head: both are with the encoder.
"""

import math
from collections.abc import Sequence
from typing import NamedTuple, cast

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from .dropout import dropout

# Of the hidden layer of a feed-forward part, for each of the width of the states.
FEED_FORWARD = 4


class KeysValues(NamedTuple):
    """What an attention looks at.

    keys (Tensor): *Shape:* (rows, heads, length, head width)
    values (Tensor): *Shape:* (rows, heads, length, head width)
    """

    keys: Tensor
    values: Tensor

    def rows(self, chosen: Tensor) -> "KeysValues":
        """Those of some of the rows, in a given order."""
        return KeysValues(self.keys[chosen], self.values[chosen])


class Memory(NamedTuple):
    """Encoded sources as the layers look at them.

    layers (Sequence[KeysValues]): Keys and values of each layer.
    attention (Tensor): True for a piece, False for padding. *Shape:* (rows, 1, 1, source length)
    """

    layers: Sequence[KeysValues]
    attention: Tensor

    def rows(self, chosen: Tensor) -> "Memory":
        """Those of some of the rows, in a given order."""
        return Memory([layer.rows(chosen) for layer in self.layers], self.attention[chosen])


class DecoderLayer(nn.Module):
    """Attention to what stands before, attention to the source, and a feed-forward part.

    width (int): Width of the states.
    heads (int): Number of attention heads, a divisor of the width.
    rate (float): Rate of the dropout of what each part adds, and within the feed-forward part.
    """

    def __init__(self, width: int, heads: int, rate: float) -> None:
        super().__init__()
        self.heads = heads
        self.rate = rate
        self.own_norm = nn.LayerNorm(width)
        self.own_input = nn.Linear(width, 3 * width)
        self.own_output = nn.Linear(width, width)
        self.source_norm = nn.LayerNorm(width)
        self.source_query = nn.Linear(width, width)
        self.source_memory = nn.Linear(width, 2 * width)
        self.source_output = nn.Linear(width, width)
        self.feed_norm = nn.LayerNorm(width)
        self.feed_input = nn.Linear(width, FEED_FORWARD * width)
        self.feed_output = nn.Linear(FEED_FORWARD * width, width)
        for part in self.children():
            if isinstance(part, nn.Linear):
                nn.init.xavier_uniform_(part.weight)
                nn.init.zeros_(part.bias)

    def remember(self, encoded: Tensor) -> KeysValues:
        """Keys and values of encoded sources (rows, length, width)."""
        return KeysValues(*map(self._split, self.source_memory(encoded).chunk(2, dim=-1)))

    def forward(
        self,
        states: Tensor,
        memory: KeysValues,
        attention: Tensor,
        past: KeysValues | None = None,
    ) -> tuple[Tensor, KeysValues]:
        """States of the target's positions to states.

        states (Tensor): Those of a whole target, or, with `past`, those of its next position alone.
            *Shape:* (rows, length, width)
        memory (KeysValues): The sources, as `remember` gives them.
        attention (Tensor): True for a piece of the source. *Shape:* (rows, 1, 1, source length)
        past (KeysValues | None): Keys and values of the positions before; None for a whole target, in
            which each position sees those up to itself.
        RETURNS (tuple[Tensor, KeysValues]): The states, and keys and values of all positions so far.
        """
        query, keys, values = map(self._split, self.own_input(self.own_norm(states)).chunk(3, dim=-1))
        own = KeysValues(keys, values)
        if past is not None:
            own = KeysValues(torch.cat([past.keys, keys], dim=2), torch.cat([past.values, values], dim=2))
        seen = F.scaled_dot_product_attention(query, own.keys, own.values, is_causal=past is None)
        states = states + self._drop(self.own_output(self._join(seen)))
        query = self._split(self.source_query(self.source_norm(states)))
        seen = F.scaled_dot_product_attention(query, memory.keys, memory.values, attn_mask=attention)
        states = states + self._drop(self.source_output(self._join(seen)))
        inner = self._drop(F.gelu(self.feed_input(self.feed_norm(states))))
        return states + self._drop(self.feed_output(inner)), own

    def _split(self, states: Tensor) -> Tensor:
        rows, length, width = states.shape
        return states.view(rows, length, self.heads, width // self.heads).transpose(1, 2)

    def _join(self, states: Tensor) -> Tensor:
        return states.transpose(1, 2).flatten(2)

    def _drop(self, states: Tensor) -> Tensor:
        return dropout(states, self.rate, self.training)


class Decoder(nn.Module):
    """Embedded pieces of a target to states that tell the next piece.

    The first position is the target language, of which the decoder has embeddings of its own; behind it stand
    the target's pieces, each normalised, with sinusoidal positions.

    width (int): Width of the states, the encoder's.
    embedding_width (int): Width of the encoder's word embeddings.
    layers (int): Number of layers.
    heads (int): Number of attention heads.
    rate (float): Rate of all dropouts.
    n_languages (int): Number of target languages.
    """

    def __init__(
        self, width: int, embedding_width: int, *, layers: int, heads: int, rate: float, n_languages: int
    ) -> None:
        super().__init__()
        self.rate = rate
        self.languages = nn.Embedding(n_languages, width)
        self.widen = nn.Linear(embedding_width, width) if embedding_width != width else nn.Identity()
        self.norm_embedded = nn.LayerNorm(width)
        self.layers = nn.ModuleList(DecoderLayer(width, heads, rate) for _ in range(layers))
        self.norm = nn.LayerNorm(width)

    def remember(self, encoded: Tensor, attention: Tensor) -> Memory:
        """What the layers look at of encoded sources.

        encoded (Tensor): Hidden states of the encoder. *Shape:* (rows, length, width)
        attention (Tensor): True for a piece, False for padding. *Shape:* (rows, length)
        """
        layers = [cast(DecoderLayer, layer).remember(encoded) for layer in self.layers]
        return Memory(layers, attention[:, None, None])

    def forward(self, embedded: Tensor, languages: Tensor, memory: Memory) -> Tensor:
        """States of whole targets, each position of which sees the language and the pieces before it.

        embedded (Tensor): Word embeddings of the targets' pieces; what follows a target is padding.
            *Shape:* (rows, length, embedding width)
        languages (Tensor): Numbers of the target languages. *Shape:* (rows,)
        memory (Memory): The sources.
        RETURNS (Tensor): The state at i tells piece i. *Shape:* (rows, length + 1, width)
        """
        start = self.languages(languages).unsqueeze(1)
        states = torch.cat([start.to(embedded.dtype), self.norm_embedded(self.widen(embedded))], dim=1)
        states = states + positions(states.shape[1], states.shape[2]).to(states)
        states = dropout(states, self.rate, self.training)
        for layer, remembered in zip(self.layers, memory.layers, strict=True):
            states, _ = layer(states, remembered, memory.attention)
        return self.norm(states)

    def begin(self, languages: Tensor, memory: Memory) -> tuple[Tensor, list[KeysValues]]:
        """The state of the first position.

        languages (Tensor): Numbers of the target languages. *Shape:* (rows,)
        memory (Memory): The sources.
        RETURNS (tuple[Tensor, list[KeysValues]]): The states (rows, width), and what the next position looks
            back at, by layer.
        """
        return self._step(self.languages(languages), 0, memory, None)

    def go_on(
        self, embedded: Tensor, memory: Memory, past: Sequence[KeysValues]
    ) -> tuple[Tensor, list[KeysValues]]:
        """The state of the next position.

        embedded (Tensor): Word embeddings of the pieces that were chosen. *Shape:* (rows, embedding width)
        memory (Memory): The sources.
        past (Sequence[KeysValues]): What `begin` or the last `go_on` gave.
        RETURNS (tuple[Tensor, list[KeysValues]]): As `begin`.
        """
        states = self.norm_embedded(self.widen(embedded))
        return self._step(states, past[0].keys.shape[2], memory, past)

    def _step(
        self, states: Tensor, place: int, memory: Memory, past: Sequence[KeysValues] | None
    ) -> tuple[Tensor, list[KeysValues]]:
        states = (states + positions(place + 1, states.shape[1])[place].to(states)).unsqueeze(1)
        seen = []
        for number, (layer, remembered) in enumerate(zip(self.layers, memory.layers, strict=True)):
            states, own = layer(states, remembered, memory.attention, None if past is None else past[number])
            seen.append(own)
        return self.norm(states).squeeze(1), seen


def positions(length: int, width: int) -> Tensor:
    """Sinusoidal positions (Vaswani et al. 2017, section 3.5), in fp64.

    length (int): Number of positions.
    width (int): Their width.
    RETURNS (Tensor): Sines in the first half, cosines in the second. *Shape:* (length, width)
    """
    half = -(-width // 2)
    rates = torch.exp(torch.arange(half, dtype=torch.float64) * (-math.log(10_000.0) / half))
    angles = torch.arange(length, dtype=torch.float64).unsqueeze(1) * rates
    return torch.cat([angles.sin(), angles.cos()], dim=1)[:, :width]
