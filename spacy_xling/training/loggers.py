"""Loggers that show every term of a loss by itself: on the console and as JSONL, and for TensorBoard."""

import json
import numbers
import sys
import warnings
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import IO, Any

import tqdm  # type: ignore[import-untyped]
from spacy.language import Language
from spacy.util import walk_dict
from wasabi import Printer

from ..errors import Errors

Info = dict[str, Any]
LogStep = Callable[[Info | None], None]
SetupLogger = Callable[[Language, IO, IO], tuple[LogStep, Callable[[], None]]]

PROGRESS_BARS = ("train", "eval")
SPACING = 2


def build_console_logger_v1(
    progress_bar: str | None = None,
    console_output: bool = True,
    output_file: str | Path | None = None,
) -> SetupLogger:
    """Build a logger like spaCy's ConsoleLogger.v3, with a column for each loss term.

    A pipe names its terms in an attribute `loss_names`, from a header to a key of spaCy's losses:
    `{"loss": "xling_textcat", "mlm": "xling_textcat_mlm"}`, and in `updates_name` where among them it counts
    its calls. Any other trainable pipe has one column. Losses are means per call of `update` since the last
    evaluation, so they depend neither on how often that is nor on how many sub-batches a step has; those of a
    pipe that doesn't count its calls are per optimiser step.

    Each score that `[training.score_weights]` names has a column, one with a weight of 0.0 too, such as that
    of a language, `cats_macro_f_da`. It stands in percent, but for losses and the speed; "-" stands for one
    that has no value.

    Each line of the output file is a JSON object with epoch, step, seconds, losses, scores and score. Scores
    are written as they are, between 0 and 1, with those per label. With `console_output = false` it is a
    logger of JSONL, to be chained with others by `spacy.ChainLogger.v1`.

    progress_bar (str | None): "train" counts the steps to the end of the training, "eval" those to the
        next evaluation, None shows no bar.
    console_output (bool): Print the table.
    output_file (str | Path | None): JSONL file to write; it must not exist yet.
    RETURNS (SetupLogger): What spaCy calls with the pipeline before the training.
    RAISES (ValueError): X607.
    """
    if progress_bar is not None and progress_bar not in PROGRESS_BARS:
        raise ValueError(Errors.X607.format(value=progress_bar, expected=PROGRESS_BARS))

    def setup_logger(
        nlp: Language, stdout: IO = sys.stdout, stderr: IO = sys.stderr
    ) -> tuple[LogStep, Callable[[], None]]:
        from .step_counts import warn_of_steps

        for warning in warn_of_steps(nlp.config.interpolate()):
            warnings.warn(warning, stacklevel=2)
        columns, means = loss_columns(nlp), start_means(nlp)
        stream = _open_log(Path(output_file), stdout) if output_file else None
        write_row = _start_table(nlp, columns, stdout) if console_output else None
        bar: tqdm.tqdm | None = None

        def log_step(info: Info | None) -> None:
            nonlocal bar
            losses = means(info)
            if info is None:
                if bar is not None:
                    bar.update(1)
                return
            if stream is not None:
                record = {name: info[name] for name in ("epoch", "step", "seconds")}
                scores = {"scores": _numbers(info["other_scores"]), "score": float(info["score"])}
                stream.write(json.dumps({**record, "losses": losses, **scores}) + "\n")
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


