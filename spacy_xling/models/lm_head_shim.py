"""The border between torch and thinc for an LM head on another component's encoder."""

import contextlib
from collections.abc import Callable
from copy import deepcopy
from pathlib import Path
from typing import Any, NamedTuple

import torch
from safetensors.torch import load_file, save_file
from thinc.api import get_torch_default_device

from ..errors import Errors
from ..pieces.windows import set_window
from ..types import MaskedPieces
from .batches import Padding, masked_windows, padding_for
from .checkpoint import find_window, load_lm_head, read_config, require_usable, resolve_precision
from .checkpoint_files import LOADING
from .held_gradients import HeldGradients
from .lm_head import LMHead
from .masked_lm import BaseEncoder, MaskedLMLoss, SharedMaskedLM
from .module_shim import ModuleShim, require_reached

HEAD_FILE = "lm_head.safetensors"


class SharedSettings(NamedTuple):
    """What `spacy-xling.SharedMaskedLM.v1` is configured with; see there."""

    head_from: str | None
    window: int | None
    overlap: int
    precision: Any
    pass_pieces: int


class SharedPass(NamedTuple):
    """A masked pass through a shared encoder.

    masked (MaskedPieces): Windows with masked pieces.
    held (HeldGradients | None): Takes the gradients on the encoder; None adds them to its parameters' own.
    """

    masked: MaskedPieces
    held: HeldGradients | None


class LMHeadShim(ModuleShim):
    """Holds the LM head, but for the decoder's matrix, for a thinc model. The encoder and its word
    embeddings, which are that matrix, belong to another component, which steps them.

    settings (SharedSettings): Settings of head and passes.
    """

    def __init__(self, settings: SharedSettings) -> None:
        super().__init__()
        self.settings = settings
        self.encoder: BaseEncoder | None = None

    @property
    def not_loaded(self) -> str:
        return Errors.X316

    def bind(self, transformer: Any, tokenizer: Any, name: str) -> None:
        """Take an encoder for the passes from now on; for one that is taken already nothing happens.

        transformer (PreTrainedModel): The encoder.
        tokenizer (PreTrainedTokenizerFast): Its tokenizer, which stays as it is: windows are cut by a copy.
        name (str): The component that holds them.
        RAISES (ValueError): A tokenizer without padding or special pieces, a slow one, or a window that
            doesn't fit.
        """
        if self.encoder is not None and self.encoder.base is transformer:
            return
        require_usable(tokenizer, name)
        encoder, own = BaseEncoder(transformer), deepcopy(tokenizer)
        window = find_window(encoder, own, self.settings.window)
        set_window(own.backend_tokenizer, window, self.settings.overlap)
        self.encoder, self._tokenizer, self._masking_vocabulary = encoder, own, None

    def unbind(self) -> None:
        """Hold no encoder."""
        self.encoder, self._tokenizer, self._masking_vocabulary = None, None, None

    def begin_update(self, given: SharedPass) -> tuple[float, Callable[[float], None]]:
        """The masked pass.

        RETURNS (tuple): The sum of the masked-LM loss, in nats, and the callback that takes the gradient on
            it.
        RAISES (ValueError): Nothing was loaded yet, or no gradient can reach a parameter.
        """
        self.require_gradients()
        module, padding = self.masked_lm_pass()
        module.train()
        mlm_sum = module(masked_windows(given.masked, padding))
        require_reached(mlm_sum, "masked-LM loss")
        encoder = module.masked_lm.encoder.base

        def backprop(d_mlm: float) -> None:
            own = [parameter for parameter in encoder.parameters() if parameter.requires_grad]
            with contextlib.nullcontext() if given.held is None else given.held.collecting(own):
                mlm_sum.backward(torch.full_like(mlm_sum, d_mlm))

        return mlm_sum.item(), backprop

    def masked_lm_pass(self) -> tuple[MaskedLMLoss, Padding]:
        if self.encoder is None or self._model is None:
            raise ValueError(self.not_loaded)
        device = self.encoder.embeddings.weight.device
        precision = resolve_precision(self.settings.precision, device)
        packs = self.encoder.packs
        padding = padding_for(self.tokenizer, self.settings.pass_pieces, precision, device, packs=packs)
        return MaskedLMLoss(SharedMaskedLM(self.encoder, self._model), precision), padding

    # Loading and saving

    @torch.inference_mode(False)
    def initialize(self, source: str) -> None:
        """Load the LM head of a checkpoint, for the encoder that was bound.

        source (str): Hub name or folder of a masked-LM checkpoint.
        RAISES (ValueError): It doesn't load, has no trained head, or one that is of another form or size.
        """
        # The encoder's dropout must not depend on whether a head was loaded.
        with torch.random.fork_rng(devices=[]):
            head = load_lm_head(source)
        if self.encoder is None:
            raise ValueError(self.not_loaded)
        base = self.encoder.base
        found = head.config.model_type, head.config.hidden_size, head.config.vocab_size
        expected = base.config.model_type, self.encoder.width, self.encoder.embeddings.num_embeddings
        if found != expected:
            raise ValueError(Errors.X317.format(name=source, found=found, expected=expected))
        self._model = head.to(get_torch_default_device())

    def to_folder(self, path: Path) -> None:
        """Write the config of the checkpoint and the head's weights."""
        path.mkdir(parents=True, exist_ok=True)
        if self._model is None:
            return
        self._model.config.save_pretrained(path)
        save_file({k: v.contiguous() for k, v in self._model.state_dict().items()}, path / HEAD_FILE)

    @torch.inference_mode(False)
    def load_folder(self, path: Path) -> None:
        with LOADING:
            head = LMHead.from_config(read_config(str(path)))
        head.load_state_dict(load_file(path / HEAD_FILE))
        self._model = head.to(get_torch_default_device())
