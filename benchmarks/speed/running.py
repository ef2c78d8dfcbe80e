"""Measurements one after the other, each in a process of its own, and what has been found so far."""

import json
import subprocess
import sys
import time
from collections.abc import Sequence
from itertools import groupby
from pathlib import Path
from typing import Any

from .plan import Job

ROOT = Path(__file__).parents[2]
# Seconds after which a measurement is given up.
LIMIT = 1_800


class Results:
    """A JSON file that has each measurement as soon as it is made.

    path (Path): The file; what it already holds of the same commit counts.
    commit (str): The commit that is measured.
    RAISES (SystemExit): It holds measurements of another commit.
    """

    def __init__(self, path: Path, commit: str) -> None:
        self.path = path
        self.found: dict[str, Any] = {"commit": commit, "machine": {}, "records": [], "missing": []}
        if path.exists():
            self.found = json.loads(path.read_text(encoding="utf-8"))
            if self.found["commit"] != commit:
                held = self.found["commit"]
                raise SystemExit(f"{path} has figures of {held}, and this is {commit}: name another --output")

    def count(self, job: Job) -> int:
        """How often a measurement has been made, with the same arguments."""
        return sum(_is_of(record, job) for record in self.found["records"])

    def add(self, job: Job, figures: dict[str, Any], seconds: float) -> None:
        """Keep a measurement.

        job (Job): The measurement.
        figures (dict[str, Any]): What it gave.
        seconds (float): How long it took, its process's start included.
        """
        self.forget(job)
        self.found["records"].append(
            {**_names(job), "arguments": job.arguments, "figures": figures, "seconds": round(seconds, 1)}
        )
        self.write()

    def miss(self, job: Job, reason: str) -> None:
        """Note why there is no figure of a measurement."""
        self.forget(job)
        self.found["missing"].append({**_names(job), "reason": reason})
        self.write()

    def forget(self, job: Job) -> None:
        """Forget that a measurement was missing."""
        self.found["missing"] = [gap for gap in self.found["missing"] if _names(gap) != _names(job)]

    def write(self) -> None:
        """Write the file, whole or not at all."""
        self.path.parent.mkdir(parents=True, exist_ok=True)
        unfinished = self.path.with_name(f"{self.path.name}.unfinished")
        unfinished.write_text(json.dumps(self.found, indent=1), encoding="utf-8")
        unfinished.replace(self.path)


def _names(job: Job | dict[str, Any]) -> dict[str, str]:
    given = job._asdict() if isinstance(job, Job) else job
    return {name: given[name] for name in ("section", "shape", "peer")}


def _is_of(record: dict[str, Any], job: Job) -> bool:
    return _names(record) == _names(job) and record["arguments"] == job.arguments


def run_jobs(jobs: Sequence[Job], results: Results, work: Path) -> None:
    """Make the measurements that aren't there yet. Those of one section and shape take turns, so that what
    slows the machine slows all of them. One that fails is noted, and the others continue.

    jobs (Sequence[Job]): The measurements.
    results (Results): Where they are kept.
    work (Path): Folder for text and models.
    """
    prepared: dict[str, str] = {}
    for _, group in groupby(jobs, key=lambda job: (job.section, job.shape)):
        waiting = [job for job in group if results.count(job) < job.repeats]
        waiting = [job for job in waiting if _prepare(job, results, work, prepared)]
        while waiting:
            for job in list(waiting):
                if not _measure(job, results, work) or results.count(job) >= job.repeats:
                    waiting.remove(job)


def _prepare(job: Job, results: Results, work: Path, prepared: dict[str, str]) -> bool:
    """Make what a measurement needs; why it couldn't be made is kept, by call, and "" where it could."""
    for target, arguments in job.prepare:
        call = json.dumps([job.python, target, arguments])
        if call not in prepared:
            try:
                given = {"work": str(work), **arguments}
                prepared[call] = run_apart(target, given, work, job.python).get("skipped", "")
            except RuntimeError as error:
                prepared[call] = f"{target} failed: {error}"
        if prepared[call]:
            return _give_up(job, results, prepared[call])
    return True


def _measure(job: Job, results: Results, work: Path) -> bool:
    started = time.perf_counter()
    try:
        figures = run_apart(job.target, {"work": str(work), **job.arguments}, work, job.python)
    except RuntimeError as error:
        figures = {"skipped": f"failed: {error}"}
    if "skipped" in figures:
        return _give_up(job, results, figures["skipped"])
    seconds = time.perf_counter() - started
    results.add(job, figures, seconds)
    numbers = ", ".join(
        f"{name} {value:,.4g}" for name, value in figures.items() if isinstance(value, int | float)
    )
    _say(job, f"{results.count(job)}/{job.repeats} in {seconds:.0f} s: {numbers}")
    return True


def _give_up(job: Job, results: Results, reason: str) -> bool:
    results.miss(job, reason)
    _say(job, reason)
    return False


def _say(job: Job, text: str) -> None:
    print(f"{job.section} | {job.shape} | {job.peer} | {text}", file=sys.stderr, flush=True)


def run_apart(
    target: str, arguments: dict[str, Any], work: Path, python: str = sys.executable
) -> dict[str, Any]:
    """Call a function of this package in a process of its own; see `worker`.

    target (str): Its module and name.
    arguments (dict[str, Any]): What it takes.
    work (Path): Folder for what it prints.
    python (str): The interpreter.
    RETURNS (dict[str, Any]): Its figures, or why it was skipped.
    RAISES (RuntimeError): It failed.
    """
    work.mkdir(parents=True, exist_ok=True)
    output, log = work / "figures.json", work / f"{target.replace(':', '-')}.log"
    output.unlink(missing_ok=True)
    command = [python, "-m", f"{__package__}.worker", target, json.dumps(arguments), str(output)]
    with log.open("w", encoding="utf-8") as said:
        try:
            subprocess.run(command, cwd=ROOT, stdout=said, stderr=said, check=True, timeout=LIMIT)
        except subprocess.CalledProcessError as error:
            last = (log.read_text(encoding="utf-8").strip().splitlines() or [""])[-1]
            raise RuntimeError(f"{last} (status {error.returncode}, see {log.name})") from error
        except subprocess.TimeoutExpired as error:
            raise RuntimeError(f"not done after {LIMIT} s") from error
    return json.loads(output.read_text(encoding="utf-8"))
