"""A console logger that shows every term of a loss in a column of its own."""

import json
import numbers
import sys
from pathlib import Path
from typing import IO, Any, Callable, Dict, List, Mapping, Optional, Tuple, Union

import tqdm  # type: ignore[import-untyped]
from spacy.language import Language
from wasabi import Printer

from ..errors import Errors

Info = Dict[str, Any]
LogStep = Callable[[Optional[Info]], None]
SetupLogger = Callable[[Language, IO, IO], Tuple[LogStep, Callable[[], None]]]

PROGRESS_BARS = ("train", "eval")
SPACING = 2


def build_console_logger_v1(
    progress_bar: Optional[str] = None,
    console_output: bool = True,
    output_file: Optional[Union[str, Path]] = None,
) -> SetupLogger:
    """Build a logger like spaCy's ConsoleLogger.v3, with a column for each loss term.

    A pipe names its terms in an attribute `loss_names`, from a header to a key of spaCy's losses:
    `{"loss": "xling_textcat", "mlm": "xling_textcat_mlm"}`, and in `updates_name` where among them it counts
    its calls. Any other trainable pipe has one column. Losses
    are means per call of `update` since the last evaluation, so they depend neither on how often that is nor
    on how many sub-batches a step has; those of a pipe that doesn't count its calls are per optimiser step.

    Each line of the output file is a JSON object with epoch, step, seconds, losses, scores and score. Scores
    are written as they are, between 0 and 1, with those per label; the table shows percentages.

    progress_bar (Optional[str]): "train" counts the steps to the end of the training, "eval" those to the
        next evaluation, None shows no bar.
    console_output (bool): Print the table.
    output_file (Optional[Union[str, Path]]): JSONL file to write; it must not exist yet.
    RETURNS (SetupLogger): What spaCy calls with the pipeline before the training.
    RAISES (ValueError): X607.
    """
    if progress_bar is not None and progress_bar not in PROGRESS_BARS:
        raise ValueError(Errors.X607.format(value=progress_bar, expected=PROGRESS_BARS))

    def setup_logger(
        nlp: Language, stdout: IO = sys.stdout, stderr: IO = sys.stderr
    ) -> Tuple[LogStep, Callable[[], None]]:
        columns, counters = loss_columns(nlp), update_counters(nlp)
        stream = _open_log(Path(output_file), stdout) if output_file else None
        write_row = _start_table(nlp, columns, stdout) if console_output else None
        bar: Optional[tqdm.tqdm] = None
        steps = 0

        def log_step(info: Optional[Info]) -> None:
            nonlocal bar, steps
            steps += 1
            if info is None:
                if bar is not None:
                    bar.update(1)
                return
            sums = info["losses"]
            losses = {
                key: float(sums.get(key, 0.0)) / max(1, sums.get(counters.get(key), steps))
                for key in columns.values()
            }
            steps = 0
            if stream is not None:
                stream.write(json.dumps(_record(info, losses)) + "\n")
            if bar is not None:
                bar.close()
            if write_row is not None:
                write_row(info, losses)
                bar = _start_bar(progress_bar, nlp, info, stderr)

        def finalize() -> None:
            if bar is not None:
                bar.close()
            if stream is not None:
                stream.close()

        return log_step, finalize

    return setup_logger


def loss_columns(nlp: Language) -> Dict[str, str]:
    """List the loss terms of a pipeline.

    With several pipes that name their terms, a header starts with its pipe's name.

    nlp (Language): The pipeline.
    RETURNS (Dict[str, str]): Key in spaCy's losses by column header, in pipeline order.
    """
    trainable = [(name, pipe) for name, pipe in nlp.pipeline if getattr(pipe, "is_trainable", False)]
    terms: Dict[str, Dict[str, str]] = {name: getattr(pipe, "loss_names", {}) for name, pipe in trainable}
    is_alone = sum(map(bool, terms.values())) == 1
    columns: Dict[str, str] = {}
    for name, keys in terms.items():
        prefix = "" if is_alone else f"{name} "
        named = {f"{prefix}{header}": key for header, key in keys.items()}
        columns.update(named or {f"Loss {name}": name})
    return columns


