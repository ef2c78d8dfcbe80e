"""A Hugging Face masked-LM model, taken apart where the masked positions are picked.

The LM head is everything between the encoder's last hidden state and the logits: a projection, then the
decoder, whose weight most families tie to the word embeddings.
"""

from collections.abc import Sequence
from inspect import signature
from typing import TYPE_CHECKING, Any, Callable, Literal, Optional

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from ..errors import Errors
from .masked_cross_entropy import masked_cross_entropy

if TYPE_CHECKING:
    from .batches import MaskedWindows, Windows

Projection = Callable[[Any, Tensor], Tensor]


def _project_bert(model: Any, states: Tensor) -> Tensor:
    return model.cls.predictions.transform(states)


def _project_roberta(model: Any, states: Tensor) -> Tensor:
    return model.lm_head.layer_norm(F.gelu(model.lm_head.dense(states)))


def _project_distilbert(model: Any, states: Tensor) -> Tensor:
    return model.vocab_layer_norm(model.activation(model.vocab_transform(states)))


def _project_albert(model: Any, states: Tensor) -> Tensor:
    head = model.predictions
    return head.LayerNorm(head.activation(head.dense(states)))


def _project_modernbert(model: Any, states: Tensor) -> Tensor:
    return model.head(states)


def first_position(model: Any) -> int:
    """The position of a window's first piece: RoBERTa and its kin count from behind the padding piece's."""
    embeddings = getattr(getattr(model.base_model, "embeddings", None), "position_embeddings", None)
    padding = getattr(embeddings, "padding_idx", None)
    return 0 if padding is None else int(padding) + 1


# The attribute under which a family keeps its head, and the head's way up to the decoder.
PROJECTIONS: dict[str, Projection] = {
    "cls": _project_bert,
    "lm_head": _project_roberta,
    "vocab_projector": _project_distilbert,
    "predictions": _project_albert,
    "decoder": _project_modernbert,
}


