"""Random generators by seed, and their states as plain data that any JSON library can hold."""

from numbers import Integral
from typing import Any, Mapping

import numpy as np

from .errors import Errors

# What torch, scikit-learn and numpy's global generator take, too.
SEEDS = 2**32


def check_seed(seed: int) -> None:
    """Refuse a seed that no generator takes.

    seed (int): The seed.
    RAISES (ValueError): X171: it is negative, too large, or no number.
    """
    if not isinstance(seed, Integral) or not 0 <= seed < SEEDS:
        raise ValueError(Errors.X171.format(found=seed))


def make_generator(seed: int, rank: int = 0) -> np.random.Generator:
    """Make the generator of a seed.

    seed (int): The seed.
    rank (int): Number of the process, of several that draw each for itself.
    RETURNS (Generator): The generator, of PCG64.
    RAISES (ValueError): X171: the seed is negative, too large, or no number.
    """
    check_seed(seed)
    return np.random.default_rng([seed, rank] if rank else seed)


def generator_state(generator: np.random.Generator) -> dict[str, Any]:
    """Save where a generator stands.

    generator (Generator): A generator of PCG64, as `numpy.random.default_rng` makes it.
    RETURNS (dict[str, Any]): The state, of strings and small integers.
    """
    state: dict[str, Any] = dict(generator.bit_generator.state)
    # Two numbers of 128 bits, which most JSON and msgpack libraries cannot hold.
    state["state"] = {name: str(number) for name, number in state["state"].items()}
    return state


def set_generator_state(generator: np.random.Generator, state: dict[str, Any]) -> None:
    """Go to a saved state; what is drawn next is what was drawn next when it was saved.

    generator (Generator): A generator of the same kind.
    state (dict[str, Any]): A value of `generator_state`.
    """
    numbers = {name: int(number) for name, number in state["state"].items()}
    generator.bit_generator.state = {**state, "state": numbers}


def require_same_material(what: str, saved: Mapping[str, int], found: Mapping[str, int]) -> None:
    """Refuse to resume with draws from something else than before.

    what (str): What is drawn from, for the message.
    saved (Mapping[str, int]): Its checksums by name when the state was saved.
    found (Mapping[str, int]): Its checksums now.
    RAISES (ValueError): X209: they differ.
    """
    changed = [name for name in {**saved, **found} if found.get(name) != saved.get(name)]
    if changed:
        raise ValueError(Errors.X209.format(what=what, changed=", ".join(changed)))
