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
    if not _are_pairs(pairs, _is_number):
        raise ValueError(Errors.X001.format(name=name, found=reprlib.repr(pairs)))
    _check_texts(name, [text for text, _ in pairs or ()])
    return {text: float(number) for text, number in pairs or ()}


def read_text_pairs(name: str, pairs: Pairs) -> dict[str, str]:
    """Check pairs of two texts.

    name (str): The setting, for the messages.
    pairs (Pairs): What the setting holds.
    RETURNS (dict[str, str]): The second texts by the first, in their order; empty for None.
    RAISES (ValueError): These are no pairs, a first text is there twice, or one that a config file would not
        give back.
    """
    if not _are_pairs(pairs, lambda value: isinstance(value, str)):
        raise ValueError(Errors.X006.format(name=name, found=reprlib.repr(pairs)))
    found = dict(pairs or ())
    _check_texts(name, [first for first, _ in pairs or ()], *found.values())
    return found


def _check_texts(name: str, keys: list[str], *others: str) -> None:
    if len(set(keys)) < len(keys):
        raise ValueError(Errors.X002.format(name=name, found=reprlib.repr(keys)))
    for text in (*keys, *others):
        # A variable begins with it, and spaCy doubles it each time it saves: nothing else is lost in a list.
        if "$" in text:
            raise ValueError(Errors.X003.format(name=name, text=text))


def _are_pairs(pairs: Any, is_value: Any) -> bool:
    if pairs is None:
        return True
    return isinstance(pairs, (list, tuple)) and all(
        isinstance(pair, (list, tuple)) and len(pair) == 2 and isinstance(pair[0], str) and is_value(pair[1])
        for pair in pairs
    )


def _is_number(value: Any) -> bool:
    return isinstance(value, Real) and not isinstance(value, bool)