def build_tensor_board_logger_v1(folder: str | Path) -> SetupLogger:
    """Build a logger for TensorBoard (extra `tensorboard`), to be chained with others by
    `spacy.ChainLogger.v1`.

    At each evaluation it writes `loss/NAME` for each loss that the console logger has a column for, `score`,
    `epoch`, and `scores/NAME` for all scores that are numbers; those in a mapping, as per label, are named by
    the way to them: `scores/cats_f_per_type/LABEL/f`. Scores are as they are, between 0 and 1.

    folder (str | Path): The folder of the log; it may hold no log yet.
    RETURNS (SetupLogger): What spaCy calls with the pipeline before the training.
    RAISES (ImportError): X621, once the training begins.
    """

    def setup_logger(
        nlp: Language, stdout: IO = sys.stdout, stderr: IO = sys.stderr
    ) -> tuple[LogStep, Callable[[], None]]:
        from .log_files import ScalarLog, files_of_log

        msg = Printer(no_print=True)
        if files_of_log(Path(folder)):
            _write(stdout, msg.warn(f"TensorBoard's log is disabled because {folder} already holds one."))
            return lambda info: None, lambda: None
        log = ScalarLog(Path(folder), missing=Errors.X621)
        columns, means = loss_columns(nlp), start_means(nlp)

        def log_step(info: Info | None) -> None:
            losses = means(info)
            if info is not None:
                scalars = {f"loss/{title}": losses[key] for title, key in columns.items()}
                scalars |= {"score": float(info["score"]), "epoch": float(info["epoch"])}
                named = walk_dict(_numbers(info["other_scores"]), ["scores"])
                scalars |= {"/".join(way): value for way, value in named}
                log.write(info["step"], scalars)

        return log_step, log.close

    return setup_logger


def start_means(nlp: Language) -> Callable[[Info | None], dict[str, float]]:
    """Make a function that takes what spaCy tells a logger at each step, and gives the mean of each loss
    since the last evaluation, by its key; none for a step without evaluation.
    """
    keys = loss_columns(nlp).values()
    # Where a pipe that counts its calls of `update` does so, by the key of each of its losses.
    counters = {
        key: pipe.updates_name
        for _, pipe in nlp.pipeline
        if hasattr(pipe, "updates_name")
        for key in pipe.loss_names.values()
    }
    steps = 0

    def means(info: Info | None) -> dict[str, float]:
        nonlocal steps
        steps += 1
        if info is None:
            return {}
        sums, n_steps = info["losses"], steps
        steps = 0
        return {key: float(sums.get(key, 0.0)) / max(1, sums.get(counters.get(key), n_steps)) for key in keys}

    return means


def loss_columns(nlp: Language) -> dict[str, str]:
    """The loss terms of a pipeline, in its order: column header to key in spaCy's losses. With several pipes
    that name their terms, a header starts with its pipe's name.
    """
    trainable = [(name, pipe) for name, pipe in nlp.pipeline if getattr(pipe, "is_trainable", False)]
    terms: dict[str, dict[str, str]] = {name: getattr(pipe, "loss_names", {}) for name, pipe in trainable}
    is_alone = sum(map(bool, terms.values())) == 1
    columns: dict[str, str] = {}
    for name, keys in terms.items():
        prefix = "" if is_alone else f"{name} "
        named = {f"{prefix}{header}": key for header, key in keys.items()}
        columns.update(named or {f"Loss {name}": name})
    return columns


def _open_log(path: Path, stdout: IO) -> IO[str] | None:
    from ..writing import writing_errors

    msg = Printer(no_print=True)
    if path.exists():
        _write(stdout, msg.warn(f"Saving logs is disabled because {path} already exists."))
        return None
    with writing_errors(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        # Line by line, so that a run can be followed and a killed one leaves whole lines.
        stream = path.open("w", encoding="utf-8", buffering=1)
    _write(stdout, msg.info(f"Saving results to {path}"))
    return stream


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


def _cells(info: Info, losses: list[float], scores: list[str]) -> list[str]:
    figures = [*(f"{loss:.2f}" for loss in losses), *(_cell(name, info["other_scores"]) for name in scores)]
    return [str(info["epoch"]), str(info["step"]), str(info["seconds"]), *figures, f"{info['score']:.2f}"]


def _cell(name: str, scores: Mapping[str, Any]) -> str:
    # As spaCy prints them: percentages, but for the speed in words per second, and losses in nats.
    value = scores.get(name)
    if value is None:
        return "-"
    return f"{value:.2f}" if name == "speed" or "_loss" in name else f"{100 * value:.2f}"


def _numbers(scores: Mapping[str, Any]) -> dict[str, Any]:
    """Keep what is a number or holds numbers: a scorer may return anything, JSON takes little."""
    return {
        str(name): _numbers(value) if isinstance(value, Mapping) else float(value)
        for name, value in scores.items()
        if isinstance(value, (Mapping, numbers.Real))
    }


def _start_bar(kind: str | None, nlp: Language, info: Info, stderr: IO) -> tqdm.tqdm | None:
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