class MaskedLM(nn.Module):
    """Encoder and LM head of one checkpoint.

    model (PreTrainedModel): What `AutoModelForMaskedLM` loads.
    first_position (int): The number of a window's first position.
    RAISES (ValueError): A family whose head isn't known, or one that computes something else.
    """

    def __init__(self, model: Any) -> None:
        super().__init__()
        self.model = model
        where = next((name for name in PROJECTIONS if hasattr(model, name)), None)
        if where is None:
            raise ValueError(Errors.X307.format(family=type(model).__name__, known=", ".join(PROJECTIONS)))
        self._where = where
        self._takes_places = "position_ids" in signature(model.base_model.forward).parameters
        self.first_position = first_position(model)
        self._check_split()

    @property
    def decoder(self) -> nn.Linear:
        """The last layer of the LM head. *Shape of its weight:* (vocabulary, projection width)"""
        return self.model.get_output_embeddings()

    @property
    def width(self) -> int:
        """Width of the encoder's hidden states."""
        return int(self.model.config.hidden_size)

    def embed(self, ids: Tensor) -> Tensor:
        """The word embeddings of pieces.

        ids (Tensor): Piece ids. *Shape:* (...)
        RETURNS (Tensor): *Shape:* (..., embedding width)
        """
        return self.model.get_input_embeddings()(ids)

    def encode(self, embedded: Tensor, attention: Tensor, places: Optional[Tensor] = None) -> Tensor:
        """The encoder's last hidden states.

        embedded (Tensor): Word embeddings of the pieces. *Shape:* (windows, length, embedding width)
        attention (Tensor): True for a piece, False for padding. *Shape:* (windows, length)
        places (Optional[Tensor]): The place of each piece in its text, from 0; None lets them run on through
            the window. DistilBERT takes none: there they always run on. *Shape:* (windows, length)
        RETURNS (Tensor): *Shape:* (windows, length, width)
        """
        given = {}
        if places is not None and self._takes_places:
            given["position_ids"] = places + self.first_position
        return self.model.base_model(inputs_embeds=embedded, attention_mask=attention, **given)[0]

    def project(self, states: Tensor) -> Tensor:
        """Hidden states to what the decoder takes.

        states (Tensor): *Shape:* (targets, width)
        RETURNS (Tensor): *Shape:* (targets, projection width)
        """
        return PROJECTIONS[self._where](self.model, states)

    def embed_all(self, batches: "Sequence[Windows | MaskedWindows]") -> list[Tensor]:
        """The word embeddings of several batches in one look-up: the gradient of each look-up is as large as
        the embedding matrix.

        batches (Sequence): Batches with piece ids. *Shape of each:* (windows, length)
        RETURNS (list[Tensor]): *Shape of each:* (windows, length, embedding width)
        """
        if not batches:
            return []
        flat = self.embed(torch.cat([batch.ids.flatten() for batch in batches]))
        parts = torch.split(flat, [batch.ids.numel() for batch in batches])
        return [part.view(*batch.ids.shape, -1) for part, batch in zip(parts, batches, strict=True)]

    def loss(self, embedded: Sequence[Tensor], batches: "Sequence[MaskedWindows]") -> Tensor:
        """The masked-LM loss: the sum over targets of -log P(target | window without it), in nats.

        embedded (Sequence[Tensor]): Word embeddings of each batch, from `embed_all`.
        batches (Sequence[MaskedWindows]): Windows with masked pieces.
        RETURNS (Tensor): A scalar, whose gradient can be taken once.
        """
        # Only the targets' states pass the LM head, those of all batches at once.
        at_targets = [
            self.encode(part, batch.attention, batch.places).flatten(0, 1)[batch.positions]
            for part, batch in zip(embedded, batches, strict=True)
        ]
        states = self.project(torch.cat(at_targets))
        targets = torch.cat([batch.targets for batch in batches])
        return masked_cross_entropy(states, self.decoder.weight, self.decoder.bias, targets)

    @torch.no_grad()
    def _check_split(self) -> None:
        """Encoder, projection and decoder must give the model's own logits."""
        training = self.model.training
        self.model.eval()
        fits, problem = False, None
        try:
            # A vocabulary may be tiny, and a padding piece would have another position by its id.
            rows = range(min(4, len(self.decoder.weight)))
            pieces = [row for row in rows if row != self.model.config.pad_token_id]
            ids = torch.tensor([pieces], device=self.decoder.weight.device)
            attention = torch.ones_like(ids, dtype=torch.bool)
            whole = self.model(input_ids=ids, attention_mask=attention).logits
            parts = self.decoder(self.project(self.encode(self.embed(ids), attention)))
            fits = torch.allclose(whole, parts, rtol=1e-3, atol=1e-4)
        except (AttributeError, RuntimeError, TypeError, ValueError) as error:
            # Another kind of head under a name that is known: BART's "lm_head" is a single layer.
            problem = error
        self.model.train(training)
        if not fits:
            raise ValueError(
                Errors.X307.format(family=type(self.model).__name__, known=", ".join(PROJECTIONS))
            ) from problem


class MaskedLMLoss(nn.Module):
    """The masked-LM loss as a module whose forward pass is all of it, which several processes need.

    masked_lm (MaskedLM): Encoder and LM head.
    precision (Literal["fp32", "bf16"]): "bf16" runs them under autocast; parameters and loss stay in fp32.
    """

    def __init__(self, masked_lm: MaskedLM, precision: Literal["fp32", "bf16"] = "fp32") -> None:
        super().__init__()
        self.masked_lm = masked_lm
        self.precision = precision

    def forward(self, batches: "Sequence[MaskedWindows]") -> Tensor:
        """The sum over targets of -log P(target | window without it), in nats; see `MaskedLM.loss`."""
        device = self.masked_lm.decoder.weight.device.type
        with torch.autocast(device, dtype=torch.bfloat16, enabled=self.precision == "bf16"):
            return self.masked_lm.loss(self.masked_lm.embed_all(batches), batches)
