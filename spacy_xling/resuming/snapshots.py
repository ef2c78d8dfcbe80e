"""What a checkpoint of a spaCy training holds: pipeline, optimizer, generators, components.

training.json         what is small: counts, states of generators and components, and what the loop adds
training.safetensors  the optimizer's moments, averages and kept weights, and gradients that are not zero
pipeline/             the components with their weights, not their averages
"""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import torch
from safetensors.torch import load_file, save_file
from spacy.language import Language
from thinc.api import Model, Optimizer, torch2xp, xp2torch
from torch import Tensor

from ..errors import Errors
from ..optimizer.adamw import AdamW, Key
from ..training.ranks import ranks
from ..types import JsonDict
from .randomness import cuda_states, generator_states, set_cuda_states, set_generator_states

DATA_FILE = "training.json"
TENSOR_FILE = "training.safetensors"
PIPELINE_FOLDER = "pipeline"
# Training changes none of these (the last is the config), and a vocabulary with vectors may be large.
UNCHANGED = ("vocab", "tokenizer", "config")
# Where optimizers keep arrays by parameter: thinc's, and of AdamW the counts beside them.
GROUPS = ("mom1", "mom2", "averages", "counts")
# The weights at the last checkpoints that AdamW takes the mean of: "kept0|name", oldest first.
KEPT = "kept"
GRADIENTS = "gradients"


class Snapshot(NamedTuple):
    """A checkpoint that was found.

    path (Path): Its folder.
    data (dict): What was small.
    """

    path: Path
    data: JsonDict

    @property
    def own(self) -> JsonDict:
        """What this process had for itself."""
        return self.data["ranks"][ranks().number]  # type: ignore[no-any-return]


class Parameter(NamedTuple):
    """A parameter of the pipeline.

    name (str): What it is called in any process: pipe, place in the model, and its own name.
    key (Key): What the optimizer of this process knows it by.
    node (Model): The node it belongs to.
    own_name (str): Its name in the node, or in the torch module.
    tensor (torch.nn.Parameter | None): Itself, if torch holds it.
    """

    name: str
    key: Key
    node: Model
    own_name: str
    tensor: torch.nn.Parameter | None

    @property
    def weights(self) -> Any:
        """The parameter as the optimizer is given it: an array that shares its memory."""
        return self.node.get_param(self.own_name) if self.tensor is None else torch2xp(self.tensor.data)

    @property
    def device(self) -> torch.device:
        held = self.node.get_param(self.own_name) if self.tensor is None else self.tensor
        return _as_tensor(held).device

    @property
    def gradient(self) -> Tensor | None:
        if self.tensor is not None:
            return self.tensor.grad
        return xp2torch(self.node.get_grad(self.own_name)) if self.node.has_grad(self.own_name) else None

    def set_gradient(self, gradient: Tensor | None) -> None:
        """Put a gradient in its place, or zeros for None."""
        if self.tensor is not None:
            self.tensor.grad = torch.zeros_like(self.tensor) if gradient is None else gradient
        else:
            weights = self.node.get_param(self.own_name)
            zeros = self.node.ops.alloc(weights.shape, dtype=weights.dtype)
            self.node.set_grad(self.own_name, zeros if gradient is None else torch2xp(gradient))


def own_states(nlp: Language) -> JsonDict:
    """What each of several processes has for itself, as JSON takes it: where components and generators stand.
    A ValueError names a component that can't be saved.
    """
    return {
        "components": {
            name: pipe.training_state() for name, pipe in nlp.pipeline if hasattr(pipe, "training_state")
        },
        "generators": generator_states(),
        "cuda": cuda_states(),
    }


def save_snapshot(
    path: Path,
    nlp: Language,
    optimizer: Optimizer,
    progress: JsonDict,
    states: list[JsonDict],
) -> None:
    """Write a checkpoint into an empty folder.

    path (Path): The folder.
    nlp (Language): The pipeline.
    optimizer (Optimizer): thinc's, or one that keeps its arrays as thinc's does.
    progress (dict): What the training loop must know, as JSON takes it.
    states (list[dict]): The `own_states` of each process that trains.
    RAISES (ValueError): The optimizer holds what belongs to no parameter.
    """
    found = list(parameters(nlp))
    # A gradient of zeros isn't nothing: thinc steps each parameter that has one.
    gradients = {p.name: p.gradient for p in found if p.gradient is not None}
    tensors = _optimizer_tensors(optimizer, found)
    tensors.update({f"{GRADIENTS}|{name}": g for name, g in gradients.items() if g.any()})
    names = {p.key: p.name for p in found}
    data = {
        "progress": progress,
        "updates": {names[key]: count for key, count in optimizer.nr_update.items()},
        "kept": len(_kept(optimizer)),
        "torch_groups": [
            group
            for group, arrays in _groups(optimizer).items()
            if any(isinstance(array, Tensor) for array in arrays.values())
        ],
        "gradients": list(gradients),
        "frozen": [p.name for p in found if p.tensor is not None and not p.tensor.requires_grad],
        "ranks": states,
        "strings": sorted(nlp.vocab.strings),
    }
    nlp.to_disk(path / PIPELINE_FOLDER, exclude=UNCHANGED)
    save_file({name: tensor.detach().contiguous() for name, tensor in tensors.items()}, path / TENSOR_FILE)
    (path / DATA_FILE).write_text(json.dumps(data), encoding="utf8")


