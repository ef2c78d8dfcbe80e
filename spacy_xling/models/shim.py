"""The border between torch and thinc: arrays to tensors and back, parameters to the optimiser, bytes and
folders to modules.
"""

import contextlib
import tempfile
from collections.abc import Callable, Iterator, Sequence
from copy import copy, deepcopy
from pathlib import Path
from typing import Any, NamedTuple, Optional, cast

import srsly
import torch
from safetensors.torch import load_file, save_file
from thinc.api import PyTorchShim, Shim, get_torch_default_device, torch2xp, xp2torch
from torch import Tensor

from ..errors import Errors
from ..pieces.masking import MaskingVocabulary, masking_vocabulary
from ..pieces.windows import split_windows
from ..types import Floats2d, JointBatch, Pieces
from . import forking  # noqa: F401  (registers what a forked child needs)
from .batches import Padding, Windows, masked_windows, windows
from .checkpoint import freeze, load_encoder, one_line, resolve_precision, save_checkpoint
from .joint import ClassificationHead, JointModule
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


class Gradients(NamedTuple):
    """Gradients that enter the backward pass.

    d_logits (Optional[Floats2d]): Of the objective on the logits. *Shape:* (texts, labels)
    d_mlm (float): Of the objective on the masked-LM sum.
    """

    d_logits: Optional[Floats2d]
    d_mlm: float


