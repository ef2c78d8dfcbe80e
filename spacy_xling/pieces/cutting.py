"""Raw texts and text pairs to windows."""

from collections.abc import Callable, Sequence

import numpy as np

from ..data.sources import RawText, TextPair
from ..types import NO_WORD, Pieces
from .windows import join, one_window, separate

Split = Callable[[Sequence[str]], Pieces]


def cut_texts(texts: Sequence[RawText], *, split: Split) -> Pieces:
    """Cut raw texts into windows."""
    return split([raw.text for raw in texts])


def cut_pairs(pairs: Sequence[TextPair], *, split: Split, window: int) -> Pieces:
    """Cut text pairs into windows for translation language modelling (Conneau & Lample 2019, arXiv
    1901.07291): both sides stand in one window, so that a masked piece can be read off the other language.

    A window is the first text with its special pieces, then the second without those at its start; each text
    has the positions that it has by itself (`windows.places`). Every other pair is turned round, for neither
    language is always to come first. A pair that doesn't fit one window becomes the windows of its two texts.

    pairs (Sequence[TextPair]): The pairs.
    split (Split): Texts to windows, for one encoder.
    window (int): The most pieces of a window, specials included.
    RETURNS (Pieces): The windows, each a text of its own.
    """
    turned = [(p.second, p.first) if number % 2 else (p.first, p.second) for number, p in enumerate(pairs)]
    sides = split([side for pair in turned for side in pair])
    windows: list[list[Pieces]] = [[] for _ in range(sides.n_texts)]
    for text, piece in zip(sides.texts, separate(sides), strict=True):
        windows[text].append(piece)
    return join(
        [part for pair in zip(windows[::2], windows[1::2], strict=True) for part in _pair(*pair, window)]
    )


def _pair(first: list[Pieces], second: list[Pieces], window: int) -> list[Pieces]:
    if len(first) == len(second) == 1:
        both = _one_after_the_other(first[0], second[0])
        if len(both.ids) <= window:
            return [both]
    return first + second


def _one_after_the_other(first: Pieces, second: Pieces) -> Pieces:
    rest = slice(int(np.argmax(second.is_word)), None)
    # The numbers of words continue: no word of one side is to be masked together with one of the other.
    words = np.where(second.is_word, second.words + first.words.max() + 1, NO_WORD)
    return one_window(
        np.concatenate([first.ids, second.ids[rest]]), np.concatenate([first.words, words[rest]])
    )
