"""The runs of a plan, each in its own folder.

OUT/encoders/NAME/SEED      an encoder that recipes start from
OUT/measured/RECIPE         a few steps of a recipe, to count the pieces of a step
OUT/runs/RECIPE/SEED        a training
OUT/trials/NUMBER           a training of a search

    run.json                what to run, and its plan
    log.txt                 what its processes printed
    logs                    what the loggers of its config write
    model                   what it makes
    scores.json             its result (result.json of other runs than trainings): it is finished
"""

import hashlib
import json
import shutil
from pathlib import Path
from typing import Literal, NamedTuple

from thinc.api import Config

from ..data.files import Kinds, find_files
from ..errors import Errors
from ..resuming.changes import describe_changes
from ..resuming.checkpoints import Checkpoints
from ..training.step_counts import follow_steps
from ..types import JsonDict
from ..writing import write_file
from .plan import SEED, Plan, load_run_config

RUN_FILE, LOG_FILE, LOGS, MODEL = "run.json", "log.txt", "logs", "model"
SCORES_FILE, RESULT_FILE = "scores.json", "result.json"
CHECKPOINTS = "checkpoints"
# Steps of a run that only counts the pieces of a step.
MEASURED_STEPS = 100

Kind = Literal["encoder", "measure", "training", "trial"]


class Job(NamedTuple):
    """A run.

    kind (str): "encoder", "measure", "training" or "trial".
    name (str): The recipe's, or the encoder's.
    seed (int | None): Its seed; None for an encoder that is made once for all seeds.
    folder (Path): Its folder.
    config (Path): Its config.
    overrides (JsonDict): What is changed in the config, by dot name.
    plan (JsonDict): Everything that its result depends on, as plain data.
    encoder (Job | None): The run that makes its encoder.
    """

    kind: Kind
    name: str
    seed: int | None
    folder: Path
    config: Path
    overrides: JsonDict
    plan: JsonDict
    encoder: "Job | None" = None

    @property
    def title(self) -> str:
        """Its name in messages."""
        what = {"encoder": "encoder ", "measure": "steps of ", "training": "", "trial": "trial "}[self.kind]
        return f"{what}{self.name}" + ("" if self.seed is None else f", seed {self.seed}")

    @property
    def result(self) -> JsonDict | None:
        """Its result; None until it is finished."""
        return read_json(self.folder / (SCORES_FILE if self.kind == "training" else RESULT_FILE))

    @property
    def max_steps(self) -> int:
        """`training.max_steps` of its config; 0 for none."""
        return int(self.plan["config"]["training"].get("max_steps") or 0)

    @property
    def has_checkpoint(self) -> bool:
        """Whether there is a checkpoint to resume from."""
        return Checkpoints(self.folder / MODEL / CHECKPOINTS).latest() is not None


class Jobs(NamedTuple):
    """All runs of a plan: those that make encoders, the trainings, seed by seed, and for equal compute
    measures, a few steps of each recipe.
    """

    encoders: list[Job]
    trainings: list[Job]
    measures: list[Job]


def plan_jobs(plan: Plan, output: Path, *, max_steps: dict[str, int] | None = None) -> Jobs:
    """List the runs of a plan.

    plan (Plan): The plan.
    output (Path): Folder of the comparison.
    max_steps (dict[str, int] | None): Optimiser steps by recipe; None for those of the configs.
    RETURNS (Jobs): The runs.
    RAISES (ValueError): A config can't be read, or has no seed.
    """
    runs = [(recipe, seed) for seed in plan.compare.seeds for recipe in plan.recipes]
    wanted = {plan.encoder_of(*run) for run in runs}
    encoders = {
        (name, seed): _encoder_job(plan, output, name, seed)
        for name in plan.encoders
        for seed in (*plan.compare.seeds, None)
        if (name, seed) in wanted
    }
    test = _fingerprint(plan)
    trainings = []
    for recipe, seed in runs:
        steps = {} if max_steps is None else {"training.max_steps": max_steps[recipe]}
        overrides = {**plan.overrides(recipe, seed), **steps}
        made = plan.encoder_of(recipe, seed)
        encoder = None if made is None else encoders[made]
        folder = output / "runs" / recipe / str(seed)
        trainings.append(_training_job(plan, folder, recipe, overrides, encoder, test=test))
    first = trainings[: len(plan.recipes)] if plan.compare.equal_compute else []
    return Jobs(list(encoders.values()), trainings, [_measure_job(plan, output, job) for job in first])


def trial_job(plan: Plan, output: Path, recipe: str, number: int, settings: JsonDict) -> Job:
    """A training of a search in the folder `output`, with the first seed, that tries settings by dot name.
    Its pipeline is not scored on the test text.
    """
    seed = plan.compare.seeds[0]
    made = plan.encoder_of(recipe, seed)
    encoder = None if made is None else _encoder_job(plan, output, *made)
    overrides = {**plan.overrides(recipe, seed), **settings}
    folder = output / "trials" / str(number)
    return _training_job(plan, folder, recipe, overrides, encoder, kind="trial", name=str(number))