def update_counters(nlp: Language) -> Dict[str, str]:
    """Find out which pipes count their calls of `update`.

    nlp (Language): The pipeline.
    RETURNS (Dict[str, str]): Key of the counter in spaCy's losses by key of a loss term.
    """
    return {
        key: pipe.updates_name
        for _, pipe in nlp.pipeline
        if hasattr(pipe, "updates_name")
        for key in pipe.loss_names.values()
    }


def _open_log(path: Path, stdout: IO) -> Optional[IO[str]]:
    msg = Printer(no_print=True)
    if path.exists():
        _write(stdout, msg.warn(f"Saving logs is disabled because {path} already exists."))
        return None
    path.parent.mkdir(parents=True, exist_ok=True)
    _write(stdout, msg.info(f"Saving results to {path}"))
    # Line by line, so that a run can be followed and a killed one leaves whole lines.
    return path.open("w", encoding="utf-8", buffering=1)


def _start_table(
    nlp: Language, columns: Mapping[str, str], stdout: IO
) -> Callable[[Info, Mapping[str, float]], None]:
    """Print the header and return a function that prints a row."""
    weights = nlp.config["training"]["score_weights"]
    scores = [name for name, weight in weights.items() if weight is not None]
    headers = [header.upper() for header in ["E", "#", "Sec", *columns, *scores, "Score"]]
    least = [3, 6, 6, *(8 for _ in [*columns, *scores]), 6]
    widths = [max(len(header), width) for header, width in zip(headers, least, strict=True)]

    def write_row(info: Info, losses: Mapping[str, float]) -> None:
        cells = _cells(info, [losses[key] for key in columns.values()], scores)
        _write(stdout, msg.row(cells, widths=widths, aligns=["r"] * len(widths), spacing=SPACING))

    msg = Printer(no_print=True)
    _write(stdout, msg.row(headers, widths=widths, spacing=SPACING))
    _write(stdout, msg.row(["-" * width for width in widths], spacing=SPACING))
    return write_row


def _cells(info: Info, losses: List[float], scores: List[str]) -> List[str]:
    # As spaCy prints them: percentages, but for the speed in words per second.
    shown = [info["other_scores"].get(name, 0.0) * (1 if name == "speed" else 100) for name in scores]
    figures = [*losses, *shown, info["score"]]
    return [str(info["epoch"]), str(info["step"]), str(info["seconds"])] + [f"{x:.2f}" for x in figures]


def _record(info: Info, losses: Mapping[str, float]) -> Info:
    return {
        "epoch": info["epoch"],
        "step": info["step"],
        "seconds": info["seconds"],
        "losses": losses,
        "scores": _numbers(info["other_scores"]),
        "score": float(info["score"]),
    }


def _numbers(scores: Mapping[str, Any]) -> Dict[str, Any]:
    """Keep what is a number or holds numbers: a scorer may return anything, JSON takes little."""
    return {
        str(name): _numbers(value) if isinstance(value, Mapping) else float(value)
        for name, value in scores.items()
        if isinstance(value, (Mapping, numbers.Real))
    }


def _start_bar(kind: Optional[str], nlp: Language, info: Info, stderr: IO) -> Optional[tqdm.tqdm]:
    """Start the progress bar that follows an evaluation, if one is wanted."""
    if kind is None:
        return None
    training = nlp.config["training"]
    if kind == "train":
        total, initial, text = training["max_steps"], info["step"], f"Last Eval Epoch: {info['epoch']}"
    else:
        total, initial, text = training["eval_frequency"], 0, f"Epoch {info['epoch'] + 1}"
    # With disable=None the bar shows on a terminal only.
    return tqdm.tqdm(total=total, initial=initial, desc=text, disable=None, leave=False, file=stderr)


def _write(stdout: IO, text: str) -> None:
    print(text, file=stdout, flush=True)
