"""States of random generators as plain data that any JSON library can hold."""

from typing import Any

import numpy as np


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