class JointShim(PyTorchShim):
    """Holds the torch module and its tokenizer for a thinc model.

    Nothing is loaded before `initialize`, `from_folder` or `from_bytes`. There is one backward pass for
    both losses, no gradient scaler, and gradients are None, not zero, for what took no part in a step.

    encoder (EncoderSettings): Settings of the encoder.
    head (HeadSettings): Settings of pooling and classification head.
    """

    def __init__(self, encoder: EncoderSettings, head: HeadSettings) -> None:
        super().__init__(None)
        self.encoder = encoder
        self.head = head
        self.tokenizer: Any = None
        self._output_id = self.id
        self._masking_vocabulary: Optional[MaskingVocabulary] = None

    @property
    def module(self) -> JointModule:
        if self._model is None:
            raise ValueError(Errors.X309.format(name=self.encoder.name))
        return self._model

    @property
    def is_initialized(self) -> bool:
        return self._model is not None

    # From text to logits and losses

    def split(self, texts: Sequence[str]) -> Pieces:
        """Texts to windows of pieces, for this encoder."""
        _ = self.module
        return split_windows(self.tokenizer, texts)

    @property
    def masking_vocabulary(self) -> MaskingVocabulary:
        """What a mask needs to know of the tokenizer."""
        if self._masking_vocabulary is None:
            self._masking_vocabulary = masking_vocabulary(self.tokenizer)
        return self._masking_vocabulary

    def predict(self, pieces: Pieces) -> Floats2d:
        """Logits of texts, in batches of like lengths. *Shape:* (texts, labels)"""
        module = self.module
        module.eval()
        with torch.inference_mode():
            return torch2xp(module(self._windows(pieces), [])[0])

    def begin_update(
        self, batch: JointBatch, dropout: float = 0.0
    ) -> tuple[tuple[Optional[Floats2d], float], Callable[[Gradients], None]]:
        """Both forward passes, and the one backward pass.

        batch (JointBatch): Texts to classify and masked windows.
        dropout (float): Rate of the classification head's dropout.
        RETURNS (tuple): Logits (None without a classification pass) and the sum of the masked-LM loss (0
            without a masked pass); and the callback that takes the gradients on both.
        """
        module = self.module
        module.train()
        labelled = [] if batch.labelled is None else self._windows(batch.labelled)
        masked = [] if batch.masked is None else masked_windows(batch.masked, self._padding)
        logits, mlm_sum = module(labelled, masked, dropout)

        def backprop(gradients: Gradients) -> None:
            roots: list[Tensor] = []
            seeds: list[Tensor] = []
            if logits is not None and gradients.d_logits is not None:
                roots.append(logits)
                seeds.append(xp2torch(gradients.d_logits, device=logits.device).to(logits.dtype))
            if mlm_sum is not None and mlm_sum.requires_grad:
                roots.append(mlm_sum)
                seeds.append(torch.full_like(mlm_sum, gradients.d_mlm))
            if roots:
                torch.autograd.backward(roots, seeds)

        scores = None if logits is None else torch2xp(logits.detach())
        return (scores, 0.0 if mlm_sum is None else mlm_sum.item()), backprop

    def _windows(self, pieces: Pieces) -> list[Windows]:
        return windows(pieces, self._padding, pool_specials=self.head.pool_specials)

    @property
    def _padding(self) -> Padding:
        return Padding(self.tokenizer.pad_token_id, self.head.pass_pieces, self.module.device)

    # Parameters

    def scale_gradients(self, factor: float) -> None:
        """Multiply all gradients, as a mean over accumulated sub-batches needs."""
        gradients = [p.grad for p in self.module.parameters() if p.grad is not None]
        if gradients and factor != 1:
            torch._foreach_mul_(gradients, factor)

    def finish_update(self, optimizer: Any) -> None:
        """Clip by the global norm (to `optimizer.grad_clip`, 0 for none), then step parameter by parameter
        under the key (id, name). Parameters that took no part have no gradient, and aren't stepped.

        A classification layer that grew is under an id of its own: thinc's optimizers keep moments by key,
        and can't use those of another shape.
        """
        stepped = [(name, p) for name, p in self.module.named_parameters() if p.grad is not None]
        clip = getattr(optimizer, "grad_clip", 0.0)
        if clip:
            torch.nn.utils.clip_grad_norm_([p for _, p in stepped], clip)
        for name, parameter in stepped:
            weights, _ = optimizer(
                self.parameter_key(name), torch2xp(parameter.data), torch2xp(parameter.grad)
            )
            new = xp2torch(weights, device=parameter.device)
            if new.data_ptr() != parameter.data_ptr():
                parameter.data.copy_(new)
            parameter.grad = None

    @contextlib.contextmanager
    def use_params(self, params: dict[Any, Any]) -> Iterator[None]:
        """Put other values, as an optimizer's averages, in the parameters' place for a while.

        params (dict): Arrays by (id, name), the keys under which `finish_update` calls the optimizer.
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

    def resize_output(self, n_labels: int) -> None:
        """Grow the classification head, if there is one yet."""
        if self._model is not None:
            self.module.head.grow(n_labels)
            self._output_id = Shim(None).id

    def parameter_key(self, name: str) -> tuple[int, str]:
        """What the optimizer knows a parameter by."""
        return (self._output_id if name.startswith("head.output.") else self.id), name

    def to_device(self, device_type: str, device_id: int) -> None:  # pragma: no cover
        if self._model is not None:
            super().to_device(device_type, device_id)

    def __deepcopy__(self, memo: dict[int, Any]) -> "JointShim":
        # The tokenizer never changes, and copying 250,002 pieces takes seconds.
        copied = copy(self)
        copied._model = deepcopy(self._model, memo)
        memo[id(self)] = copied
        return copied

    # Loading and saving

    @property
    def n_labels(self) -> int:
        return self.module.head.output.out_features

    def initialize(self, n_labels: int) -> None:
        """Load the checkpoint, with a new classification head."""
        self._assemble(self.encoder.name, n_labels)

    def to_folder(self, path: Path) -> None:
        """Write a Hugging Face folder with the classification head beside it. An empty folder stands for a
        component that was never initialized.
        """
        path.mkdir(parents=True, exist_ok=True)
        if self._model is None:
            return
        save_checkpoint(self.module.masked_lm, self.tokenizer, path)
        own = {
            k: v.contiguous() for k, v in self.module.state_dict().items() if not k.startswith("masked_lm.")
        }
        save_file(own, path / HEAD_FILE)

    def from_folder(self, path: Path) -> None:
        """Read what `to_folder` wrote. No hub is asked, and no code of the folder is run."""
        if not (path / "config.json").is_file():
            if path.is_dir() and not any(path.iterdir()):
                return
            raise ValueError(Errors.X313.format(path=path, error="it has no config.json"))
        try:
            own = load_file(path / HEAD_FILE)
        except Exception as error:
            raise ValueError(Errors.X313.format(path=path, error=one_line(error))) from error
        self._assemble(str(path), len(own["head.output.weight"]))
        try:
            misfits = self.module.load_state_dict(own, strict=False)
        except RuntimeError as error:
            raise ValueError(Errors.X313.format(path=path, error=one_line(error))) from error
        missing = [key for key in misfits.missing_keys if not key.startswith("masked_lm.")]
        if missing or misfits.unexpected_keys:
            differ = f"config and weights differ in {[*missing, *misfits.unexpected_keys]}"
            raise ValueError(Errors.X313.format(path=path, error=differ))

    def to_bytes(self) -> bytes:
        with tempfile.TemporaryDirectory() as folder:
            self.to_folder(Path(folder))
            files = {file.name: file.read_bytes() for file in sorted(Path(folder).iterdir())}
        return cast(bytes, srsly.msgpack_dumps(files))

    def from_bytes(self, bytes_data: bytes) -> "JointShim":
        with tempfile.TemporaryDirectory() as folder:
            for name, content in srsly.msgpack_loads(bytes_data).items():
                (Path(folder) / Path(name).name).write_bytes(content)
            self.from_folder(Path(folder))
        return self

    def _assemble(self, name: str, n_labels: int) -> None:
        masked_lm, self.tokenizer, _ = load_encoder(
            name, window=self.encoder.window, overlap=self.encoder.overlap, dropout=self.encoder.dropout
        )
        freeze(masked_lm, embeddings=self.encoder.freeze_embeddings, layers=self.encoder.freeze_layers)
        device = get_torch_default_device()
        module = JointModule(
            masked_lm,
            make_pooling(self.head.pooling, masked_lm.width),
            ClassificationHead(masked_lm.width, n_labels, self.head.hidden_width),
            resolve_precision(self.encoder.precision, device),
        )
        self._masking_vocabulary = None
        self._model = module.to(device)
