"""What the shims share whose torch module has an encoder: its settings, its folder, its gradients."""

from abc import abstractmethod
from pathlib import Path
from typing import Generic, Literal, NamedTuple, TypeVar

import torch
from safetensors.torch import load_file, save_file
from thinc.api import get_torch_default_device
from torch import Tensor

from ..errors import Errors
from .batches import Padding, padding_for
from .checkpoint import Precision, freeze, load_encoder, resolve_precision, save_checkpoint
from .checkpoint_files import LOADING
from .masked_lm import EncoderModule, MaskedLM, MaskedLMLoss
from .module_shim import ModuleShim

# What a module with an encoder has it under.
ENCODER = "masked_lm."


class EncoderSettings(NamedTuple):
    """What `spacy-xling.MaskedLMEncoder.v1` is configured with; see there."""

    name: str
    window: int | None
    overlap: int
    precision: Precision
    dropout: float | None
    freeze_embeddings: bool
    freeze_layers: int


Module = TypeVar("Module", bound=EncoderModule[MaskedLM])


class EncoderShim(ModuleShim, Generic[Module]):
    """Holds a torch module that has an encoder with its LM head, and layers of its own. Saved it is a Hugging
    Face folder, with the weights of its own layers in a file beside.

    own_file (str): That file.
    size_name (str): The weight in it that has a row for each label, or whatever the layers are made for.
    encoder (EncoderSettings): Settings of the encoder.
    pass_pieces (int): The most pieces that pass the encoder at a time.
    """

    own_file: str
    size_name: str

    def __init__(self, encoder: EncoderSettings, pass_pieces: int) -> None:
        super().__init__()
        self.encoder = encoder
        self.pass_pieces = pass_pieces

    @abstractmethod
    def make_module(self, masked_lm: MaskedLM, size: int, precision: Literal["fp32", "bf16"]) -> Module:
        """Make the module around an encoder, with layers of its own, for labels, say."""

    @property
    def not_loaded(self) -> str:
        return Errors.X309.format(name=self.encoder.name)

    @property
    def module(self) -> Module:
        """The module.

        RAISES (ValueError): Nothing was loaded yet.
        """
        if self._model is None:
            raise ValueError(self.not_loaded)
        return self._model

    def masked_lm_pass(self) -> tuple[MaskedLMLoss, Padding]:
        module = self.module
        return MaskedLMLoss(module.masked_lm, module.precision), self._padding

    @property
    def _padding(self) -> Padding:
        module = self.module
        packs = module.masked_lm.encoder.packs
        return padding_for(self.tokenizer, self.pass_pieces, module.precision, module.device, packs=packs)

    # Loading and saving

    def initialize(self, size: int) -> None:
        """Load the checkpoint, with new layers beside it for so many labels, or whatever they are for."""
        self._assemble(self.encoder.name, size)

    def to_folder(self, path: Path) -> None:
        """Write a Hugging Face folder with the weights of the other layers beside it."""
        path.mkdir(parents=True, exist_ok=True)
        if self._model is None:
            return
        module = self.module
        save_checkpoint(module.masked_lm.model, self.tokenizer, path)
        own: dict[str, Tensor] = {
            name: value.contiguous()
            for name, value in module.state_dict().items()
            if not name.startswith(ENCODER)
        }
        save_file(own, path / self.own_file)

    def load_folder(self, path: Path) -> None:
        own = load_file(path / self.own_file)
        self._assemble(str(path), len(own[self.size_name]))
        misfits = self.module.load_state_dict(own, strict=False)
        missing = [name for name in misfits.missing_keys if not name.startswith(ENCODER)]
        if missing or misfits.unexpected_keys:
            raise RuntimeError(f"config and weights differ in {[*missing, *misfits.unexpected_keys]}")

    # A model that is to predict may be loaded where torch keeps no gradients, and be trained later.
    @torch.inference_mode(False)
    def _assemble(self, name: str, size: int) -> None:
        device = get_torch_default_device()
        # While a checkpoint loads, transformers 4 makes any new layer of any thread without weights.
        with LOADING:
            masked_lm, self._tokenizer, _ = load_encoder(
                name, window=self.encoder.window, overlap=self.encoder.overlap, dropout=self.encoder.dropout
            )
            freeze(masked_lm, embeddings=self.encoder.freeze_embeddings, layers=self.encoder.freeze_layers)
            module = self.make_module(masked_lm, size, resolve_precision(self.encoder.precision, device))
        self._masking_vocabulary = None
        self._model = module.to(device)
