"""A search for good settings of a recipe, by its score on the dev text of the source language.

Optuna's tree-structured Parzen estimator proposes them (Bergstra et al. 2011, "Algorithms for Hyper-Parameter
Optimization"); its journal is a file in the folder of the search. No label of a target language is looked at.
"""

import json
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any, NamedTuple, cast

import numpy as np

from ..errors import Errors, requiring
from ..resuming.changes import describe_changes
from ..training.step_counts import follow_steps
from ..types import JsonDict
from ..writing import write_file
from .jobs import Job, trial_job
from .plan import Plan, SearchBlock, load_run_config
from .running import Machine, Say, own_folder, run_jobs, say_at_once

if TYPE_CHECKING:
    from optuna import Study
    from optuna.distributions import BaseDistribution

Distributions = dict[str, "BaseDistribution"]

JOURNAL_FILE, JSON_FILE = "journal.log", "search.json"
NAME = "spacy-xling"


class Trial(NamedTuple):
    """Settings by dot name that were tried, and their best score on dev, from 0 to 1; None for a training
    that failed.
    """

    number: int
    settings: JsonDict
    score: float | None


def search(plan: Plan, output: Path, machine: Machine, *, say: Say = say_at_once) -> list[Trial]:
    """Do the rest of a search, and write its trials as `search.json`.

    It may be killed at any moment and started again. A proposal depends only on the trials before it, so with
    the same number at a time it tries what a search that was never killed tries.

    plan (Plan): A plan with a search.
    output (Path): Folder of the search.
    machine (Machine): How to do the runs; as many trials are proposed at a time.
    say (Callable[[str], None]): Takes a line about each run.
    RETURNS (list[Trial]): All trials, the best first, those that failed last.
    RAISES (ValueError): The plan has no search, or differs from that of the trials so far; fewer than one
        run at a time. (ImportError): Optuna is missing; the message names the extra.
    """
    if plan.search is None:
        raise ValueError(Errors.X783)
    if machine.parallel < 1:
        raise ValueError(Errors.X777.format(jobs=machine.parallel))
    distributions = make_distributions(plan.search)
    with own_folder(output) as lock:
        machine = machine._replace(lock=lock)
        _require_same_search(plan, plan.search, output)
        while waiting := _next_trials(plan.search, output, distributions, machine.parallel):
            _do(plan, plan.search, output, waiting, machine, say)
        trials = _trials(_open(plan.search, output))
        plain = [trial._asdict() for trial in trials]
        write_file(output / JSON_FILE, json.dumps(plain, indent=1))
    return trials


def as_options(plan: Plan, trial: Trial) -> str:
    """A trial's settings, with those that follow from them, as options that `spacy train` takes."""
    recipe = cast(SearchBlock, plan.search).recipe
    config = load_run_config(plan.recipes[recipe].config, {}, f"recipes.{recipe}")
    settings = follow_steps(config, trial.settings)
    return " ".join(f"--{name} {json.dumps(value)}" for name, value in settings.items())


def make_distributions(block: SearchBlock) -> Distributions:
    """The values that a search may try: Optuna's distributions by dot name.

    RAISES (ValueError): A range is invalid. (ImportError): Optuna is missing.
    """
    kinds = _import_optuna().distributions

    def make(name: str, kind: object = None, *values: Any) -> "BaseDistribution":
        if kind == "choices" and values:
            return kinds.CategoricalDistribution(values)
        are_numbers = len(values) == 2 and all(isinstance(value, (int, float)) for value in values)
        is_range = are_numbers and values[0] < values[1]
        if is_range and (kind == "uniform" or (kind == "log" and values[0] > 0)):
            return kinds.FloatDistribution(*map(float, values), log=kind == "log")
        raise ValueError(Errors.X784.format(name=name, found=block.ranges[name]))

    return {name: make(name, *found) for name, found in block.ranges.items()}


def _import_optuna() -> ModuleType:
    with requiring(Errors.X782):
        import optuna
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    return optuna


def _open(block: SearchBlock, output: Path) -> "Study":
    """The study, whose next proposal depends only on its trials: each has its own generator."""
    optuna = _import_optuna()
    from optuna.storages.journal import JournalFileBackend

    storage = optuna.storages.JournalStorage(JournalFileBackend(str(output / JOURNAL_FILE)))
    study = optuna.create_study(storage=storage, study_name=NAME, direction="maximize", load_if_exists=True)
    # The first draws of consecutive seeds are sometimes much alike.
    number = len(study.get_trials(deepcopy=False))
    (seed,) = np.random.SeedSequence([block.seed, number]).generate_state(1)
    study.sampler = optuna.samplers.TPESampler(seed=int(seed))
    return study


def _require_same_search(plan: Plan, block: SearchBlock, output: Path) -> None:
    study = _open(block, output)
    now = {
        "run": trial_job(plan, output, block.recipe, 0, {}).plan,
        "search": block.model_dump(exclude={"trials"}),
    }
    now = json.loads(json.dumps(now))
    before = study.user_attrs.get("plan")
    if before is None:
        study.set_user_attr("plan", now)
        return
    changes = describe_changes(before, now)
    if changes:
        raise ValueError(Errors.X775.format(title="the search", folder=output, changes=", ".join(changes)))


def _next_trials(
    block: SearchBlock, output: Path, distributions: Distributions, parallel: int
) -> dict[int, JsonDict]:
    """Settings to try now, by number: those that a killed process left, and new ones up to `parallel`."""
    optuna = _import_optuna()
    states = optuna.trial.TrialState
    study = _open(block, output)
    waiting = {}
    for trial in study.get_trials(deepcopy=False, states=[states.RUNNING]):
        if trial.params.keys() == distributions.keys():
            waiting[trial.number] = trial.params
        else:
            # The process was killed while it proposed them.
            study.tell(trial.number, state=states.FAIL)
    while len(waiting) < parallel and len(study.get_trials(deepcopy=False)) < block.trials:
        proposed = _open(block, output).ask(fixed_distributions=distributions)
        waiting[proposed.number] = proposed.params
    return waiting


def _do(
    plan: Plan,
    block: SearchBlock,
    output: Path,
    waiting: dict[int, JsonDict],
    machine: Machine,
    say: Say,
) -> None:
    """Train with proposed settings, and give the study their scores."""
    jobs = [trial_job(plan, output, block.recipe, number, settings) for number, settings in waiting.items()]
    encoders: dict[Path, Job] = {job.encoder.folder: job.encoder for job in jobs if job.encoder is not None}
    for job in jobs:
        say(f"{job.title}: {json.dumps(waiting[int(job.name)])}")
    run_jobs([*encoders.values(), *jobs], machine, say)
    study = _open(block, output)
    for job in jobs:
        score = (job.result or {}).get("score")
        if score is None:
            study.tell(int(job.name), state=_import_optuna().trial.TrialState.FAIL)
        else:
            study.tell(int(job.name), score)
            say(f"{job.title}: {100 * score:.1f} on dev")


def _trials(study: "Study") -> list[Trial]:
    trials = [Trial(t.number, dict(t.params), t.value) for t in study.get_trials(deepcopy=False)]
    return sorted(trials, key=lambda trial: (trial.score is None, -(trial.score or 0.0), trial.number))
