"""What is true of a training run and of no single checkpoint: its logs, and whether it is finished."""

import json
from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple

from ..errors import Errors
from ..training.log_files import files_of_log
from ..types import JsonDict
from ..writing import write_file
from .checkpoints import Checkpoints

CHECKPOINTS = "checkpoints"
RUN_FILE = "run.json"


class Outcome(NamedTuple):
    """What a finished run has cost, and how well it did.

    steps (int): Optimiser steps.
    encoder_pieces (int): Pieces that passed the encoder to learn from them; see `EncoderPieces`.
    seconds (float): Seconds of its steps and evaluations, in all processes that continued with it.
    processor_seconds (float): Those that its threads computed, of several processes the first one's.
    score (float | None): The best score on the dev text, that of `model-best`; None without any.
    """

    steps: int
    encoder_pieces: int
    seconds: float
    processor_seconds: float
    score: float | None


def is_finished(output_path: Path, *, resume: bool) -> bool:
    """Look whether there is anything to do, which costs nothing and can be done before a pipeline is made.

    output_path (Path): The run's folder.
    resume (bool): Whether a run that is there is to continue.
    RETURNS (bool): The run that is there has come to its end.
    RAISES (ValueError): A run is there, and isn't to continue.
    """
    folder = output_path / CHECKPOINTS
    latest = Checkpoints(folder).latest()
    if latest and not resume:
        raise ValueError(Errors.X610.format(path=latest, folder=folder))
    return latest is not None and bool(_read_run_file(output_path).get("is_finished"))


def note_finished(output_path: Path, outcome: Outcome) -> None:
    """Note that the run of a folder has come to its end. An OSError says that it can't be written."""
    finished = {"is_finished": True, "outcome": outcome._asdict()}
    _write_run_file(output_path, {**_read_run_file(output_path), **finished})


def read_outcome(output_path: Path) -> Outcome:
    """What was noted at the end of the run of a folder."""
    return Outcome(**_read_run_file(output_path)["outcome"])


def claim_logs(logs: Iterable[Path], output_path: Path, *, resume: bool) -> None:
    """Remove the logs that this run has begun, for the loggers write them again from the beginning. One that
    was there before the run is another's, and stays.
    """
    begun = _read_run_file(output_path).get("logs", []) if resume else []
    own = [log for log in logs if str(log) in begun or not files_of_log(log)]
    _write_run_file(output_path, {"logs": [str(log) for log in own], "is_finished": False})
    for log in own:
        for path in files_of_log(log):
            path.unlink()


def _read_run_file(output_path: Path) -> JsonDict:
    path = output_path / CHECKPOINTS / RUN_FILE
    return json.loads(path.read_text(encoding="utf8")) if path.is_file() else {}


def _write_run_file(output_path: Path, run: JsonDict) -> None:
    path = output_path / CHECKPOINTS / RUN_FILE
    try:
        write_file(path, json.dumps(run))
    except OSError as error:
        kept = Checkpoints(path.parent).latest() or "none"
        # What the system said, as a run can be resumed.
        raise OSError(Errors.X609.format(path=path, error=error.__cause__, kept=kept)) from error
