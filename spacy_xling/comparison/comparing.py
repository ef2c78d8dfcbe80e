"""A comparison from its plan to its table."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from ..data.labelled import build_labelled_text_v1
from ..data.languages import UNKNOWN, rows_by_language
from ..errors import Errors
from ..evaluation.by_language import labelled_texts
from ..writing import write_file
from .equal_compute import Cost, equal_steps
from .jobs import LOG_FILE, Job, Jobs, plan_jobs, require_same_plan
from .plan import Plan
from .running import Machine, Say, own_folder, run_jobs, say_at_once
from .summary import Result, Summary, summarize
from .summary_tables import format_markdown, to_plain

MARKDOWN_FILE, JSON_FILE = "table.md", "table.json"


class Failure(NamedTuple):
    """A run that failed: its title, the last line of its error, and the log with the whole error."""

    title: str
    error: str
    log: Path


class Comparison(NamedTuple):
    """What the finished runs of a comparison show, None if there are none, and the runs that failed."""

    summary: Summary | None
    failures: list[Failure]


def compare(plan: Plan, output: Path, machine: Machine, *, say: Say = say_at_once) -> Comparison:
    """Do what is left of a comparison, and write its table as `table.md` and `table.json`.

    It may be killed at any moment and started again: finished runs are never repeated, one that has begun
    resumes from its last checkpoint.

    plan (Plan): The plan.
    output (Path): Folder of the comparison.
    machine (Machine): How to do the runs.
    say (Callable[[str], None]): Takes a line about each run.
    RETURNS (Comparison): Table and failures.
    RAISES (ValueError): The plan is wrong, or isn't the plan of a run in the folder.
    """
    for warning in check_test(plan):
        say(warning)
    with own_folder(output) as lock:
        machine = machine._replace(lock=lock)
        jobs = plan_jobs(plan, output)
        failures = _measure(jobs, machine, say) if plan.compare.equal_compute else []
        if not failures:
            if plan.compare.equal_compute:
                steps = equal_steps(_costs(jobs))
                say("equal compute, training.max_steps: " + ", ".join(f"{w} {n}" for w, n in steps.items()))
                jobs = plan_jobs(plan, output, max_steps=steps)
            failures = _run([*jobs.encoders, *jobs.trainings], machine, say)
        done = Comparison(_summary(plan, jobs), failures)
        _write(done, output)
    return done


def check_test(plan: Plan) -> Sequence[str]:
    """Check, before any training, that there is something to score on, and warn e.g. of a language without
    labelled text.

    RAISES (ValueError): The plan names no test text, or the source or any other language has none.
    """
    texts = labelled_texts(build_labelled_text_v1(plan.test))
    source = plan.compare.source
    found = [language for language in rows_by_language(texts.docs) if language != UNKNOWN]
    if source not in found or len(found) < 2:
        raise ValueError(Errors.X781.format(test=plan.test, found=found, source=source))
    return texts.warnings


def collect(plan: Plan, jobs: Jobs) -> dict[str, dict[int, Result]]:
    """The results of the finished trainings, by recipe and seed. The cost of an encoder counts for each
    pipeline that starts from it.
    """
    results: dict[str, dict[int, Result]] = {recipe: {} for recipe in plan.recipes}
    for job in jobs.trainings:
        found, made = job.result, job.encoder.result if job.encoder else None
        if found is None or job.seed is None:
            continue
        adaptation = made or {"encoder_pieces": 0, "seconds": 0.0, "processor_seconds": 0.0}
        results[job.name][job.seed] = Result(
            languages=found["languages"],
            exclusive=found["exclusive"],
            steps=found["steps"],
            encoder_pieces=found["encoder_pieces"] + adaptation["encoder_pieces"],
            adaptation_pieces=adaptation["encoder_pieces"],
            seconds=found["seconds"] + adaptation["seconds"],
            processor_seconds=found["processor_seconds"] + adaptation["processor_seconds"],
        )
    return results


def _measure(jobs: Jobs, machine: Machine, say: Say) -> list[Failure]:
    """Measure what a step of each recipe costs. If one fails, no recipe's steps are known."""
    first = {job.encoder.folder for job in jobs.measures if job.encoder is not None}
    encoders = [job for job in jobs.encoders if job.folder in first]
    return _run([*encoders, *jobs.measures], machine, say)


def _run(jobs: list[Job], machine: Machine, say: Say) -> list[Failure]:
    for job in jobs:
        require_same_plan(job)
    failed = run_jobs(jobs, machine, say)
    return [
        Failure(job.title, failed[job.folder], _log_of(job, failed)) for job in jobs if job.folder in failed
    ]


def _log_of(job: Job, failed: dict[Path, str]) -> Path:
    """The log that says why a run failed: its own, or that of the encoder it should have started from."""
    made = job.encoder
    return (made if made is not None and made.folder in failed else job).folder / LOG_FILE


def _costs(jobs: Jobs) -> dict[str, Cost]:
    costs = {}
    for job in jobs.measures:
        found, made = job.result, job.encoder.result if job.encoder else None
        if found is not None:
            # The steps of the whole training, not of the measurement.
            planned = next(other for other in jobs.trainings if other.name == job.name)
            costs[job.name] = Cost(
                found["encoder_pieces"] / found["steps"],
                planned.max_steps,
                0.0 if made is None else made["encoder_pieces"],
            )
    return costs


def _summary(plan: Plan, jobs: Jobs) -> Summary | None:
    results = collect(plan, jobs)
    if not any(results.values()):
        return None
    return summarize(results, source=plan.compare.source, score=plan.compare.score)


def _write(done: Comparison, output: Path) -> None:
    failures = [{**failure._asdict(), "log": str(failure.log)} for failure in done.failures]
    plain = {**(to_plain(done.summary) if done.summary else {}), "failures": failures}
    write_file(output / JSON_FILE, json.dumps(plain, indent=1, ensure_ascii=False))
    if done.summary is not None:
        lines = [f"\n{failure.title} failed: {failure.error}\n" for failure in done.failures]
        write_file(output / MARKDOWN_FILE, "".join([format_markdown(done.summary), *lines]))
