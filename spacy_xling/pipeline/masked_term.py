"""The masked-LM term of a component: what its masked passes read, and where its training stands."""

from collections.abc import Iterator, Sequence
from functools import partial
from typing import Any, Optional

import numpy as np

from ..data.unlabelled import RawText
from ..errors import Errors
from ..generators import generator_state, set_generator_state
from ..models.module_shim import ModuleShim
from ..pieces.cutting import cut_texts
from ..pieces.masking import Masking
from ..pieces.raw import RawWindows
from ..pieces.windows import join, windows_as_texts
from ..types import MaskedPieces, Pieces


class MaskedTerm:
    """Raw text and masks of a component, and what it must keep, beside its weights, for an interrupted
    training to go on. A component calls `_set_masked_term` when it is made.
    """

    name: str
    model: Any
    masking: Masking
    texts_per_update: Optional[int]
    pieces_per_update: Optional[int]
    seed: int

    def _set_masked_term(
        self,
        masking: Masking,
        *,
        texts_per_update: Optional[int],
        pieces_per_update: Optional[int],
        seed: int,
    ) -> None:
        sizes = [size for size in (texts_per_update, pieces_per_update) if size is not None]
        if len(sizes) > 1 or any(size < 1 for size in sizes):
            raise ValueError(Errors.X502.format(texts=texts_per_update, pieces=pieces_per_update))
        self.masking = masking
        self.texts_per_update = texts_per_update
        self.pieces_per_update = pieces_per_update
        self.seed = seed
        self._raw: Optional[RawWindows] = None
        self._reset_training()

    def _reset_training(self) -> None:
        # Optimiser steps taken, for lambda's schedule, and calls of `update` since the last.
        self._step = 0
        self._n_batches = 0
        # Masks draw from a generator of their own, so that without them training draws what it always does.
        self._generator = np.random.default_rng(self.seed)

    @property
    def updates_name(self) -> str:
        """Where `update` counts its calls, beside the losses that it adds up."""
        return f"{self.name}_updates"

    @property
    def _shim(self) -> ModuleShim:
        return self.model.shims[0]

    def _split(self, texts: Sequence[str]) -> Pieces:
        return self._shim.split(texts)

    def attach_unlabelled(self, texts: Iterator[RawText]) -> None:
        """Give the masked-LM term its raw text. `initialize` does so with what it is given; call this for a
        component that was loaded or sourced.

        texts (Iterator[RawText]): An endless stream, as `spacy-xling.UnlabelledText.v1` gives.
        """
        self._raw = RawWindows(texts, partial(cut_texts, split=self._split))

    def _take_masked(self, own: Pieces, n_pieces: int) -> Optional[MaskedPieces]:
        """The windows of an update's masked pass, or None where there is nothing to mask.

        own (Pieces): Windows of the batch's own texts that take part.
        n_pieces (int): How many pieces of raw text go with them where no setting says so.
        """
        windows = [windows_as_texts(own)]
        if self._raw is not None:
            windows.append(
                self._raw.take(n_pieces=self.pieces_per_update or n_pieces)
                if self.texts_per_update is None
                else self._raw.take(n_windows=self.texts_per_update)
            )
        masked = self.masking(join(windows), self._shim.masking_vocabulary, self._generator)
        return masked if len(masked.targets) else None

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


def add_losses(losses: dict[str, float], terms: dict[str, float]) -> None:
    """Add up what an update found.

    losses (dict[str, float]): The sums so far, changed in place.
    terms (dict[str, float]): What to add, by key.
    """
    for key, value in terms.items():
        losses[key] = losses.get(key, 0.0) + value
