"""As much compute for each recipe as for the costliest."""

from collections.abc import Mapping
from typing import NamedTuple

from ..errors import Errors


class Cost(NamedTuple):
    """What a recipe costs.

    pieces_per_step (float): Pieces that pass the encoder per optimiser step, as measured.
    max_steps (int): `training.max_steps` of its config.
    adaptation_pieces (float): Pieces that passed the encoder to make the one that it starts from.
    """

    pieces_per_step: float
    max_steps: int
    adaptation_pieces: float = 0.0

    @property
    def pieces(self) -> float:
        """Pieces of the whole training. spaCy counts steps from 0 to `max_steps`, so it takes one more."""
        return self.adaptation_pieces + self.pieces_per_step * (self.max_steps + 1)


def equal_steps(costs: Mapping[str, Cost]) -> dict[str, int]:
    """The optimiser steps that give each recipe as many encoder passes as the costliest has.

    With A_w pieces to make the encoder, r_w pieces in a step and M_w = `training.max_steps` of recipe w:

        P_w  = A_w + r_w * (M_w + 1)
        P    = max over all recipes of P_w
        M'_w = round((P - A_w) / r_w) - 1

    costs (Mapping[str, Cost]): What each recipe costs.
    RETURNS (dict[str, int]): `training.max_steps` by recipe; that of the costliest is unchanged.
    RAISES (ValueError): A recipe has no `max_steps`, or none of its pieces were counted.
    """
    for recipe, cost in costs.items():
        if cost.max_steps < 1 or cost.pieces_per_step <= 0:
            raise ValueError(
                Errors.X780.format(recipe=recipe, steps=cost.max_steps, pieces=round(cost.pieces_per_step))
            )
    most = max(cost.pieces for cost in costs.values())
    return {
        recipe: round((most - cost.adaptation_pieces) / cost.pieces_per_step) - 1
        for recipe, cost in costs.items()
    }
