"""The files of a checkpoint: where they are, and what `transformers` makes of them.

A checkpoint is data. Its files are looked at before any is loaded: settings that make `transformers` load
code, or files that nobody looked at, are refused, and so are pickled weights, which can run code when they
are read, and adapters.
From the hub the files are fetched first, so that those that are loaded are those that were looked at.
"""

import fnmatch
import json
import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from threading import RLock
from typing import TYPE_CHECKING, Any, NewType

import torch

from ..errors import Errors, one_line
from .folder_shim import Content, map_file
from .forking import hold_during_fork
from .portable import add_older_settings, with_backend

if TYPE_CHECKING:
    from transformers import PretrainedConfig, PreTrainedModel, PreTrainedTokenizerBase

# The folder of a checkpoint, or a config alone, that was looked at.
Checked = NewType("Checked", Path)

# Set to 1, this environment variable lets pickled weights be read. A setting of a config could be anyone's.
PICKLES_VARIABLE = "SPACY_XLING_PICKLED_WEIGHTS"

# Held while `transformers` loads a model, which changes what all threads see of torch: of two models that are
# loaded at once, weights go missing.
LOADING = RLock()
hold_during_fork(LOADING)

# The classes of `transformers` that make a model of a checkpoint.
MASKED_LM = "AutoModelForMaskedLM"
SEQUENCE_CLASSIFICATION = "AutoModelForSequenceClassification"
SEQ2SEQ = "AutoModelForSeq2SeqLM"

ADAPTER = "adapter_config.json"
SETTINGS = ("config*.json", "generation_config.json", "tokenizer_config.json", ADAPTER)
TOKENIZERS = ("*.json", "*.txt", "*.model", "*.spm")
WEIGHTS = "model.safetensors"
SHARDS = "model-*.safetensors"
INDEX = "model.safetensors.index.json"
PICKLES = "pytorch_model*.bin"
PICKLES_INDEX = "pytorch_model.bin.index.json"

# Keys that name other files, other checkpoints or other code, or that rename keys.
NEVER = {
    "attribute_map",
    "configuration_files",
    "quantization_config",
    "transformers_weights",
    "use_kernels",
}
# What no part of a config may have, and of what kind: models are made of it, by code that it names.
NEVER_IN_PARTS = {"auto_map": dict, "model_type": str}
# Keys that may name a repository of kernels, as `_attn_implementation` may; and names that don't.
KERNELS = re.compile("implementation|kernel")
BUILT_IN = {"eager", "sdpa", "flex_attention"}
# Models whose tokenizers load others, from folders that nobody looks at.
OF_OTHERS = {"rag"}
# The class of tokenizers that are of no family, as transformers 4 and 5 write it; 4 doesn't know the latter.
PLAIN_CLASSES = {"PreTrainedTokenizerFast", "TokenizersBackend"}
# Some classes of `transformers` that aren't tokenizers load what they like.
TOKENIZER_CLASS = re.compile(r"(?!Auto|Rag)\w*(Tokenizer|TokenizerFast|Backend)")


def find_checkpoint(name: str, *, weights: bool = False, model: str = MASKED_LM) -> Checked:
    """Find the files of a checkpoint, from the hub too, and look at them.

    name (str): Hub name or folder.
    weights (bool): Its weights will be loaded, too.
    model (str): The class that will load them, one of those above.
    RETURNS (Checked): The folder.
    RAISES (ValueError): There is none, or it can run code: X301, X330, X331.
    """
    is_local = os.path.isdir(name)
    folder = Path(name) if is_local else _fetch(name, *TOKENIZERS, *([WEIGHTS, SHARDS] if weights else []))
    for pattern in SETTINGS:
        for file in sorted(folder.glob(pattern)):
            _require_data(file, name)
    if weights:
        _require_weights(folder, name, is_local, model)
    return Checked(folder)


def find_config(path: str) -> Checked:
    """Find a model config, and look at it.

    path (str): A config.json, or the folder or hub name of a checkpoint.
    RETURNS (Checked): The file, or the folder that it is in.
    RAISES (ValueError): There is none, or it can run code: X301, X310, X330.
    """
    file = Path(path)
    if file.is_file():
        _require_data(file, path)
        return Checked(file)
    if file.suffix == ".json":
        raise ValueError(Errors.X310.format(path=path, error="there is no such file"))
    return find_checkpoint(path)


