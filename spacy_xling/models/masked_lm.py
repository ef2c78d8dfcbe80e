"""A Hugging Face masked-LM model, taken apart where the masked positions are picked."""

import warnings
from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from functools import cached_property
from inspect import signature
from typing import TYPE_CHECKING, Generic, Literal, TypeVar

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from ..errors import Warnings
from ..types import MaskedPieces
from .batches import Batch, MaskedWindows, Padding, masked_passes
from .cross_entropy import cross_entropy
from .lm_head import LMHead, find_projection, unknown_head
from .packing import encode_packed, find_reaches, widest_window
from .tied_gradient import TiedGradient

if TYPE_CHECKING:
    from transformers import PreTrainedModel

# Families whose encoders pack under all releases of `transformers`.
PACKING_FAMILIES = ("albert", "bert", "camembert", "modernbert", "roberta", "xlm-roberta")


class BaseEncoder:
    """The passes of an encoder without head. It holds the model, and nothing of its own.

    base (PreTrainedModel): What `AutoModel` loads, or the `base_model` of a model with a head.
    first_position (int): The number of a window's first position.
    """

    def __init__(self, base: "PreTrainedModel") -> None:
        self.base = base
        self._takes_places = "position_ids" in signature(base.forward).parameters
        self.first_position = _first_position(base)

    @property
    def embeddings(self) -> nn.Embedding:
        """The word embeddings. *Shape of their weight:* (vocabulary, embedding width)"""
        return self.base.get_input_embeddings()

    @property
    def width(self) -> int:
        """Width of the hidden states."""
        return int(self.base.config.hidden_size)

    def embed(self, ids: Tensor) -> Tensor:
        """Piece ids (...) to their word embeddings (..., embedding width)."""
        return self.embeddings(ids)

    def embed_all(self, batches: Sequence[Batch], tied: TiedGradient | None = None) -> list[Tensor]:
        """The word embeddings of several batches in one look-up: the gradient of each look-up is as large as
        the embedding matrix.

        batches (Sequence): Batches with piece ids. *Shape of each:* (windows, length)
        tied (TiedGradient | None): What brings the gradient of the decoder, where that is the embedding
            matrix and its loss is taken in the same pass.
        RETURNS (list[Tensor]): *Shape of each:* (windows, length, embedding width)
        """
        if not batches:
            return []
        ids = torch.cat([batch.ids.flatten() for batch in batches])
        if tied is None:
            flat = self.embed(ids)
        else:
            flat = tied.look_up(ids, self.embeddings.weight, self.embeddings.padding_idx)
        parts = torch.split(flat, [batch.ids.numel() for batch in batches])
        return [part.view(*batch.ids.shape, -1) for part, batch in zip(parts, batches, strict=True)]

    def encode(self, embedded: Tensor, attention: Tensor, places: Tensor | None = None) -> Tensor:
        """The last hidden states.

        embedded (Tensor): Word embeddings of the pieces. *Shape:* (windows, length, embedding width)
        attention (Tensor): True for a piece, False for padding. *Shape:* (windows, length)
        places (Tensor | None): The place of each piece in its text, from 0; None lets them run on through
            the window. DistilBERT takes none: there they always run on. *Shape:* (windows, length)
        RETURNS (Tensor): *Shape:* (windows, length, width)
        """
        given = {}
        if places is not None and self._takes_places:
            given["position_ids"] = places + self.first_position
        return self.base(inputs_embeds=embedded, attention_mask=attention, **given)[0]

    def encode_all(self, batches: Sequence[Batch], tied: TiedGradient | None = None) -> list[Tensor]:
        """The last hidden states of several batches: in one pass without padding if the encoder packs, else
        in a pass for each batch. See `embed_all` for `tied`. *Shape of each:* (windows, length, width)
        """
        return self.encode_embedded(self.embed_all(batches, tied), batches)

    def encode_embedded(self, embedded: Sequence[Tensor], batches: Sequence[Batch]) -> list[Tensor]:
        """The last hidden states (windows, length, width) of several batches, whose pieces were embedded
        (windows, length, embedding width); see `encode_all`.
        """
        if batches and self.packs:
            return encode_packed(self.base, embedded, batches, self.first_position, self._reaches)
        return [
            self.encode(part, batch.attention, batch.places)
            for part, batch in zip(embedded, batches, strict=True)
        ]

    @property
    def packs(self) -> bool:
        """Whether windows pass without padding: on a CPU, by an encoder that takes positions, and whose
        attention is torch's `scaled_dot_product_attention` without a bias of its own (BERT, RoBERTa, XLM-R,
        ALBERT, ModernBERT, and DistilBERT under transformers 5; not DeBERTa). Checkpointed gradients need
        padding too: they are computed outside of the pass.

        WARNS (UserWarning): W302, once, where an encoder of a family that is known to pack doesn't.
        """
        if self.embeddings.weight.device.type != "cpu" or not self._can_pack:
            return False
        checkpoints = (getattr(module, "gradient_checkpointing", False) for module in self.base.modules())
        return not (torch.is_grad_enabled() and any(checkpoints))

    @cached_property
    def _reaches(self) -> list[int | None]:
        return find_reaches(self.base.config)

    @cached_property
    def _can_pack(self) -> bool:
        packs = self._takes_places and self._packs_windows()
        if not packs and self.base.config.model_type in PACKING_FAMILIES:
            warnings.warn(Warnings.W302.format(family=self.base.config.model_type), stacklevel=2)
        return packs

    def _packs_windows(self) -> bool:
        """Whether a few windows come out of one pass as each does of its own."""
        refusals = (AttributeError, IndexError, RuntimeError, TypeError, ValueError)
        with suppress(*refusals), evaluating(self.base):
            n_positions = int(self.base.config.max_position_embeddings) - self.first_position
            # The first is longer than a piece sees, by the config alone and not by what is being tried.
            lengths = [min(3 + widest_window(self.base.config), n_positions), 3, 2, 1]
            attention = torch.arange(lengths[0]) < torch.tensor(lengths).unsqueeze(1)
            generator = torch.Generator().manual_seed(0)
            ids = torch.randint(self.embeddings.num_embeddings, attention.shape, generator=generator)
            embedded = self.embed(ids)
            batch = Batch(ids=ids, attention=attention)
            (packed,) = encode_packed(self.base, [embedded], [batch], self.first_position, self._reaches)
            alone = [
                self.encode(embedded[row : row + 1, :length], attention[row : row + 1, :length])[0]
                for row, length in enumerate(lengths)
            ]
            return torch.allclose(packed[attention], torch.cat(alone), rtol=1e-3, atol=1e-4)
        return False


