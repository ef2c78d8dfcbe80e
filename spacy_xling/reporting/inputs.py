"""What a report takes besides an evaluation: closeness of languages, and training logs."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from ..errors import Errors
from ..evaluation.by_language import column_names
from .drawing import require_matplotlib


class Closeness(NamedTuple):
    """How far languages are from the source for an encoder: the squared maximum mean discrepancy of each."""

    encoder: str
    distances: Mapping[str, float]


class Log(NamedTuple):
    """What a training logged.

    steps (list[int]): Steps of the evaluations.
    losses (Mapping[str, list[float]]): The mean of each loss term since the evaluation before.
    scores (list[float]): The score that the best pipeline is chosen by.
    """

    steps: list[int]
    losses: Mapping[str, list[float]]
    scores: list[float]


class Extras(NamedTuple):
    """What a report shows besides an evaluation: closeness to the source, and logs of trainings, by name."""

    closeness: Closeness | None
    logs: Mapping[str, Log]


NO_EXTRAS = Extras(None, {})


def read_extras(
    html: Path | None, *, closeness: Path | None, logs: Sequence[Path], explain: int = 0
) -> Extras:
    """Read what a report shows besides an evaluation, and check that it can be made, before any work.

    html (Path | None): The report to be; None for none.
    closeness (Path | None): What `spacy xling inspect --json` wrote.
    logs (Sequence[Path]): What ConsoleLoggers wrote.
    explain (int): How many mistakes it is to explain.
    RETURNS (Extras): Their content.
    RAISES (ValueError): They are there without a report, or of another kind. (ImportError): matplotlib is
        missing.
    """
    if html is None:
        given = {"--closeness": closeness, "--logs": logs, "--explain": explain}
        if options := " and ".join(name for name, value in given.items() if value):
            raise ValueError(Errors.X786.format(options=options))
        return NO_EXTRAS
    require_matplotlib("--html")
    names = column_names(logs)
    return Extras(
        None if closeness is None else read_closeness(closeness),
        {name: read_log(path) for name, path in zip(names, logs, strict=True)},
    )


def read_closeness(path: Path) -> Closeness:
    """Read what `spacy xling inspect --json` wrote.

    RAISES (ValueError): It is another kind of file, or there is none.
    """
    try:
        values = json.loads(path.read_text(encoding="utf-8"))
        distances = {
            report["language"]: float(report["distance"])
            for report in values["languages"]
            if report["distance"] is not None
        }
        return Closeness(str(values["encoder"]), distances)
    except (OSError, ValueError, TypeError, KeyError) as error:
        raise ValueError(Errors.X758.format(path=path, error=_named(error))) from error


def read_log(path: Path) -> Log:
    """Read what a ConsoleLogger, ours or spaCy's, wrote to its `output_file`. A last line that a killed run
    left unfinished is passed over.

    RAISES (ValueError): It is another kind of file, or there is none, or it has no line.
    """
    try:
        *lines, _unfinished = path.read_text(encoding="utf-8").split("\n")
        rows = [json.loads(line) for line in lines]
        if not rows:
            raise ValueError("it has no whole line")
        return Log(
            steps=[int(row["step"]) for row in rows],
            losses={key: [float(row["losses"][key]) for row in rows] for key in rows[0]["losses"]},
            scores=[float(row["score"]) for row in rows],
        )
    except (OSError, ValueError, TypeError, KeyError) as error:
        raise ValueError(Errors.X759.format(path=path, error=_named(error))) from error


def _named(error: Exception) -> str:
    if isinstance(error, OSError):
        return error.strerror or type(error).__name__
    return f"no field {error}" if isinstance(error, KeyError) else str(error)
