"""What the shims of this package share: a torch module's parameters to the optimiser, its folder to bytes,
and texts to its pieces.
"""

import contextlib
from abc import abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from copy import copy, deepcopy
from typing import TYPE_CHECKING

import torch
from safetensors import SafetensorError
from thinc.api import Optimizer, torch2xp, xp2torch
from thinc.shims.pytorch import PyTorchShim
from thinc.types import FloatsXd
from torch import Tensor

from ..errors import Errors
from ..optimizer.adamw import AdamW
from ..pieces.masking import MaskingVocabulary, masking_vocabulary
from ..pieces.windows import split_windows
from ..types import Pieces
from . import torch_forking  # noqa: F401  (registers what a forked child needs)
from .batches import Padding
from .folder_shim import FolderShim

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerFast


class ModuleShim(FolderShim, PyTorchShim):
    """Holds a torch module and the tokenizer of its encoder for a thinc model.

    Nothing is loaded before `initialize`, `from_folder` or `from_bytes`. There is no gradient scaler, and
    gradients are None, not zero, for what took no part in a step.
    """

    read_errors = (*FolderShim.read_errors, SafetensorError)

    def __init__(self) -> None:
        super().__init__(None)
        self._tokenizer: PreTrainedTokenizerFast | None = None
        self._masking_vocabulary: MaskingVocabulary | None = None

    @property
    def is_initialized(self) -> bool:
        return self._model is not None

    def require_gradients(self) -> None:
        """Refuse to learn where nothing can be learnt.

        RAISES (ValueError): Nothing was loaded yet, or torch keeps no gradients.
        """
        self.require_loaded()
        if not torch.is_grad_enabled():
            raise ValueError(Errors.X322)

    # Texts

    @property
    def tokenizer(self) -> "PreTrainedTokenizerFast":
        """The tokenizer, after `set_window`.

        RAISES (ValueError): Nothing was loaded yet.
        """
        if self._tokenizer is None:
            raise ValueError(self.not_loaded)
        return self._tokenizer

    def split(self, texts: Sequence[str]) -> Pieces:
        """Texts to windows of pieces, for this encoder."""
        return split_windows(self.tokenizer.backend_tokenizer, texts)

    @property
    def masking_vocabulary(self) -> MaskingVocabulary:
        """What a mask needs to know of the tokenizer."""
        if self._masking_vocabulary is None:
            self._masking_vocabulary = masking_vocabulary(self.tokenizer)
        return self._masking_vocabulary

    @abstractmethod
    def masked_lm_pass(self) -> tuple[torch.nn.Module, Padding]:
        """The masked-LM loss as a module, of batches with masked pieces to its sum, and how such batches are
        laid out for it.
        """

    # Parameters

    def finish_update(self, optimizer: Optimizer) -> None:
        """Clip by the global norm (to `optimizer.grad_clip`, 0 for none), then step each parameter under the
        key (id, name): with `spacy-xling.AdamW.v1` all at once, with another optimizer one by one. Parameters
        that took no part have no gradient, and aren't stepped.
        """
        own = [] if self._model is None else self._model.named_parameters()
        stepped = {self.parameter_key(name): p for name, p in own if p.grad is not None}
        if isinstance(optimizer, AdamW):
            optimizer.step_together(list(stepped), list(stepped.values()))
        else:
            _step_one_by_one(optimizer, stepped)
        for parameter in stepped.values():
            parameter.grad = None

    @contextlib.contextmanager
    def use_params(self, params: Mapping[tuple[int, str], FloatsXd]) -> Iterator[None]:
        """Put other values, as an optimizer's averages, in the parameters' place for a while.

        params (Mapping): Arrays by (id, name), the keys under which `finish_update` calls the optimizer.
        """
        own = {} if self._model is None else dict(self._model.named_parameters())
        swapped = {name: p.data for name, p in own.items() if self.parameter_key(name) in params}
        for name in swapped:
            own[name].data = xp2torch(params[self.parameter_key(name)], device=own[name].device)
        try:
            yield
        finally:
            for name, data in swapped.items():
                own[name].data = data

    def parameters(self) -> Iterator[torch.nn.Parameter]:
        """The module's parameters, none before it is loaded."""
        return iter(()) if self._model is None else self._model.parameters()

    @property
    def has_gradients(self) -> bool:
        """Whether any parameter has a gradient to step by."""
        return any(p.grad is not None for p in self.parameters())

    def scale_gradients(self, factor: float) -> None:
        """Multiply all gradients, as a mean over accumulated sub-batches needs."""
        gradients = [p.grad for p in self.parameters() if p.grad is not None]
        if gradients and factor != 1:
            torch._foreach_mul_(gradients, factor)

    def parameter_key(self, name: str) -> tuple[int, str]:
        """What the optimizer knows a parameter by."""
        return self.id, name

    def to_device(self, device_type: str, device_id: int) -> None:  # pragma: no cover
        if self._model is not None:
            super().to_device(device_type, device_id)

    def __deepcopy__(self, memo: dict[int, object]) -> "ModuleShim":
        # The tokenizer never changes, and copying 250,002 pieces takes seconds.
        copied = copy(self)
        copied._model = deepcopy(self._model, memo)
        memo[id(self)] = copied
        return copied


def require_reached(loss: Tensor | None, term: str) -> None:
    """Refuse to learn from what no parameter has a part in.

    loss (Tensor | None): The loss, or the scores that it is of; None for a pass that wasn't made.
    term (str): The term of the objective.
    RAISES (ValueError): All parameters behind it are frozen.
    """
    if loss is not None and not loss.requires_grad:
        raise ValueError(Errors.X323.format(term=term))


def _step_one_by_one(optimizer: Optimizer, stepped: dict[tuple[int, str], torch.nn.Parameter]) -> None:
    clip = getattr(optimizer, "grad_clip", 0.0)
    if clip and stepped:
        torch.nn.utils.clip_grad_norm_(list(stepped.values()), clip)
    for key, parameter in stepped.items():
        weights, _ = optimizer(key, torch2xp(parameter.data), torch2xp(parameter.grad))
        new = xp2torch(weights, device=parameter.device)
        if new.data_ptr() != parameter.data_ptr():
            parameter.data.copy_(new)