class EncoderWithHead(nn.Module, ABC):
    """An encoder and its LM head, in any module.

    encoder (BaseEncoder): The encoder's passes.
    """

    encoder: BaseEncoder

    @property
    @abstractmethod
    def decoder_weight(self) -> Tensor:
        """The decoder's matrix, mostly the word embeddings. *Shape:* (vocabulary, projection width)"""

    @property
    @abstractmethod
    def decoder_bias(self) -> Tensor | None:
        """The decoder's bias. *Shape:* (vocabulary,)"""

    @abstractmethod
    def project(self, states: Tensor) -> Tensor:
        """Hidden states (targets, width) to what the decoder takes (targets, projection width)."""

    def loss(
        self,
        hidden: Sequence[Tensor],
        batches: Sequence[MaskedWindows],
        tied: TiedGradient | None = None,
    ) -> Tensor:
        """The masked-LM loss: the sum over targets of -log P(target | window without it), in nats.

        hidden (Sequence[Tensor]): Hidden states of each batch, from `encode_all`.
        batches (Sequence[MaskedWindows]): Windows with masked pieces.
        tied (TiedGradient | None): Where the gradient of the decoder's weight goes, for `embed_all` to
            bring.
        RETURNS (Tensor): A scalar.
        """
        # Only the targets' states pass the LM head, those of all batches at once.
        at_targets = [
            states.flatten(0, 1)[batch.positions] for states, batch in zip(hidden, batches, strict=True)
        ]
        return self.cross_entropy(
            torch.cat(at_targets), torch.cat([batch.targets for batch in batches]), tied
        )

    def cross_entropy(
        self, states: Tensor, targets: Tensor, tied: TiedGradient | None = None, smoothing: float = 0.0
    ) -> Tensor:
        """The sum over targets of -log P(target | state) by the LM head, in nats; see `cross_entropy`.

        states (Tensor): Hidden states. *Shape:* (targets, width)
        targets (Tensor): Piece ids. *Shape:* (targets,)
        tied (TiedGradient | None): See `loss`.
        smoothing (float): Share of each target that is spread over the vocabulary.
        RETURNS (Tensor): A scalar.
        """
        projected = self.project(states)
        return cross_entropy(
            projected, self.decoder_weight, self.decoder_bias, targets, tied, smoothing=smoothing
        )

    def tied_gradient(self) -> TiedGradient | None:
        """What brings one gradient for both uses of a matrix, for one forward and backward pass; None if the
        decoder isn't the embedding matrix, or the embeddings are more than its rows.
        """
        embeddings = self.encoder.embeddings
        is_tied = type(embeddings) is nn.Embedding and self.decoder_weight is embeddings.weight
        return TiedGradient() if is_tied else None