def read_snapshot(path: Path) -> Snapshot:
    """Read what is small of the checkpoint of a folder. A ValueError says that it can't be read, or is of
    another number of processes.
    """
    try:
        data = json.loads((path / DATA_FILE).read_text(encoding="utf8"))
        saved = len(data["ranks"])
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise ValueError(Errors.X616.format(path=path, error=repr(error))) from error
    if saved != ranks().count:
        raise ValueError(Errors.X625.format(path=path, saved=saved, found=ranks().count))
    return Snapshot(path, data)


def restore_snapshot(snapshot: Snapshot, nlp: Language, optimizer: Optimizer) -> None:
    """Bring pipeline, optimizer and generators to where they were.

    snapshot (Snapshot): The checkpoint.
    nlp (Language): The pipeline, initialized as it was when the training began.
    optimizer (Optimizer): A new one of the same kind.
    RAISES (ValueError): The checkpoint is of another pipeline or isn't whole; raw text has changed.
    """
    data, own = snapshot.data, snapshot.own
    for string in data["strings"]:
        nlp.vocab.strings.add(string)
    nlp.from_disk(snapshot.path / PIPELINE_FOLDER, exclude=UNCHANGED)
    found = {p.name: p for p in parameters(nlp)}
    try:
        tensors = load_file(snapshot.path / TENSOR_FILE)
        _restore_gradients(found, data, tensors)
        _restore_optimizer(found, data, tensors, optimizer)
    except (OSError, KeyError) as error:
        raise ValueError(Errors.X616.format(path=snapshot.path, error=repr(error))) from error
    for name, state in own["components"].items():
        nlp.get_pipe(name).load_training_state(state)  # type: ignore[attr-defined]
    # Last, for reading a pipeline draws from them.
    set_generator_states(own["generators"])
    set_cuda_states(own["cuda"])


def parameters(nlp: Language) -> Iterator[Parameter]:
    """The parameters of a pipeline that have a value. What two pipes share comes twice, with one key."""
    for pipe_name, pipe in nlp.pipeline:
        model = getattr(pipe, "model", None)
        for number, node in enumerate(model.walk() if isinstance(model, Model) else []):
            place = f"{pipe_name}/{number}"
            for name in node.param_names:
                if node.has_param(name):
                    yield Parameter(f"{place}/{name}", (node.id, name), node, name, None)
            for index, shim in enumerate(node.shims):
                module = getattr(shim, "_model", None)
                for name, tensor in module.named_parameters() if isinstance(module, torch.nn.Module) else []:
                    # As PyTorchShim calls the optimizer, but for a shim that says otherwise.
                    key = shim.parameter_key(name) if hasattr(shim, "parameter_key") else (shim.id, name)
                    yield Parameter(f"{place}/shim{index}/{name}", key, node, name, tensor)


def _optimizer_tensors(optimizer: Optimizer, found: list[Parameter]) -> dict[str, Tensor]:
    """What an optimizer keeps for each parameter, by `group|name`, sharing memory with its arrays."""
    names = {p.key: p.name for p in found}
    groups = _groups(optimizer)
    unknown = {
        key for arrays in (*groups.values(), optimizer.nr_update) for key in arrays if key not in names
    }
    if unknown:
        raise ValueError(Errors.X613.format(keys=sorted(unknown)[:3]))
    return {
        f"{group}|{names[key]}": _as_tensor(array)
        for group, arrays in groups.items()
        for key, array in arrays.items()
    }


def _restore_gradients(found: dict[str, Parameter], data: JsonDict, tensors: dict[str, Tensor]) -> None:
    for name in data["gradients"]:
        saved = tensors.pop(f"{GRADIENTS}|{name}", None)
        found[name].set_gradient(None if saved is None else _own(saved, found[name].device))
    for name, parameter in found.items():
        if parameter.tensor is not None:
            parameter.tensor.requires_grad_(name not in data["frozen"])


def _restore_optimizer(
    found: dict[str, Parameter], data: JsonDict, tensors: dict[str, Tensor], optimizer: Optimizer
) -> None:
    # Steps that were replayed have kept checkpoints without weights.
    _kept(optimizer)[:] = [{} for _ in range(data["kept"])]
    groups = _groups(optimizer)
    for place, saved in tensors.items():
        group, name = place.split("|", 1)
        is_kept = group.startswith(KEPT)
        tensor = _own(saved, torch.device("cpu") if is_kept else found[name].device)
        is_torch = is_kept or group in data["torch_groups"]
        groups[group][found[name].key] = tensor if is_torch else torch2xp(tensor)
    for name, count in data["updates"].items():
        optimizer.nr_update[found[name].key] = count
        if isinstance(optimizer, AdamW):
            optimizer.watch(found[name].key, found[name].weights)


def _groups(optimizer: Optimizer) -> dict[str, dict[Key, Any]]:
    """The arrays that an optimizer keeps by parameter, by their group."""
    # Averages are None where none are kept, and thinc's optimizer has no counts.
    found = {group: getattr(optimizer, group, None) for group in GROUPS}
    found |= {f"{KEPT}{number}": tensors for number, tensors in enumerate(_kept(optimizer))}
    return {group: arrays for group, arrays in found.items() if arrays is not None}


def _kept(optimizer: Optimizer) -> list[dict[Key, Tensor]]:
    return optimizer.kept if isinstance(optimizer, AdamW) else []


def _as_tensor(array: Any) -> Tensor:
    return array.detach() if isinstance(array, Tensor) else xp2torch(array)


def _own(tensor: Tensor, device: torch.device) -> Tensor:
    # What safetensors reads may lie in the file's memory, aligned as the file is.
    return tensor.to(device, copy=True)
