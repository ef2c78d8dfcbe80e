"""Draws whose state belongs to the material that they are made from."""

from collections.abc import Callable

from .errors import Errors
from .generators import generator_state, make_generator, set_generator_state
from .types import StateDict


class MaterialDraws:
    """Draws from some material, with a generator of its own. They continue where they were saved, with the
    same material alone.

    what (str): What is drawn from, in a saved state and for the message.
    checksums (Callable[[], dict[str, int]]): Gives the checksums of the material by name.
    seed (int): Seed of the generator.
    rank (int): Number of the process, of several that draw each for itself.
    """

    def __init__(self, what: str, checksums: Callable[[], dict[str, int]], seed: int, rank: int) -> None:
        self._what = what
        self._checksums = checksums
        self._generator = make_generator(seed, rank)

    def state_dict(self) -> StateDict:
        """Save where the draws stand, and what they are made from."""
        return {"generator": generator_state(self._generator), self._what: self._checksums()}

    def load_state_dict(self, state: StateDict) -> None:
        """Continue from a saved state.

        state (StateDict): A value of `state_dict`.
        RAISES (ValueError): X209: it was saved with other material.
        """
        saved, found = state[self._what], self._checksums()
        changed = [name for name in {**saved, **found} if found.get(name) != saved.get(name)]
        if changed:
            raise ValueError(Errors.X209.format(what=self._what, changed=", ".join(changed)))
        set_generator_state(self._generator, state["generator"])