# All that is loaded


def load_config(found: Checked) -> "PretrainedConfig":
    """The config (PretrainedConfig) of a checkpoint; errors are those of `transformers`."""
    from transformers import AutoConfig

    config = AutoConfig.from_pretrained(str(found), trust_remote_code=False)
    add_older_settings(config)
    return config


def load_family_tokenizer(found: Checked) -> "PreTrainedTokenizerBase":
    """The tokenizer (PreTrainedTokenizerBase) of a checkpoint, of its family's class, a fast one if it can
    be; errors are those of `transformers`.
    """
    from transformers import AutoTokenizer, PreTrainedTokenizerFast

    settings = _read(found / "tokenizer_config.json") or {}
    known = AutoTokenizer if settings.get("tokenizer_class") not in PLAIN_CLASSES else PreTrainedTokenizerFast
    tokenizer = known.from_pretrained(str(found), use_fast=True, trust_remote_code=False)
    # None of these models chats, and each name of a template would become that of a file.
    tokenizer.chat_template = None
    return tokenizer


def load_fast_tokenizer(found: Checked) -> "PreTrainedTokenizerBase":
    """The tokenizer of a checkpoint as its tokenizer.json has it, a fast one if it can be; errors are those
    of `transformers`.
    """
    from tokenizers import Tokenizer

    tokenizer = load_family_tokenizer(found)
    if not tokenizer.is_fast:
        return tokenizer
    # Classes of transformers 5 take the pieces from the file, and cut texts by a normalizer of their own.
    file = found / "tokenizer.json"
    backend = Tokenizer.from_file(str(file)) if file.is_file() else tokenizer.backend_tokenizer
    return with_backend(tokenizer, backend)


def load_model(
    found: Checked, config: "PretrainedConfig", *, model: str = MASKED_LM, dtype: torch.dtype = torch.float32
) -> tuple["PreTrainedModel", list[str]]:
    """The model (PreTrainedModel) of a checkpoint; errors are those of `transformers`.

    found (Checked): The checkpoint, found with `weights`.
    config (PretrainedConfig): Its config.
    model (str): The class that makes it, one of those above.
    dtype (torch.dtype): Precision of its weights.
    RETURNS (tuple): The model, and the names of the weights that the checkpoint lacks, or has in another
        size.
    """
    import transformers

    # transformers 4.56 renamed it.
    precision = "torch_dtype" if "torch_dtype" in vars(config) else "dtype"
    with LOADING, no_progress_bars():
        loaded, info = getattr(transformers, model).from_pretrained(
            str(found),
            config=config,
            **{precision: dtype},
            output_loading_info=True,
            # Else transformers raises its own error.
            ignore_mismatched_sizes=True,
            trust_remote_code=False,
            use_safetensors=None if _pickles_allowed() else True,
            weights_only=True,
        )
    # Older releases of transformers give both sizes with each name.
    misfits = (key if isinstance(key, str) else key[0] for key in info["mismatched_keys"])
    return loaded, sorted({*info["missing_keys"], *misfits})


def map_files(found: Checked) -> dict[str, Content]:
    """The files that a checkpoint, found with `weights`, is loaded from, by name, mapped: config, tokenizer,
    and weights that are no pickles.
    """
    paths = {file for pattern in (*TOKENIZERS, WEIGHTS, SHARDS) for file in found.glob(pattern)}
    ours = [file for file in paths if file.is_file() and file.name != PICKLES_INDEX]
    return {file.name: map_file(file) for file in sorted(ours)}


def make_model(config: "PretrainedConfig", model: str = MASKED_LM) -> "PreTrainedModel":
    """A model (PreTrainedModel) with new weights, of the shape of a config and one of the classes above;
    errors are whatever Python and `transformers` say of the settings.
    """
    import transformers

    with LOADING:
        return getattr(transformers, model).from_config(config, trust_remote_code=False)


@contextmanager
def loading_errors(name: str) -> Iterator[None]:
    """Name the checkpoint in what goes wrong while it is fetched or loaded: of a file that is cut off, or
    settings of a wrong kind, each library, and Python, says something else.

    RAISES (ValueError): X301: whatever was raised.
    """
    try:
        yield
    except Exception as error:
        raise ValueError(Errors.X301.format(name=name, error=one_line(error))) from error


