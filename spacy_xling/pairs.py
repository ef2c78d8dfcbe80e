"""Numbers by a user's text, such as the weight of a label, and texts by a text, as the code of a language.

In a config they are pairs, `[["refund", 2.0], ["late", 0.5]]`: a key of a config file can't hold any text.
"""

import reprlib
from numbers import Real
from typing import Any

from .errors import Errors

# What a config has: pairs of a text and a number, or of two texts, or None. Anything else is X001 or X006, in
# one line.
Pairs = Any


def read_pairs(name: str, pairs: Pairs) -> dict[str, float]:
    """Check pairs of a text and a number.

    name (str): The setting, for the messages.
    pairs (Pairs): What the setting holds.
    RETURNS (dict[str, float]): The numbers by their text, in their order; empty for None.
    RAISES (ValueError): These are no pairs, a text is there twice, or one that a config file would not give
        back.
    """
    found = _read(name, pairs, Real, Errors.X001)
    return {text: float(number) for text, number in found.items()}


def read_text_pairs(name: str, pairs: Pairs) -> dict[str, str]:
    """Check pairs of two texts.

    name (str): The setting, for the messages.
    pairs (Pairs): What the setting holds.
    RETURNS (dict[str, str]): The second texts by the first, in their order; empty for None.
    RAISES (ValueError): These are no pairs, a first text is there twice, or one that a config file would not
        give back.
    """
    return _read(name, pairs, str, Errors.X006)


def _read(name: str, pairs: Pairs, kind: type, message: str) -> dict[str, Any]:
    """Check pairs of a text and a value of a kind; the message is for what is none."""
    pairs = () if pairs is None else pairs
    if not isinstance(pairs, (list, tuple)) or not all(_is_pair(pair, kind) for pair in pairs):
        raise ValueError(message.format(name=name, found=reprlib.repr(pairs)))
    found = dict(pairs)
    if len(found) < len(pairs):
        raise ValueError(Errors.X002.format(name=name, found=reprlib.repr([text for text, _ in pairs])))
    for text in (*found, *found.values()):
        # A variable begins with it, and spaCy doubles it each time it saves: nothing else is lost in a list.
        if isinstance(text, str) and "$" in text:
            raise ValueError(Errors.X003.format(name=name, text=text))
    return found


def _is_pair(pair: Any, kind: type) -> bool:
    if not isinstance(pair, (list, tuple)) or len(pair) != 2:
        return False
    return isinstance(pair[0], str) and isinstance(pair[1], kind) and not isinstance(pair[1], bool)
