"""Shapes of encoders, and what a step of training takes."""

from typing import NamedTuple

# Labelled texts of a step, and raw texts of a joint one.
TEXTS_PER_STEP = 8
N_LABELS = 8
MLM_WEIGHT = 0.1
LEARN_RATE = 5e-5


class Shape(NamedTuple):
    """The shape of an XLM-R.

    layers (int): Number of layers.
    width (int): Width of the hidden states.
    heads (int): Attention heads of a layer.
    inner (int): Width of the feed-forward layers.
    n_pieces (int): Rows of the word embeddings; the tokenizer may have fewer pieces.
    """

    layers: int
    width: int
    heads: int
    inner: int
    n_pieces: int


SHAPES = {
    "base": Shape(12, 768, 12, 3072, 250_002),
    "minilm": Shape(12, 384, 12, 1536, 250_002),
    "mini": Shape(4, 192, 4, 768, 16_000),
    "tiny": Shape(1, 32, 2, 64, 16_000),
}


def find_shape(name: str) -> Shape:
    """The shape of a name; one as `base-40000` has a vocabulary of its own.

    name (str): The name.
    RETURNS (Shape): The shape.
    """
    known, _, n_pieces = name.partition("-")
    return SHAPES[known]._replace(n_pieces=int(n_pieces)) if n_pieces else SHAPES[known]
