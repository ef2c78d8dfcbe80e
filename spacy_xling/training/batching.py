"""A batcher of examples that counts pieces."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import lru_cache
from itertools import islice
from typing import Any

from spacy.training import Example

from ..errors import Errors
from ..generators import make_generator
from ..pieces.padding import like_lengths


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
    generator = make_generator(seed)

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