@contextmanager
def no_progress_bars() -> Iterator[None]:
    """Within it `transformers` shows no progress bars. Its releases from 5 on show one for each model that is
    loaded or saved.
    """
    from transformers.utils import logging

    enabled = logging.is_progress_bar_enabled()
    logging.disable_progress_bar()
    try:
        yield
    finally:
        if enabled:
            logging.enable_progress_bar()


# What is looked at


def _require_data(file: Path, name: str) -> None:
    if file.name == ADAPTER:
        # It belongs to another model, and its library imports what it names.
        raise ValueError(Errors.X330.format(name=name, file=file.name, found="an adapter"))
    for key, value in _that_can_load(_read(file)):
        found = json.dumps({key: value})[1:-1][:200]
        raise ValueError(Errors.X330.format(name=name, file=file.name, found=found))


def _that_can_load(settings: object, of_part: bool = False) -> Iterator[tuple[str, object]]:
    """The settings, nested ones too, that could make `transformers` load something else."""
    if isinstance(settings, list):
        for part in settings:
            yield from _that_can_load(part, of_part=True)
    if isinstance(settings, dict):
        for key, value in settings.items():
            in_part = of_part and isinstance(value, NEVER_IN_PARTS.get(key, ()))
            if in_part or not _is_harmless(key, value):
                yield key, value
            yield from _that_can_load(value, of_part=True)


def _is_harmless(key: str, value: object) -> bool:
    if key in NEVER:
        return not value
    if key == "model_type":
        return value not in OF_OTHERS
    if key == "tokenizer_class":
        return value is None or TOKENIZER_CLASS.fullmatch(str(value)) is not None
    return not KERNELS.search(key) or _is_built_in(value)


def _is_built_in(value: object) -> bool:
    if isinstance(value, (dict, list)):
        return all(map(_is_built_in, value.values() if isinstance(value, dict) else value))
    return not isinstance(value, str) or value in BUILT_IN


def _require_weights(folder: Path, name: str, is_local: bool, model: str) -> None:
    """Refuse weights that are pickles. Where there are none at all, `transformers` will say so."""
    if (folder / WEIGHTS).is_file():
        return
    if (folder / INDEX).is_file():
        pickles = {shard for shard in _shards(_read(folder / INDEX)) if not shard.endswith(".safetensors")}
    elif _pickles_allowed():
        if not is_local:
            _fetch(name, PICKLES)
        return
    else:
        files = [file.name for file in folder.iterdir()] + ([] if is_local else _files_on_the_hub(name))
        pickles = set(fnmatch.filter(files, PICKLES))
    if pickles and not _pickles_allowed():
        raise ValueError(
            Errors.X331.format(
                name=name, found=", ".join(sorted(pickles)[:3]), variable=PICKLES_VARIABLE, model=model
            )
        )


def _shards(index: Any) -> list[str]:
    try:
        return [str(shard) for shard in index["weight_map"].values()]
    except (TypeError, KeyError, AttributeError):
        return []


def _read(file: Path) -> Any:
    try:
        return json.loads(file.read_text(encoding="utf8"))
    except (OSError, ValueError, RecursionError):
        # Nothing can be loaded from it either.
        return None


def _pickles_allowed() -> bool:
    return os.environ.get(PICKLES_VARIABLE) == "1"


# The hub


def _fetch(name: str, *patterns: str) -> Path:
    """Files of a checkpoint on the hub, by patterns of their names; without a network, those in its cache."""
    from huggingface_hub import snapshot_download

    # Hub names have one slash at most; for anything else a hub would only be asked in vain.
    if name.startswith((".", "/", "~")) or name.count("/") > 1:
        raise ValueError(Errors.X301.format(name=name, error="there is no such folder"))
    with loading_errors(name):
        # A pattern's * takes slashes, too: folders hold copies for other engines.
        return Path(snapshot_download(name, allow_patterns=list(patterns), ignore_patterns="*/*"))


def _files_on_the_hub(name: str) -> list[str]:
    from huggingface_hub import list_repo_files

    try:
        return list_repo_files(name)
    except Exception:
        # Without a network nothing is known of others than those in the cache.
        return []