def claim(job: Job) -> None:
    """Get a run's folder ready: keep what is there if it belongs to the same plan, otherwise empty the
    folder; then write what its process is given.
    """
    before = read_json(job.folder / RUN_FILE) or {}
    if before.get("plan") != _plain(job.plan):
        shutil.rmtree(job.folder, ignore_errors=True)
    order = {
        "kind": job.kind,
        "config": str(job.config),
        "overrides": job.overrides,
        "encoder": None if job.encoder is None else str(job.encoder.folder),
        "plan": job.plan,
    }
    write_file(job.folder / RUN_FILE, json.dumps(order, indent=1))


def settle(job: Job) -> None:
    """Remove what a finished run no longer needs: its checkpoints, which are larger than its pipeline. A
    trial only has to give its score, so its pipelines go too.
    """
    needless = job.folder / MODEL if job.kind == "trial" else job.folder / MODEL / CHECKPOINTS
    shutil.rmtree(needless, ignore_errors=True)


def is_finished(job: Job) -> bool:
    """True if the result of a run is whole and its plan is known."""
    return job.result is not None and read_json(job.folder / RUN_FILE) is not None


def require_same_plan(job: Job) -> None:
    """Refuse to mix the results of two plans.

    RAISES (ValueError): Its folder holds a run of another plan that is finished or can be resumed.
    """
    before = read_json(job.folder / RUN_FILE)
    if before is None or not (job.result is not None or job.has_checkpoint):
        return
    changes = describe_changes(before.get("plan", {}), _plain(job.plan))
    if changes:
        raise ValueError(Errors.X775.format(title=job.title, folder=job.folder, changes=", ".join(changes)))


def read_json(path: Path) -> JsonDict | None:
    """Read a JSON object from a file; None if there is none, or not a whole one."""
    try:
        found = json.loads(path.read_text(encoding="utf8"))
    except (OSError, ValueError):
        return None
    return found if isinstance(found, dict) else None


def _encoder_job(plan: Plan, output: Path, name: str, seed: int | None) -> Job:
    block = plan.encoders[name]
    overrides = dict(block.settings)
    if seed is not None:
        overrides[SEED] = seed
    config = load_run_config(block.config, overrides, f"encoders.{name}")
    folder = output / "encoders" / name / ("once" if seed is None else str(seed))
    plain = {"config": _plain(config), "files": _sizes(config)}
    return Job("encoder", name, seed, folder, block.config, overrides, plain)


def _measure_job(plan: Plan, output: Path, planned: Job) -> Job:
    """The few steps of a recipe that a training with the first seed is measured by."""
    steps = min(planned.max_steps or MEASURED_STEPS, MEASURED_STEPS)
    # Nothing is scored after the first step.
    fewer = {"training.max_steps": steps, "training.eval_frequency": steps + 2}
    # The recipe's own overrides, so that its schedule follows the fewer steps.
    overrides = {**plan.overrides(planned.name, plan.compare.seeds[0]), **fewer}
    folder = output / "measured" / planned.name
    return _training_job(plan, folder, planned.name, overrides, planned.encoder, kind="measure")


def _training_job(
    plan: Plan,
    folder: Path,
    recipe: str,
    overrides: JsonDict,
    encoder: Job | None,
    *,
    kind: Kind = "training",
    name: str | None = None,
    test: JsonDict | None = None,
) -> Job:
    path, seed, title = plan.recipes[recipe].config, overrides[SEED], f"recipes.{recipe}"
    overrides = follow_steps(load_run_config(path, {}, title), overrides)
    config = load_run_config(path, overrides, title)
    if config.get("training", {}).get("seed") != seed:
        raise ValueError(Errors.X776.format(recipe=recipe, config=path))
    plain = {"config": _plain(config), "files": _sizes(config), **(test or {})}
    if encoder is not None:
        # The path of an encoder doesn't change the result.
        plain["config"].get("paths", {}).pop("encoder", None)
        plain["files"].pop("encoder", None)
        plain["encoder"] = encoder.plan
    return Job(
        kind, name or recipe, None if kind == "trial" else seed, folder, path, overrides, plain, encoder
    )


def _plain(values: JsonDict) -> JsonDict:
    """As they are once they were written and read."""
    return dict(json.loads(json.dumps(values)))


def _sizes(config: Config) -> dict[str, int]:
    """Bytes of what `[paths]` names: changed text mostly has another size."""
    sizes = {}
    for name, value in config.get("paths", {}).items():
        path = Path(value) if isinstance(value, str) else None
        if path is not None and path.exists():
            files = [path] if path.is_file() else [file for file in path.rglob("*") if file.is_file()]
            sizes[name] = sum(file.stat().st_size for file in files)
    return sizes


def _fingerprint(plan: Plan) -> JsonDict:
    """What the scores depend on, besides the trained pipeline."""
    digest = hashlib.sha256()
    for file in find_files(plan.test, Kinds.LABELLED):
        digest.update(file.path.name.encode("utf8") + b"\0" + file.path.read_bytes())
    return {
        "threshold": plan.compare.threshold,
        "test": {"path": str(plan.test), "sha256": digest.hexdigest()},
    }
