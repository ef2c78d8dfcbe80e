"""Loading and saving masked-LM checkpoints: an ordinary Hugging Face folder, no pickle, no remote code."""

import warnings
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Literal, NamedTuple

import torch
from torch import nn

from ..errors import Errors, Warnings, one_line
from ..pieces.windows import set_window
from .checkpoint_files import (
    Checked,
    find_checkpoint,
    find_config,
    load_config,
    load_family_tokenizer,
    load_fast_tokenizer,
    load_model,
    loading_errors,
    make_model,
    no_progress_bars,
)
from .lm_head import LMHead
from .masked_lm import BaseEncoder, MaskedLM
from .portable import save_model, save_tokenizer

if TYPE_CHECKING:
    from transformers import (
        PretrainedConfig,
        PreTrainedModel,
        PreTrainedTokenizerBase,
        PreTrainedTokenizerFast,
    )

Precision = Literal["fp32", "bf16", "auto"]

# Where the families keep the dropout rates of their encoder.
DROPOUT_SETTINGS = (
    "hidden_dropout_prob",
    "attention_probs_dropout_prob",
    "dropout",
    "attention_dropout",
    "embedding_dropout",
    "mlp_dropout",
)


class Encoder(NamedTuple):
    """A checkpoint in memory.

    masked_lm (MaskedLM): Encoder and LM head.
    tokenizer (PreTrainedTokenizerFast): Its tokenizer, which cuts texts into windows for it.
    window (int): The most pieces a window holds, specials included.
    """

    masked_lm: MaskedLM
    tokenizer: "PreTrainedTokenizerFast"
    window: int


def load_encoder(
    name: str, *, window: int | None = None, overlap: int = 0, dropout: float | None = None
) -> Encoder:
    """Load a checkpoint whole: model, tokenizer, and how texts are cut for them.

    name (str): Hub name or folder.
    window (int | None): The most pieces of a window; None takes what the encoder can.
    overlap (int): Pieces that neighbouring windows of one text share.
    dropout (float | None): Rate of all the encoder's dropouts; None keeps the checkpoint's.
    RETURNS (Encoder): The encoder, in fp32, on the CPU.
    RAISES (ValueError): As `load_masked_lm` and `load_tokenizer`, and for a tokenizer of another model or
        a window that doesn't fit. (ImportError): As `load_tokenizer`.
    """
    masked_lm = load_masked_lm(name, dropout=dropout)
    tokenizer = load_tokenizer(name)
    highest = max(tokenizer.get_vocab().values())
    rows = masked_lm.model.get_input_embeddings().num_embeddings
    if highest >= rows:
        raise ValueError(Errors.X312.format(name=name, highest=highest, rows=rows))
    longest = find_window(masked_lm.encoder, tokenizer, window)
    set_window(tokenizer.backend_tokenizer, longest, overlap)
    return Encoder(masked_lm, tokenizer, longest)


def read_config(path: str) -> "PretrainedConfig":
    """Read the shape of a model from a Hugging Face config.

    path (str): A config.json, or the folder or hub name of a checkpoint, whose weights aren't read.
    RETURNS (PretrainedConfig): The config.
    RAISES (ValueError): It can't be read, or can run code.
    """
    found = find_config(path)
    try:
        config = load_config(found)
    # Of settings of a wrong kind, the library says whatever Python says.
    except Exception as error:
        raise ValueError(Errors.X310.format(path=path, error=one_line(error))) from error
    config.name_or_path = path
    return config


def read_window(name: str) -> int:
    """The most pieces of a window of a checkpoint, whose weights aren't read.

    name (str): Hub name or folder.
    RETURNS (int): What `load_encoder` finds, specials included.
    RAISES (ValueError): As `load_tokenizer` and `read_config`, or it has no masked-LM model.
        (ImportError): As `load_tokenizer`.
    """
    tokenizer = load_tokenizer(name)
    config = read_config(name)
    # Parameters without memory: their shapes alone are wanted.
    with loading_errors(name), torch.device("meta"):
        model = make_model(config)
    return find_window(BaseEncoder(model.base_model), tokenizer, None)


