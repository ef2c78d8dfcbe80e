"""The LM head of a checkpoint: everything between the encoder's last hidden state and the logits.

It is a projection, then the decoder, whose weight most families tie to the word embeddings.
"""

from collections.abc import Callable
from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from ..errors import Errors
from .checkpoint_files import make_model

if TYPE_CHECKING:
    from transformers import PretrainedConfig, PreTrainedModel

Projection = Callable[["PreTrainedModel", Tensor], Tensor]


def _project_bert(model: "PreTrainedModel", states: Tensor) -> Tensor:
    return model.cls.predictions.transform(states)


def _project_roberta(model: "PreTrainedModel", states: Tensor) -> Tensor:
    return model.lm_head.layer_norm(F.gelu(model.lm_head.dense(states)))


def _project_distilbert(model: "PreTrainedModel", states: Tensor) -> Tensor:
    return model.vocab_layer_norm(model.activation(model.vocab_transform(states)))


def _project_albert(model: "PreTrainedModel", states: Tensor) -> Tensor:
    head = model.predictions
    return head.LayerNorm(head.activation(head.dense(states)))


def _project_modernbert(model: "PreTrainedModel", states: Tensor) -> Tensor:
    return model.head(states)


# The attribute under which a family keeps its head, and the head's way up to the decoder.
PROJECTIONS: dict[str, Projection] = {
    "cls": _project_bert,
    "lm_head": _project_roberta,
    "vocab_projector": _project_distilbert,
    "predictions": _project_albert,
    "decoder": _project_modernbert,
}


def find_projection(model: "PreTrainedModel") -> Projection:
    """How a model's LM head makes of hidden states (targets, width) what its decoder takes.

    model (PreTrainedModel): What `AutoModelForMaskedLM` loads.
    RETURNS (Projection): A function of the model and the states.
    RAISES (ValueError): A family whose head isn't known.
    """
    where = next((name for name in PROJECTIONS if hasattr(model, name)), None)
    if where is None:
        raise ValueError(unknown_head(model))
    return PROJECTIONS[where]


def unknown_head(model: "PreTrainedModel") -> str:
    """What to say of a model whose head isn't known."""
    return Errors.X307.format(family=type(model).__name__, known=", ".join(PROJECTIONS))


class LMHead(nn.Module):
    """An LM head without its encoder, and without the decoder's matrix: that is the word embeddings of
    whatever holds them.

    model (PreTrainedModel): What `AutoModelForMaskedLM` makes. Its head is taken out of it.
    config (PretrainedConfig): The model's config, from which the head's form follows.
    bias (Parameter | None): The decoder's bias. *Shape:* (vocabulary,)
    RAISES (ValueError): A family whose head isn't known.
    """

    def __init__(self, model: "PreTrainedModel") -> None:
        super().__init__()
        self._project = find_projection(model)
        self.config = model.config
        decoder = model.get_output_embeddings()
        decoders = {id(decoder.weight), id(decoder.bias)}
        for name, part in model.named_children():
            if part is not model.base_model:
                self.add_module(name, part)
        self.bias: nn.Parameter | None = decoder.bias
        for part in self.modules():
            for name, parameter in part._parameters.items():
                # Families keep the decoder's bias under one name or two.
                if part is not self and id(parameter) in decoders:
                    part._parameters[name] = None

    @classmethod
    def from_config(cls, config: "PretrainedConfig") -> "LMHead":
        """A head, on the CPU, whose weights are still to be loaded, by the config of the whole model."""
        # The encoder of the whole model would take seconds and gigabytes to make.
        with torch.device("meta"):
            head = cls(make_model(config))
        return head.to_empty(device="cpu")

    def project(self, states: Tensor) -> Tensor:
        """Hidden states (targets, width) to what the decoder takes (targets, projection width)."""
        return self._project(self, states)
