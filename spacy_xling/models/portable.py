"""Checkpoint files of which transformers 4 and 5 make the same, whichever of them wrote them."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from ..errors import Errors
from .folder_shim import Content

if TYPE_CHECKING:
    from tokenizers import Tokenizer
    from transformers import PretrainedConfig, PreTrainedModel, PreTrainedTokenizerFast

TOKENIZER_CONFIG = "tokenizer_config.json"

# The kinds of layers that transformers 5 has in `rope_parameters`, and the settings of 4.
ROPE_SETTINGS = {"full_attention": "global_rope_theta", "sliding_attention": "local_rope_theta"}

# What a tokenizer with another backend doesn't have: where this one was loaded from, what its backend says
# itself, and templates, for an encoder doesn't chat, and each name of one would become that of a file.
NOT_KEPT = (
    "chat_template",
    "added_tokens_decoder",
    "extra_special_tokens",
    "name_or_path",
    "vocab_file",
    "merges_file",
    "tokenizer_file",
    "tokenizer_object",
    "special_tokens_map_file",
)


def add_older_settings(config: "PretrainedConfig") -> None:
    """Give a config of ModernBERT as transformers 5 has it the settings that 4 reads instead: of rotary
    positions, and of which layers see all pieces.

    config (PretrainedConfig): A config of any family, changed in place.
    RAISES (ValueError): X332: this release is 4, which has no such model.
    """
    if not hasattr(config, "local_attention"):
        return
    positions = getattr(config, "rope_parameters", None) or {}
    for kind, setting in ROPE_SETTINGS.items():
        if kind in positions:
            setattr(config, setting, positions[kind]["rope_theta"])
    layers = getattr(config, "layer_types", None) or []
    every = _every(layers)
    if every:
        config.global_attn_every_n_layers = every
    plain = all(settings.get("rope_type", "default") == "default" for settings in positions.values())
    has_both = plain and (every or not layers)
    if not has_both and not getattr(type(config)(), "layer_types", None):
        found = {"layer_types": layers, "rope_parameters": positions}
        raise ValueError(Errors.X332.format(name=config.name_or_path, found=found))


def _every(layers: Sequence[str]) -> int | None:
    """The n of which each n-th layer, from the first on, sees all pieces, and no other does."""
    full = [kind == "full_attention" for kind in layers]
    numbers = range(1, len(full) + 1)
    return next((n for n in numbers if full == [at % n == 0 for at in range(len(full))]), None)


def save_model(model: "PreTrainedModel", folder: Path) -> None:
    """Write config and weights (safetensors) of a masked-LM model."""
    weights = model.state_dict()
    if not getattr(model.config, "tie_word_embeddings", False):
        # In some families the head's bias is that of the decoder. Where the decoder is not tied, transformers
        # 4 writes it under the head's name alone, and 5 reads it under the decoder's alone.
        for name in [name for name in weights if name.endswith(".decoder.bias")]:
            weights[name.replace(".decoder.bias", ".bias")] = weights[name].clone()
    model.save_pretrained(folder, state_dict=weights)


def with_backend(tokenizer: "PreTrainedTokenizerFast", backend: "Tokenizer") -> "PreTrainedTokenizerFast":
    """A tokenizer that cuts texts as `backend` does, with the settings and special pieces of `tokenizer`."""
    from transformers import PreTrainedTokenizerFast

    settings = {key: value for key, value in tokenizer.init_kwargs.items() if key not in NOT_KEPT}
    roles = tokenizer.special_tokens_map
    # Special pieces without a role are in that map with transformers 4, and not with 5.
    others = [piece for piece in tokenizer.all_special_tokens if piece not in roles.values()]
    special = {**roles, "additional_special_tokens": others}
    sizes = {"model_max_length": tokenizer.model_max_length, "model_input_names": tokenizer.model_input_names}
    return PreTrainedTokenizerFast(tokenizer_object=backend, **{**settings, **sizes, **special})


def save_tokenizer(tokenizer: "PreTrainedTokenizerFast", folder: Path) -> None:
    """Write a tokenizer. Its class is the one with which both take `tokenizer.json` as it is: 4 doesn't know
    what 5 calls it, and some classes of 5 take only the pieces from the file.
    """
    tokenizer.save_pretrained(folder)
    file = folder / TOKENIZER_CONFIG
    settings = json.loads(file.read_text(encoding="utf8"))
    settings["tokenizer_class"] = "PreTrainedTokenizerFast"
    settings["model_input_names"] = tokenizer.model_input_names
    _use_older_name(settings)
    # Not by write_json, whose numbers end at 64 bits: a tokenizer without a limit has a larger one.
    file.write_text(json.dumps(settings, indent=2, ensure_ascii=False) + "\n", encoding="utf8")


def with_older_name(files: Mapping[str, Content]) -> dict[str, Content]:
    """Files of a checkpoint, by name, as they are, but for the name of the special pieces of its tokenizer:
    both releases take the tokenizer of these.
    """
    found = dict(files)
    try:
        settings = json.loads(bytes(found[TOKENIZER_CONFIG]))
    except (KeyError, ValueError):
        return found
    if isinstance(settings, dict) and _use_older_name(settings):
        found[TOKENIZER_CONFIG] = json.dumps(settings, indent=2, ensure_ascii=False).encode("utf8")
    return found


def _use_older_name(settings: dict[str, object]) -> bool:
    """Transformers 5 writes a list here, where 4 expects names; both read it under the older name."""
    is_list = isinstance(settings.get("extra_special_tokens"), list)
    if is_list:
        settings["additional_special_tokens"] = settings.pop("extra_special_tokens")
    return is_list
