"""The border between torch and thinc for the joint module: arrays to tensors and back, folders to modules."""

from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple, Optional

import torch
from safetensors.torch import load_file, save_file
from thinc.api import Shim, get_torch_default_device, torch2xp, xp2torch
from torch import Tensor

from ..errors import Errors
from ..types import Floats2d, Gradients, JointBatch, Pieces
from .batches import Padding, Windows, masked_windows, padding_for, passes, windows
from .checkpoint import freeze, load_encoder, resolve_precision, save_checkpoint
from .joint import ClassificationHead, JointModule
from .masked_lm import MaskedLMLoss
from .module_shim import ModuleShim, require_reached
from .passes import count_threads
from .pooling import make_pooling

HEAD_FILE = "head.safetensors"


class EncoderSettings(NamedTuple):
    """What `spacy-xling.MaskedLMEncoder.v1` is told; see there."""

    name: str
    window: Optional[int]
    overlap: int
    precision: Any
    dropout: Optional[float]
    freeze_embeddings: bool
    freeze_layers: int


class HeadSettings(NamedTuple):
    """What `spacy-xling.JointTextCat.v1` is told of pooling and head; see there."""

    pooling: Any
    pool_specials: bool
    hidden_width: Optional[int]
    pass_pieces: int


class JointShim(ModuleShim):
    """Holds the torch module and its tokenizer for a thinc model. There is one backward pass for both losses.

    encoder (EncoderSettings): Settings of the encoder.
    head (HeadSettings): Settings of pooling and classification head.
    """

    def __init__(self, encoder: EncoderSettings, head: HeadSettings) -> None:
        super().__init__()
        self.encoder = encoder
        self.head = head
        self._output_id = self.id

    @property
    def not_loaded(self) -> str:
        return Errors.X309.format(name=self.encoder.name)

    @property
    def module(self) -> JointModule:
        if self._model is None:
            raise ValueError(self.not_loaded)
        return self._model

    # From text to logits and losses

    def predict(self, pieces: Pieces) -> Floats2d:
        """Logits of texts, in batches of like lengths. *Shape:* (texts, labels)"""
        pool_specials, n_threads = self.head.pool_specials, count_threads()
        batches = passes(pieces, self._padding, pool_specials=pool_specials, n_threads=n_threads)
        return torch2xp(self.module.predict(batches))

    def begin_update(
        self, batch: JointBatch, dropout: float = 0.0
    ) -> tuple[tuple[Optional[Floats2d], float], Callable[[Gradients], None]]:
        """Both forward passes, and the one backward pass.

        batch (JointBatch): Texts to classify and masked windows.
        dropout (float): Rate of the classification head's dropout.
        RETURNS (tuple): Logits (None without a classification pass) and the sum of the masked-LM loss (0
            without a masked pass); and the callback that takes the gradients on both.
        RAISES (ValueError): Nothing was loaded yet, or no gradient can reach a parameter.
        """
        self.require_gradients()
        module = self.module
        module.train()
        labelled: list[Windows] = []
        if batch.labelled is not None:
            labelled = windows(batch.labelled, self._padding, pool_specials=self.head.pool_specials)
        masked = [] if batch.masked is None else masked_windows(batch.masked, self._padding)
        logits, mlm_sum = module(labelled, masked, dropout)
        for term, loss in (("classification loss", logits), ("masked-LM loss", mlm_sum)):
            if loss is not None:
                require_reached(loss, term)

        def backprop(gradients: Gradients) -> None:
            roots: list[Tensor] = []
            seeds: list[Tensor] = []
            if logits is not None and gradients.d_logits is not None:
                roots.append(logits)
                seeds.append(xp2torch(gradients.d_logits, device=logits.device).to(logits.dtype))
            if mlm_sum is not None:
                roots.append(mlm_sum)
                seeds.append(torch.full_like(mlm_sum, gradients.d_mlm))
            if roots:
                torch.autograd.backward(roots, seeds)

        scores = None if logits is None else torch2xp(logits.detach())
        return (scores, 0.0 if mlm_sum is None else mlm_sum.item()), backprop

    def masked_lm_pass(self) -> tuple[MaskedLMLoss, Padding]:
        return MaskedLMLoss(self.module.masked_lm, self.module.precision), self._padding

    @property
    def _padding(self) -> Padding:
        module = self.module
        packs = module.masked_lm.encoder.packs
        return padding_for(
            self.tokenizer, self.head.pass_pieces, module.precision, module.device, packs=packs
        )

    # Parameters

    def resize_output(self, n_labels: int) -> None:
        """Grow the classification head, if there is one yet."""
        if self._model is not None:
            self.module.head.grow(n_labels)
            self._output_id = Shim(None).id

    def parameter_key(self, name: str) -> tuple[int, str]:
        """What the optimizer knows a parameter by. A classification layer that grew is under an id of its
        own: thinc's optimizers keep moments by key, and can't use those of another shape.
        """
        return (self._output_id if name.startswith("head.output.") else self.id), name

    # Loading and saving

    @property
    def n_labels(self) -> int:
        return self.module.head.output.out_features

    def initialize(self, n_labels: int) -> None:
        """Load the checkpoint, with a new classification head."""
        self._assemble(self.encoder.name, n_labels)

    def to_folder(self, path: Path) -> None:
        """Write a Hugging Face folder with the classification head beside it."""
        path.mkdir(parents=True, exist_ok=True)
        if self._model is None:
            return
        save_checkpoint(self.module.masked_lm, self.tokenizer, path)
        own = {
            k: v.contiguous() for k, v in self.module.state_dict().items() if not k.startswith("masked_lm.")
        }
        save_file(own, path / HEAD_FILE)

    def load_folder(self, path: Path) -> None:
        own = load_file(path / HEAD_FILE)
        self._assemble(str(path), len(own["head.output.weight"]))
        misfits = self.module.load_state_dict(own, strict=False)
        missing = [key for key in misfits.missing_keys if not key.startswith("masked_lm.")]
        if missing or misfits.unexpected_keys:
            raise RuntimeError(f"config and weights differ in {[*missing, *misfits.unexpected_keys]}")

    # A model that is to predict may be loaded where torch keeps no gradients, and be trained later.
    @torch.inference_mode(False)
    def _assemble(self, name: str, n_labels: int) -> None:
        masked_lm, self._tokenizer, _ = load_encoder(
            name, window=self.encoder.window, overlap=self.encoder.overlap, dropout=self.encoder.dropout
        )
        freeze(masked_lm, embeddings=self.encoder.freeze_embeddings, layers=self.encoder.freeze_layers)
        device = get_torch_default_device()
        module = JointModule(
            masked_lm,
            make_pooling(self.head.pooling, masked_lm.encoder.width),
            ClassificationHead(masked_lm.encoder.width, n_labels, self.head.hidden_width),
            resolve_precision(self.encoder.precision, device),
        )
        self._masking_vocabulary = None
        self._model = module.to(device)
