"""The border between torch and thinc for the joint module: arrays to tensors and back."""

from collections.abc import Callable
from typing import Literal, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from thinc.api import Shim, torch2xp, xp2torch
from torch import Tensor

from ..pieces.padding import pad, padded_positions
from ..types import Floats2d, Gradients, JointBatch, Pieces
from .attribution import Attribution, integrated_gradients
from .batches import Windows, masked_windows, one_batch, passes, to_tensor, windows
from .encoder_shim import EncoderSettings, EncoderShim
from .joint import ClassificationHead, JointModule
from .masked_lm import MaskedLM
from .module_shim import require_reached
from .native_head import find_native_head, make_native_head
from .passes import count_threads
from .pooling import PoolingName, make_pooling


class HeadSettings(NamedTuple):
    """How `spacy-xling.JointTextCat.v1` configures pooling and head; see there."""

    pooling: PoolingName
    pool_specials: bool
    hidden_width: int | None
    pass_pieces: int
    head: Literal["plain", "native"] = "plain"


class JointShim(EncoderShim[JointModule]):
    """Holds the torch module and its tokenizer for a thinc model. There is one backward pass for both losses.

    encoder (EncoderSettings): Settings of the encoder.
    head (HeadSettings): Settings of pooling and classification head.
    """

    own_file = "head.safetensors"
    size_name = "head.output.weight"

    def __init__(self, encoder: EncoderSettings, head: HeadSettings) -> None:
        super().__init__(encoder, head.pass_pieces)
        self.head = head
        self._output_id = self.id

    # From text to logits and losses

    def predict(self, pieces: Pieces) -> Floats2d:
        """Logits of texts, in batches of like lengths. *Shape:* (texts, labels)"""
        pool_specials, n_threads = self.head.pool_specials, count_threads()
        batches = passes(pieces, self._padding, pool_specials=pool_specials, n_threads=n_threads)
        return torch2xp(self.module.predict(batches))

    def begin_update(
        self, batch: JointBatch, dropout: float = 0.0
    ) -> tuple[tuple[Floats2d | None, float], Callable[[Gradients], None]]:
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
        require_reached(logits, "classification loss")
        require_reached(mlm_sum, "masked-LM loss")

        def backprop(gradients: Gradients) -> None:
            seeds: dict[Tensor, Tensor] = {}
            if logits is not None and gradients.d_logits is not None:
                seeds[logits] = xp2torch(gradients.d_logits, device=logits.device).to(logits.dtype)
            if mlm_sum is not None:
                seeds[mlm_sum] = torch.full_like(mlm_sum, gradients.d_mlm)
            if seeds:
                torch.autograd.backward(list(seeds), list(seeds.values()))

        scores = None if logits is None else torch2xp(logits.detach())
        return (scores, 0.0 if mlm_sum is None else mlm_sum.item()), backprop

    def attribute(
        self, pieces: Pieces, score: Callable[[Tensor], Tensor]
    ) -> tuple[NDArray[np.float64], Attribution]:
        """What each piece of a text does for a score, see `integrated_gradients`.

        pieces (Pieces): The windows of one text.
        score (Callable[[Tensor], Tensor]): Logits (texts, labels) to the scores (texts,) to be explained.
        RETURNS (tuple): The pieces' integrated gradients, 0 for special pieces, and all that was found.
            *Shape of the first:* (pieces,)
        RAISES (ValueError): Nothing was loaded yet. (ImportError): X950: captum is missing.
        """
        batch = one_batch(pieces, self._padding, pool_specials=self.head.pool_specials)
        length = batch.ids.shape[1]
        is_word = to_tensor(pad(pieces.is_word, pieces, False, length), self._padding)
        found = integrated_gradients(self.module, batch, is_word, score, pass_pieces=self.head.pass_pieces)
        values = found.pieces.double().cpu().numpy().reshape(-1)
        return values[padded_positions(pieces, length)], found

    # Parameters

    def resize_output(self, n_labels: int) -> None:
        """Grow the classification head."""
        self.module.head.grow(n_labels)
        self._output_id = Shim(None).id

    def parameter_key(self, name: str) -> tuple[int, str]:
        """What the optimizer knows a parameter by. A classification layer that grew is under an id of its
        own: thinc's optimizers keep moments by key, and can't use those of another shape.
        """
        return (self._output_id if name.startswith("head.output.") else self.id), name

    @property
    def n_labels(self) -> int:
        return self.module.head.output.out_features

    def make_module(self, masked_lm: MaskedLM, size: int, precision: Literal["fp32", "bf16"]) -> JointModule:
        width, config = masked_lm.encoder.width, masked_lm.model.config
        if self.head.head == "native":
            pooling, head = find_native_head(config).pooling, make_native_head(config, size)
        else:
            pooling, head = self.head.pooling, ClassificationHead(width, size, self.head.hidden_width)
        return JointModule(masked_lm, make_pooling(pooling, width), head, precision)