def load_tokenizer(name: str) -> "PreTrainedTokenizerFast":
    """Load the tokenizer of a checkpoint.

    name (str): Hub name or folder.
    RETURNS (PreTrainedTokenizerFast): The fast tokenizer, which neither cuts nor pads.
    RAISES (ValueError): As `load_any_tokenizer`, or it is a slow one, or it adds no special pieces or has no
        padding piece. (ImportError): As `load_any_tokenizer`.
    """
    tokenizer = load_any_tokenizer(name, load_fast_tokenizer)
    require_usable(tokenizer, name)
    # Some checkpoints say in tokenizer.json that texts are cut and padded.
    tokenizer.backend_tokenizer.no_truncation()
    tokenizer.backend_tokenizer.no_padding()
    return tokenizer


def load_any_tokenizer(
    name: str, load: "Callable[[Checked], PreTrainedTokenizerBase]" = load_family_tokenizer
) -> "PreTrainedTokenizerBase":
    """Load the tokenizer of a checkpoint, whatever it is.

    name (str): Hub name or folder.
    load (Callable[[Checked], PreTrainedTokenizerBase]): Loads it of files that were looked at.
    RETURNS (PreTrainedTokenizerBase): The fast tokenizer, or a slow one if the family has no other.
    RAISES (ValueError): There is none, or it can run code. (ImportError): A library that it needs, or that
        converts it, is missing; the message names the extra.
    """
    found = find_checkpoint(name)
    try:
        return load(found)
    except ImportError as error:
        raise ImportError(Errors.X303.format(name=name, error=one_line(error))) from error
    # The tokenizers library raises plain Exceptions, e.g. for a file that ends too early.
    except Exception as error:
        # Without any file of a tokenizer, transformers asks for libraries too.
        to_convert = [*found.glob("*.model"), *found.glob("*.spm")]
        if to_convert and "sentencepiece" in str(error).replace(str(found), ""):
            raise ImportError(Errors.X303.format(name=name, error=one_line(error))) from error
        raise ValueError(Errors.X301.format(name=name, error=one_line(error))) from error


def require_usable(tokenizer: "PreTrainedTokenizerBase", name: str) -> None:
    """Refuse a tokenizer that can't tell which piece belongs to which word, or whose windows can't be padded.

    RAISES (ValueError): It is a slow one, or it adds no special pieces or has no padding piece.
    """
    if not tokenizer.is_fast:
        raise ValueError(Errors.X302.format(name=name, found=type(tokenizer).__name__))
    if tokenizer.pad_token_id is None or tokenizer.num_special_tokens_to_add() == 0:
        raise ValueError(Errors.X304.format(name=name, found=tokenizer.all_special_tokens))


def load_masked_lm(name: str, *, dropout: float | None = None) -> MaskedLM:
    """Load encoder and LM head of a checkpoint, in fp32.

    name (str): Hub name or folder.
    dropout (float | None): Rate of all the encoder's dropouts; None keeps the checkpoint's.
    RETURNS (MaskedLM): The model.
    RAISES (ValueError): There is no such checkpoint, it can run code, it has no masked-LM model, or weights
        of its encoder are missing. An LM head without trained weights is a warning.
    """
    model, untrained = _load_masked_lm(name, dropout)
    if untrained:
        warnings.warn(Warnings.W301.format(name=name, missing=", ".join(untrained)), stacklevel=2)
    return MaskedLM(model)


def load_lm_head(name: str) -> LMHead:
    """Load the LM head of a checkpoint alone, for an encoder that is held elsewhere.

    name (str): Hub name or folder.
    RETURNS (LMHead): The head, in fp32, on the CPU.
    RAISES (ValueError): As `load_masked_lm`, and where the head isn't trained, or has a decoder of its own
        that isn't tied to the word embeddings.
    """
    model, untrained = _load_masked_lm(name, None)
    if untrained:
        raise ValueError(Errors.X314.format(name=name, missing=", ".join(untrained)))
    masked_lm = MaskedLM(model)
    if masked_lm.decoder.weight is not masked_lm.encoder.embeddings.weight:
        raise ValueError(Errors.X315.format(name=name, family=type(model).__name__))
    return LMHead(model)


