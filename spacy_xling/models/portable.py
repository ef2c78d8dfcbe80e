"""Checkpoint files of which transformers 4 and 5 make the same, whichever of them wrote them."""

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerFast

# The kinds of layers that transformers 5 has in `rope_parameters`, and the settings of 4.
ROPE_SETTINGS = {"full_attention": "global_rope_theta", "sliding_attention": "local_rope_theta"}


def add_rope_settings(config: Any) -> None:
    """Give a config of transformers 5 the settings of rotary positions that 4 reads (ModernBERT's).

    config (PretrainedConfig): The config, changed in place.
    """
    found = getattr(config, "rope_parameters", None) or {}
    for kind, setting in ROPE_SETTINGS.items():
        if kind in found:
            setattr(config, setting, found[kind]["rope_theta"])


def save_model(model: Any, folder: Path) -> None:
    """Write config and weights (safetensors).

    model (PreTrainedModel): A masked-LM model.
    folder (Path): The folder.
    """
    weights = model.state_dict()
    if not getattr(model.config, "tie_word_embeddings", False):
        # In some families the head's bias is that of the decoder. Where the decoder is not tied, transformers
        # 4 writes it under the head's name alone, and 5 reads it under the decoder's alone.
        for name in [name for name in weights if name.endswith(".decoder.bias")]:
            weights[name.replace(".decoder.bias", ".bias")] = weights[name].clone()
    model.save_pretrained(folder, state_dict=weights)


def save_tokenizer(tokenizer: "PreTrainedTokenizerFast", folder: Path) -> None:
    """Write a tokenizer. Its class is the one with which both take `tokenizer.json` as it is: 4 doesn't know
    what 5 calls it, and some classes of 5 take only the pieces from the file.

    tokenizer (PreTrainedTokenizerFast): The tokenizer.
    folder (Path): The folder.
    """
    tokenizer.save_pretrained(folder)
    file = folder / "tokenizer_config.json"
    settings = json.loads(file.read_text(encoding="utf8"))
    settings["tokenizer_class"] = "PreTrainedTokenizerFast"
    settings["model_input_names"] = tokenizer.model_input_names
    # Transformers 5 writes a list here, where 4 expects names; both read it under the older name.
    if isinstance(settings.get("extra_special_tokens"), list):
        settings["additional_special_tokens"] = settings.pop("extra_special_tokens")
    file.write_text(json.dumps(settings, indent=2, ensure_ascii=False) + "\n", encoding="utf8")
