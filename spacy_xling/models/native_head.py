"""The classification heads of `transformers`: what a family's model for sequence classification puts on its
encoder, and where it keeps the weights.
"""

from typing import TYPE_CHECKING, NamedTuple

import torch
from torch import nn

from ..errors import Errors
from .joint import ClassificationHead
from .pooling import PoolingName

if TYPE_CHECKING:
    from transformers import PretrainedConfig, PreTrainedModel


class NativeHead(NamedTuple):
    """The classification head of a family: a pooling, a hidden layer as wide as the encoder, and a layer to
    the labels.

    hidden (str): Where the family's model keeps the linear part of the hidden layer.
    output (str): Where it keeps the layer to the labels.
    pooling (PoolingName): The pooling; "mean" pools special pieces, too.
    activation (str): Of the hidden layer, by its name in `transformers`.
    norm (str | None): Where it keeps the layer norm that follows the activation; None for none.
    """

    hidden: str
    output: str
    pooling: PoolingName = "first"
    activation: str = "tanh"
    norm: str | None = None


ROBERTA = NativeHead("classifier.dense", "classifier.out_proj")
HEADS = {
    "albert": NativeHead("albert.pooler", "classifier"),
    "bert": NativeHead("bert.pooler.dense", "classifier"),
    "camembert": ROBERTA,
    "distilbert": NativeHead("pre_classifier", "classifier", activation="relu"),
    "modernbert": NativeHead("head.dense", "classifier", norm="head.norm"),
    "roberta": ROBERTA,
    "xlm-roberta": ROBERTA,
}
# ModernBERT's poolings, as its config names them.
POOLINGS: dict[str, PoolingName] = {"cls": "first", "mean": "mean"}


def find_native_head(config: "PretrainedConfig") -> NativeHead:
    """The classification head of the family of an encoder, by its config.

    RAISES (ValueError): X333: a family whose head isn't known.
    """
    family = str(config.model_type)
    if family not in HEADS:
        raise ValueError(Errors.X333.format(family=family, known=", ".join(HEADS)))
    if family != "modernbert":
        return HEADS[family]
    return HEADS[family]._replace(
        pooling=POOLINGS[config.classifier_pooling], activation=config.classifier_activation
    )


def make_native_head(config: "PretrainedConfig", n_labels: int) -> ClassificationHead:
    """A new classification head of the form that the family of an encoder has in `transformers`.

    RAISES (ValueError): X333: a family whose head isn't known.
    """
    from transformers.activations import ACT2FN

    native = find_native_head(config)
    width = int(config.hidden_size)
    norm = nn.LayerNorm(width, eps=config.norm_eps, bias=config.norm_bias) if native.norm else None
    return ClassificationHead(
        width,
        n_labels,
        width,
        hidden_bias=getattr(config, "classifier_bias", True),
        activation=ACT2FN[native.activation],
        norm=norm,
    )


@torch.no_grad()
def write_head(head: ClassificationHead, model: "PreTrainedModel", *, temperature: float = 1.0) -> None:
    """Copy a head of the family's form to the family's model.

    head (ClassificationHead): The head.
    model (PreTrainedModel): A model for sequence classification, changed in place.
    temperature (float): What its logits are divided by.
    """
    for ours, theirs in _layers(head, model):
        theirs.load_state_dict(ours.state_dict())
    output = model.get_submodule(find_native_head(model.config).output)
    output.weight.div_(temperature)
    output.bias.div_(temperature)


@torch.no_grad()
def read_head(head: ClassificationHead, model: "PreTrainedModel") -> None:
    """Copy the head of a family's model for sequence classification to one that `make_native_head` made."""
    for ours, theirs in _layers(head, model):
        ours.load_state_dict(theirs.state_dict())


def is_of_head(name: str, config: "PretrainedConfig") -> bool:
    """Whether a weight of this name, in a family's model for sequence classification, is one of its head."""
    native = find_native_head(config)
    layers = filter(None, (native.hidden, native.norm, native.output))
    return any(name.startswith(f"{layer}.") for layer in layers)


def _layers(head: ClassificationHead, model: "PreTrainedModel") -> list[tuple[nn.Module, nn.Module]]:
    """The layers of a head, each with that of the family's model."""
    native = find_native_head(model.config)
    names = {"hidden": native.hidden, "output": native.output, "norm": native.norm}
    pairs = [(ours, theirs) for ours, theirs in names.items() if theirs is not None]
    return [(head.get_submodule(ours), model.get_submodule(theirs)) for ours, theirs in pairs]