class MaskedLM(EncoderWithHead):
    """Encoder and LM head of one checkpoint.

    model (PreTrainedModel): What `AutoModelForMaskedLM` loads.
    encoder (BaseEncoder): The encoder's passes.
    RAISES (ValueError): A family whose head isn't known, or one that computes something else.
    """

    def __init__(self, model: "PreTrainedModel") -> None:
        super().__init__()
        self.model = model
        self.encoder = BaseEncoder(model.base_model)
        self._project = find_projection(model)
        self._check_split()

    @property
    def decoder(self) -> nn.Linear:
        """The last layer of the LM head. *Shape of its weight:* (vocabulary, projection width)"""
        return self.model.get_output_embeddings()

    @property
    def decoder_weight(self) -> Tensor:
        return self.decoder.weight

    @property
    def decoder_bias(self) -> Tensor | None:
        return self.decoder.bias

    def project(self, states: Tensor) -> Tensor:
        return self._project(self.model, states)

    def _check_split(self) -> None:
        """Encoder, projection and decoder must give the model's own logits."""
        fits, problem = False, None
        try:
            with evaluating(self.model):
                # A vocabulary may be tiny, and a padding piece would have another position by its id.
                rows = range(min(4, len(self.decoder.weight)))
                pieces = [row for row in rows if row != self.model.config.pad_token_id]
                ids = torch.tensor([pieces], device=self.decoder.weight.device)
                attention = torch.ones_like(ids, dtype=torch.bool)
                whole = self.model(input_ids=ids, attention_mask=attention).logits
                # With a piece of padding, which FNet would take for one of the text.
                ids, attention = F.pad(ids, (0, 1), value=pieces[0]), F.pad(attention, (0, 1))
                parts = self.decoder(self.project(self.encoder.encode(self.encoder.embed(ids), attention)))
                fits = torch.allclose(whole, parts[:, :-1], rtol=1e-3, atol=1e-4)
        except (AttributeError, RuntimeError, TypeError, ValueError) as error:
            # Another kind of head under a name that is known: BART's "lm_head" is a single layer.
            problem = error
        if not fits:
            raise ValueError(unknown_head(self.model)) from problem


class SharedMaskedLM(EncoderWithHead):
    """An encoder and an LM head that belong to different owners; the decoder's matrix is the encoder's word
    embeddings.

    encoder (BaseEncoder): The encoder.
    head (LMHead): The LM head.
    """

    def __init__(self, encoder: BaseEncoder, head: LMHead) -> None:
        super().__init__()
        # So that a change of mode reaches it.
        self.base = encoder.base
        self.encoder = encoder
        self.head = head

    @property
    def decoder_weight(self) -> Tensor:
        return self.encoder.embeddings.weight

    @property
    def decoder_bias(self) -> Tensor | None:
        return self.head.bias

    def project(self, states: Tensor) -> Tensor:
        return self.head.project(states)


Head = TypeVar("Head", bound=EncoderWithHead)


class EncoderModule(nn.Module, Generic[Head]):
    """What the modules share that have an encoder with its LM head.

    masked_lm (EncoderWithHead): Encoder and LM head.
    precision (Literal["fp32", "bf16"]): "bf16" runs passes under autocast; parameters and losses stay in
        fp32. No loss scaling is needed.
    """

    def __init__(self, masked_lm: Head, precision: Literal["fp32", "bf16"] = "fp32") -> None:
        super().__init__()
        self.masked_lm = masked_lm
        self.precision = precision

    @property
    def device(self) -> torch.device:
        return self.masked_lm.encoder.embeddings.weight.device

    def _autocast(self) -> torch.autocast:
        return torch.autocast(self.device.type, dtype=torch.bfloat16, enabled=self.precision == "bf16")


class MaskedLMLoss(EncoderModule[EncoderWithHead]):
    """The masked-LM loss as a module whose forward pass is all of it, which several processes need."""

    def forward(self, batches: Sequence[MaskedWindows]) -> Tensor:
        """The sum over targets of -log P(target | window without it), in nats; see `EncoderWithHead`."""
        with self._autocast():
            tied = self.masked_lm.tied_gradient()
            return self.masked_lm.loss(self.masked_lm.encoder.encode_all(batches, tied), batches, tied)


def mean_loss(module: nn.Module, passes: Sequence[Sequence[MaskedWindows]]) -> float:
    """The mean masked-LM loss of some windows.

    module (nn.Module): Batches to the sum of the loss, as `MaskedLMLoss`; it is left in the mode it was in.
    passes (Sequence[Sequence[MaskedWindows]]): The windows by pass, with one target or more.
    RETURNS (float): Mean over targets of -log P(target | window without it), in nats.
    """
    with evaluating(module):
        total = sum(module(batches).item() for batches in passes)
    return total / sum(len(batch.targets) for batches in passes for batch in batches)


def mean_losses(module: nn.Module, masked: Mapping[str, MaskedPieces], padding: Padding) -> dict[str, float]:
    """The mean masked-LM loss of windows by language, each with one target or more; see `mean_loss`."""
    return {language: mean_loss(module, masked_passes(found, padding)) for language, found in masked.items()}


@contextmanager
def evaluating(model: nn.Module) -> Iterator[None]:
    """No dropout and no gradients inside; afterwards each module trains or not as before."""
    modes = [(module, module.training) for module in model.modules()]
    model.eval()
    try:
        with torch.no_grad():
            yield
    finally:
        for module, training in modes:
            module.training = training


def _first_position(base: "PreTrainedModel") -> int:
    """The position of a window's first piece: RoBERTa and its kin count from behind the padding piece's."""
    embeddings = getattr(getattr(base, "embeddings", None), "position_embeddings", None)
    padding = getattr(embeddings, "padding_idx", None)
    return 0 if padding is None else int(padding) + 1
