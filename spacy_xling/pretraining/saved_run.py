"""What a checkpoint of a pre-training run holds: everything that the rest of the run depends on."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from safetensors import SafetensorError
from safetensors.torch import load_file, load_model, save_file, save_model

from ..errors import Errors, one_line
from ..resuming.changes import require_same_config
from ..resuming.randomness import cuda_states, generator_states, set_cuda_states, set_generator_states
from ..types import JsonDict
from .accelerating import gather_object
from .pretraining import Pretraining

WEIGHTS, MOMENTS, STATE = "weights.safetensors", "optimizer.safetensors", "state.json"
# What the optimiser keeps of each parameter.
KEPT = ("step", "exp_avg", "exp_avg_sq")


class Progress(NamedTuple):
    """How far a run has come, beside its tensors.

    log_size (int): Bytes of the log.
    best (float | None): Lowest held-out loss so far.
    best_step (int): The step it was measured at.
    heldout (dict[str, float]): The last held-out losses by language.
    """

    log_size: int = 0
    best: float | None = None
    best_step: int = 0
    heldout: dict[str, float] = {}  # noqa: RUF012  (never changed)


def gather_streams(run: Pretraining) -> list[JsonDict]:
    """The states of the streams and torch generators, by process; every process has to call it."""
    state = {
        "streams": run.streams.state_dict(),
        "generators": generator_states(),
        "cuda": cuda_states(),
    }
    return [state] if run.accelerator.num_processes == 1 else gather_object([state])


def save_run(folder: Path, run: Pretraining, progress: Progress, streams: Sequence[JsonDict]) -> None:
    """Write the checkpoint of a run to an empty folder; `streams` is what `gather_streams` gave."""
    save_model(run.masked_lm, str(folder / WEIGHTS))
    moments = {
        f"{name}/{kept}": run.optimizer.state[parameter][kept]
        for name, parameter in run.masked_lm.named_parameters()
        if parameter in run.optimizer.state
        for kept in KEPT
    }
    save_file(moments, folder / MOMENTS)
    state = {
        "step": run.step,
        "n_pieces": run.n_pieces,
        "progress": progress._asdict(),
        "settings": _plain(run),
        "processes": list(streams),
    }
    (folder / STATE).write_text(json.dumps(state), encoding="utf-8")


def load_run(folder: Path, run: Pretraining) -> Progress:
    """Take a run back to where a checkpoint was written.

    folder (Path): What `save_run` wrote.
    run (Pretraining): A run that was just made from the same config.
    RETURNS (Progress): How far it had come.
    RAISES (ValueError): The config has changed, the number of processes has, or the checkpoint is of another
        model.
    """
    state = json.loads((folder / STATE).read_text(encoding="utf-8"))
    require_same_config(folder, state["settings"], _plain(run))
    if len(state["processes"]) != run.accelerator.num_processes:
        found, expected = run.accelerator.num_processes, len(state["processes"])
        raise ValueError(Errors.X716.format(found=found, expected=expected))
    try:
        load_model(run.masked_lm, str(folder / WEIGHTS))
        moments = load_file(folder / MOMENTS)
    except (RuntimeError, SafetensorError, OSError) as error:
        raise ValueError(Errors.X714.format(path=folder, error=one_line(error))) from error
    for name, parameter in run.masked_lm.named_parameters():
        if f"{name}/step" in moments:
            run.optimizer.state[parameter] = {
                kept: moments[f"{name}/{kept}"].to(parameter.device) for kept in KEPT
            }
    own = state["processes"][run.accelerator.process_index]
    run.streams.load_state_dict(own["streams"])
    set_generator_states(own["generators"])
    set_cuda_states(own["cuda"])
    run.step, run.n_pieces = state["step"], state["n_pieces"]
    return Progress(**state["progress"])


def _plain(run: Pretraining) -> JsonDict:
    """The settings as JSON gives them back."""
    return json.loads(json.dumps(run.settings.plain, default=str))
