"""What a component must keep, beside its weights, for an interrupted training to go on."""

from typing import Any, Optional

import numpy as np

from ..errors import Errors
from ..generators import generator_state, set_generator_state
from ..pieces.raw import RawWindows


class Resumable:
    """The training state of a component with a masked-LM term, as plain data."""

    name: str
    _step: int
    _n_batches: int
    _generator: np.random.Generator
    _raw: Optional[RawWindows]
    _has_unlabelled: bool

    def training_state(self) -> dict[str, Any]:
        """Save where the training stands: steps taken, masks, raw text.

        RETURNS (dict[str, Any]): The state, of strings, numbers, lists and dicts with string keys.
        RAISES (ValueError): The reader of raw text can't say where it stands.
        """
        if self._raw is not None and not hasattr(self._raw.texts, "state_dict"):
            found = type(self._raw.texts).__name__
            raise ValueError(Errors.X510.format(name=self.name, found=found))
        return {
            "step": self._step,
            "n_batches": self._n_batches,
            "generator": generator_state(self._generator),
            "raw": None if self._raw is None else self._raw.state_dict(),
            "has_unlabelled": self._has_unlabelled,
        }

    def load_training_state(self, state: dict[str, Any]) -> None:
        """Go on from a saved state. Raw text must be attached already.

        state (dict[str, Any]): A value of `training_state`.
        RAISES (ValueError): The state belongs to other raw text.
        """
        self._step = state["step"]
        self._n_batches = state["n_batches"]
        set_generator_state(self._generator, state["generator"])
        if self._raw is not None:
            self._raw.load_state_dict(state["raw"])
        self._has_unlabelled = state["has_unlabelled"]
