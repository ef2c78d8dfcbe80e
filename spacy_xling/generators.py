"""Random generators by seed, and their states as plain data that any JSON library can hold."""

from numbers import Integral

import numpy as np

from .errors import Errors
from .types import StateDict

# What torch, scikit-learn and numpy's global generator take, too.
SEEDS = 2**32


def check_seed(seed: int) -> None:
    """Refuse a seed that is negative, too large, or no number (X171)."""
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


def generator_state(generator: np.random.Generator) -> StateDict:
    """Save where a generator stands.

    generator (Generator): A generator of PCG64, as `numpy.random.default_rng` makes it.
    RETURNS (StateDict): The state, of strings and small integers.
    """
    state: StateDict = dict(generator.bit_generator.state)
    # Two numbers of 128 bits, which most JSON and msgpack libraries cannot hold.
    state["state"] = {name: str(number) for name, number in state["state"].items()}
    return state


def set_generator_state(generator: np.random.Generator, state: StateDict) -> None:
    """Go to a saved state; what is drawn next is what was drawn next when it was saved.

    generator (Generator): A generator of the same kind.
    state (StateDict): A value of `generator_state`.
    """
    numbers = {name: int(number) for name, number in state["state"].items()}
    generator.bit_generator.state = {**state, "state": numbers}
