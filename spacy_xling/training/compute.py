"""What a training costs: the pieces that pass an encoder to learn from them."""

from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.modules.module import register_module_forward_hook

from ..models.packing import spare_rows


class EncoderPieces:
    """Counts, while it is open, the pieces that pass any Hugging Face encoder of this process in a forward
    pass with gradients: those of labelled text, and those of raw text with masks. Padding isn't counted, nor
    are passes that only predict, as those that score the dev text. An encoder that components share is
    counted at each of its passes, a window that overlaps another counts whole.
    """

    def __init__(self) -> None:
        self._before = 0
        self._found: list[Tensor] = []
        self._hook: Any = None

    @property
    def count(self) -> int:
        """Pieces so far. Special pieces are among them."""
        self.set(self._before + sum(int(found) for found in self._found))
        return self._before

    def set(self, count: int) -> None:
        """Continue from another count."""
        self._before = count
        self._found.clear()

    def __enter__(self) -> "EncoderPieces":
        self._hook = register_module_forward_hook(self._note, with_kwargs=True)
        return self

    def __exit__(self, *error: object) -> None:
        self._hook.remove()

    def _note(self, module: nn.Module, args: tuple, kwargs: dict[str, Any], output: Any) -> None:
        # Of a model with a head and the one inside, `base_model` is the one inside; other modules have none.
        if module.training and torch.is_grad_enabled() and getattr(module, "base_model", None) is module:
            self._found.append(_pieces(args, kwargs))
            # On a GPU numbers are left where they are, but not too many of them.
            if len(self._found) == 1000:
                _ = self.count


def _pieces(args: tuple, kwargs: dict[str, Any]) -> Tensor:
    """How many pieces a pass has: those that are attended to, or all where nothing says so."""
    mask = kwargs.get("attention_mask")
    if mask is not None and mask.ndim == 2:
        return mask.detach().count_nonzero()
    for name, n_axes in (("input_ids", 2), ("inputs_embeds", 3)):
        given = kwargs.get(name, args[0] if args else None)
        if isinstance(given, Tensor) and given.ndim == n_axes:
            return torch.tensor(given.shape[0] * given.shape[1] - spare_rows.get())
    return torch.tensor(0)