def save_checkpoint(model: "PreTrainedModel", tokenizer: "PreTrainedTokenizerFast", path: Path) -> None:
    """Write config, tokenizer and weights (safetensors) to a folder that `transformers` loads."""
    with no_progress_bars():
        save_model(model, path)
    # How texts are cut is a setting of ours, and none of the checkpoint's.
    truncation = tokenizer.backend_tokenizer.truncation
    tokenizer.backend_tokenizer.no_truncation()
    try:
        save_tokenizer(tokenizer, path)
    finally:
        if truncation:
            tokenizer.backend_tokenizer.enable_truncation(**truncation)


def find_window(encoder: BaseEncoder, tokenizer: "PreTrainedTokenizerFast", wanted: int | None) -> int:
    """The most pieces a text may have, specials included: the least of what the tokenizer says and what
    the model has positions for, or less where less is wanted.

    RAISES (ValueError): More is wanted than the encoder can take.
    """
    limits = [tokenizer.model_max_length, getattr(encoder.base.config, "max_position_embeddings", None)]
    for module in position_embeddings(encoder):
        limits.append(module.num_embeddings - encoder.first_position)
    longest = min(int(limit) for limit in limits if limit and limit > 0)
    if wanted is not None and not 1 <= wanted <= longest:
        raise ValueError(Errors.X305.format(wanted=wanted, longest=longest))
    return wanted or longest


def position_embeddings(encoder: BaseEncoder) -> list[nn.Embedding]:
    """The encoder's embeddings of positions, if it has any."""
    modules = encoder.base.named_modules()
    return [m for path, m in modules if path.endswith("position_embeddings") and isinstance(m, nn.Embedding)]


def freeze(masked_lm: MaskedLM, *, embeddings: bool, layers: int) -> None:
    """Take parameters out of training.

    embeddings (bool): Freeze the word embeddings, and with them a decoder that is tied to them.
    layers (int): Freeze the first N layers of the encoder.
    RAISES (ValueError): The encoder hasn't that many layers of its own.
    """
    if embeddings:
        masked_lm.model.get_input_embeddings().weight.requires_grad_(False)
    if layers:
        config = masked_lm.model.config
        depth = int(config.num_hidden_layers)
        modules = masked_lm.model.base_model.modules()
        stacks = [m for m in modules if isinstance(m, nn.ModuleList) and len(m) == depth]
        shared = getattr(config, "num_hidden_groups", depth) != depth
        if shared or not stacks or not 0 <= layers <= depth:
            raise ValueError(Errors.X306.format(wanted=layers, depth=0 if shared or not stacks else depth))
        stacks[0][:layers].requires_grad_(False)


def resolve_precision(precision: Precision, device: torch.device) -> Literal["fp32", "bf16"]:
    """Where "auto" stands, it is bf16 where the hardware multiplies matrices in it, else fp32."""
    if precision != "auto":
        return precision
    if device.type == "cuda":
        return "bf16" if torch.cuda.is_bf16_supported(including_emulation=False) else "fp32"
    # Older releases of torch can't tell; bf16 without hardware for it is slower than fp32.
    capabilities: dict[str, bool] = getattr(torch.cpu, "get_capabilities", dict)()
    return "bf16" if capabilities.get("avx512_bf16") or capabilities.get("amx_bf16") else "fp32"


def _load_masked_lm(name: str, dropout: float | None) -> tuple["PreTrainedModel", list[str]]:
    """The model, and which weights of its LM head the checkpoint lacks."""
    found = find_checkpoint(name, weights=True)
    with loading_errors(name):
        config = load_config(found)
        for setting in DROPOUT_SETTINGS:
            if dropout is not None and hasattr(config, setting):
                setattr(config, setting, dropout)
        if hasattr(config, "reference_compile"):
            # ModernBERT would compile itself at the first batch, and at each new shape.
            config.reference_compile = False
        model, lacking = load_model(found, config)
    encoder = [weight for weight in lacking if weight.startswith(f"{model.base_model_prefix}.")]
    if encoder:
        raise ValueError(Errors.X308.format(name=name, n=len(encoder), first=encoder[0]))
    # Some releases of transformers save it with the config.
    model.config.name_or_path = name
    return model, lacking
