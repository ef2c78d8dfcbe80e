"""Numbers by a user's text, such as the weight of a label.

In a config they are pairs, `[["refund", 2.0], ["late", 0.5]]`: a key of a config file can't hold any text.
"""

import reprlib
from numbers import Real
from typing import Any

from .errors import Errors

# What a config has: pairs of a text and a number, or None. Anything else is X001, in one line.
Pairs = Any


def read_pairs(name: str, pairs: Pairs) -> dict[str, float]:
    """Check pairs of a text and a number.

    name (str): The setting, for the messages.
    pairs (Pairs): What the setting holds.
    RETURNS (dict[str, float]): The numbers by their text, in their order; empty for None.
    RAISES (ValueError): These are no pairs, a text is there twice, or one that a config file would not give
        back.
    """
    if pairs is None:
        return {}
    if not isinstance(pairs, (list, tuple)) or not all(map(_is_pair, pairs)):
        raise ValueError(Errors.X001.format(name=name, found=reprlib.repr(pairs)))
    numbers = {text: float(number) for text, number in pairs}
    if len(numbers) < len(pairs):
        raise ValueError(Errors.X002.format(name=name, found=reprlib.repr([text for text, _ in pairs])))
    for text in numbers:
        # A variable begins with it, and spaCy doubles it each time it saves: nothing else is lost in a list.
        if "$" in text:
            raise ValueError(Errors.X003.format(name=name, text=text))
    return numbers


def _is_pair(pair: Any) -> bool:
    if not isinstance(pair, (list, tuple)) or len(pair) != 2:
        return False
    text, number = pair
    return isinstance(text, str) and isinstance(number, Real) and not isinstance(number, bool)
