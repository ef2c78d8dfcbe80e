"""Padded batches, batches of like lengths, and a batcher that counts pieces."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import lru_cache
from itertools import islice
from typing import Any

import numpy as np
from spacy.training import Example

from ..errors import Errors
from ..types import Ints1d, Pieces


def padded_positions(pieces: Pieces) -> Ints1d:
    """Where each piece stands in a padded batch, counted row by row. *Shape:* (pieces,)

    A batch of windows is padded to (windows, longest window); piece k of window w stands at
    w * longest + k.
    """
    longest = int(pieces.lengths.max(initial=0))
    row = np.repeat(np.arange(len(pieces.lengths)), pieces.lengths)
    column = np.arange(len(pieces.ids)) - np.repeat(pieces.starts, pieces.lengths)
    return row * longest + column


def pad(values: np.ndarray, pieces: Pieces, fill: Any) -> np.ndarray:
    """Lay out one value per piece as a padded batch.

    values (np.ndarray): *Shape:* (pieces,)
    pieces (Pieces): The windows.
    fill (Any): What padding gets.
    RETURNS (np.ndarray): *Shape:* (windows, longest window)
    """
    shape = (len(pieces.lengths), int(pieces.lengths.max(initial=0)))
    padded = np.full(shape, fill, dtype=values.dtype)
    padded.reshape(-1)[padded_positions(pieces)] = values
    return padded


def like_lengths(lengths: Sequence[int], max_padded: int) -> list[list[int]]:
    """Group items of like length, so that padding is little and memory bounded.

    lengths (Sequence[int]): The length of each item.
    max_padded (int): The most a group's longest length times its number of items may be; an item longer
        than that is a group of its own.
    RETURNS (list[list[int]]): Numbers of the items of each group, the longest items first.
    """
    groups: list[list[int]] = []
    for item in sorted(range(len(lengths)), key=lambda i: (-lengths[i], i)):
        if groups and lengths[groups[-1][0]] * (len(groups[-1]) + 1) <= max_padded:
            groups[-1].append(item)
        else:
            groups.append([item])
    return groups


def build_batch_by_pieces_v1(
    tokenizer: str, size: int = 2048, buffer: int = 512, seed: int = 0
) -> Callable[[Iterable[Example]], Iterator[list[Example]]]:
    """A batcher by what the encoder sees: pieces after padding. spaCy's own count spaCy tokens, of which a
    sentence of an unspaced script is one.

    Texts of a buffer are grouped by length, and the groups come in random order.

    tokenizer (str): Name or folder of the encoder, whose tokenizer counts.
    size (int): The most pieces of a batch: its longest text's times its number of texts. A longer text is
        a batch of its own.
    buffer (int): How many texts are grouped at a time.
    seed (int): Seed of the random order.
    RETURNS (Callable): Examples to batches of examples.
    RAISES (ValueError): A size or buffer below 1.
    """
    if size < 1 or buffer < 1:
        raise ValueError(Errors.X206.format(size=size, buffer=buffer))
    generator = np.random.default_rng(seed)

    def batch_by_pieces(examples: Iterable[Example]) -> Iterator[list[Example]]:
        stream = iter(examples)
        while items := list(islice(stream, buffer)):
            lengths = count_pieces(tokenizer, [eg.reference.text for eg in items])
            groups = like_lengths(lengths, size)
            for number in generator.permutation(len(groups)):
                yield [items[item] for item in groups[number]]

    return batch_by_pieces


def count_pieces(tokenizer: str, texts: Sequence[str]) -> list[int]:
    """Pieces of each text, specials included, whatever the encoder's window."""
    backend = _tokenizer(tokenizer).backend_tokenizer
    return [len(encoding) for encoding in backend.encode_batch(list(texts))]


@lru_cache(maxsize=4)
def _tokenizer(name: str) -> Any:
    from ..models.checkpoint import load_tokenizer

    return load_tokenizer(name)
