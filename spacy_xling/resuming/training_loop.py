"""`spacy train` with checkpoints: the same loop, which a killed run resumes as if nothing had been."""

import json
import shutil
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from pathlib import Path
from random import randrange
from typing import IO, Any, NamedTuple, cast

from spacy.language import Language
from spacy.schemas import ConfigSchemaTraining
from spacy.training.loop import (
    DIR_MODEL_BEST,
    DIR_MODEL_LAST,
    clean_output_dir,
    create_before_to_disk_callback,
    create_evaluation_callback,
    create_train_batches,
    train_while_improving,
    update_meta,
)
from spacy.util import registry, resolve_dot_names
from thinc.api import Optimizer, set_gpu_allocator
from wasabi import Printer

from ..errors import Errors
from ..generators import SEEDS
from ..models.encoder_shim import EncoderShim
from ..training.compute import EncoderPieces
from ..training.log_files import log_settings
from ..training.ranks import ranks
from ..types import JsonDict
from ..writing import remove_leftovers, write_folder
from .changes import require_same_config
from .checkpoints import Checkpoints, step_of
from .randomness import generator_states, seed_generators, set_generator_states
from .replay import Batches, LiveOutput, ReplayedPipeline
from .run_file import CHECKPOINTS, Outcome, claim_logs, is_finished, note_finished
from .snapshots import Snapshot, own_states, parameters, read_snapshot, restore_snapshot, save_snapshot


class Run(NamedTuple):
    """A training run.

    nlp (Language): The pipeline.
    output_path (Path): Where pipelines and checkpoints are saved.
    config (dict): The whole config, as plain data.
    training (dict): What `[training]` is resolved to.
    saved (Snapshot | None): The checkpoint to resume from.
    evaluations (list[dict]): What each evaluation so far has found, with the losses of the steps before it.
    pieces (EncoderPieces): Counts what passes the encoder.
    """

    nlp: Language
    output_path: Path
    config: JsonDict
    training: dict[str, Any]
    saved: Snapshot | None
    evaluations: list[JsonDict]
    pieces: EncoderPieces

    @property
    def checkpoints(self) -> Checkpoints:
        return Checkpoints(self.output_path / CHECKPOINTS)

    @property
    def optimizer(self) -> Optimizer:
        return self.training["optimizer"]

    @property
    def progress(self) -> JsonDict:
        """What the loop had noted in the checkpoint to resume from."""
        return self.saved.data["progress"] if self.saved else {}


def train_resumable(
    nlp: Language,
    output_path: Path,
    *,
    resume: bool = False,
    checkpoint_every: int | None = None,
    use_gpu: int = -1,
    stdout: IO = sys.stdout,
    stderr: IO = sys.stderr,
) -> tuple[Language, Path]:
    """Train a pipeline as `spacy train` does, with a checkpoint after each evaluation.

    A run that was killed at any moment resumes from its last checkpoint. On a CPU, with as many threads,
    pipelines, scores and log are then those of a run that was never killed, bit by bit; in the log but for
    the seconds. Of several processes, see `ranks.launched`, the first one evaluates, logs and saves.

    nlp (Language): The pipeline, initialized with its whole config.
    output_path (Path): Where `model-last`, `model-best` and `checkpoints` are saved.
    resume (bool): Resume from the last checkpoint, if there is one.
    checkpoint_every (int | None): Write a checkpoint after N steps too.
    use_gpu (int): The GPU, or -1.
    stdout (IO): Where to write messages.
    stderr (IO): Where to write progress bars.
    RETURNS (tuple[Language, Path]): The pipeline, and the folder of `model-last`.
    RAISES (ValueError): There are checkpoints that are not to be resumed; config or training text has
        changed; something that can't be saved; several processes, and a component that can't be trained by
        them. (OSError): The disk is full or can't be written to.
    """
    if checkpoint_every is not None and checkpoint_every < 1:
        raise ValueError(Errors.X615.format(found=checkpoint_every))
    last = output_path / DIR_MODEL_LAST
    if is_finished(output_path, resume=resume):
        return nlp, last
    run = _start_run(nlp, output_path, resume=resume, use_gpu=use_gpu)
    batches = _make_batches(run)
    _announce(run, resume=resume, write=lambda text: stdout.write(text + "\n"))
    ranks().equalise(found.tensor for found in parameters(nlp) if found.tensor is not None)
    msg = Printer(no_print=True)
    try:
        with run.pieces:
            outcome = _train(run, batches, checkpoint_every, stdout, stderr)
    except (Exception, KeyboardInterrupt) as error:
        # As spaCy does; but while steps are replayed there is nothing new, and a full disk stays full.
        if ranks().is_first and not batches.is_replaying and not isinstance(error, OSError):
            stdout.write(msg.warn(f"Aborting and saving the pipeline as it is. Found: {error!r}") + "\n")
            _save_last(run)
        raise
    if not outcome.steps and ranks().count > 1:
        raise ValueError(Errors.X627.format(count=ranks().count))

    def finish() -> None:
        _save_last(run)
        note_finished(run.output_path, outcome)

    ranks().from_first(finish)
    stdout.write(msg.good("Saved pipeline to output directory", last) + "\n")
    return nlp, last


def _train(run: Run, batches: Batches, checkpoint_every: int | None, stdout: IO, stderr: IO) -> Outcome:
    """Go through all steps, with their log, pipelines and checkpoints."""
    last = None
    console = LiveOutput(stdout), LiveOutput(stderr)
    log_step, finalize_logger = _set_up_logger(run, console)
    try:
        for last, is_best in _steps(run, batches):
            is_new, is_evaluated = not batches.is_replaying, is_best is not None
            for stream in console:
                stream.is_quiet = not is_new
            if is_new and is_evaluated:
                _alike(partial(_note_evaluation, run, last, is_best))
            log_step(last if is_evaluated else None)
            is_due = checkpoint_every is not None and (last["step"] + 1) % checkpoint_every == 0
            if is_new and (is_evaluated or is_due):
                _write_checkpoint(run, batches, last)
        if batches.is_replaying:
            # It was killed after its last step.
            batches.end_replay()
    finally:
        finalize_logger()
    pieces = int(ranks().total(run.pieces.count))
    if last is None:
        return Outcome(0, pieces, 0.0, 0.0, None)
    best, _ = max(last["checkpoints"])
    return Outcome(last["step"] + 1, pieces, last["seconds"], last["processor_seconds"], float(best))


def _set_up_logger(run: Run, console: tuple[Any, Any]) -> tuple[Callable, Callable]:
    if not ranks().is_first:
        return lambda info: None, lambda: None
    with run.nlp.select_pipes(disable=run.training["frozen_components"]):
        return run.training["logger"](run.nlp, *console)


def _start_run(nlp: Language, output_path: Path, *, resume: bool, use_gpu: int) -> Run:
    """Look for a checkpoint, make room for what is to be written, and resolve `[training]`."""
    config = nlp.config.interpolate()
    plain = json.loads(json.dumps(config))
    latest = Checkpoints(output_path / CHECKPOINTS).latest()
    saved = read_snapshot(latest) if latest else None
    if saved:
        require_same_config(saved.path, saved.data["progress"]["config"], plain)
    seed = config["training"]["seed"]
    if seed is None and ranks().count > 1:
        # Text is shuffled by the global generators, which must be alike in all processes.
        seed = ranks().from_first(lambda: randrange(SEEDS))
    if seed is not None:
        seed_generators(seed, ranks().number)
    allocator = config["training"]["gpu_allocator"]
    if use_gpu >= 0 and allocator:
        set_gpu_allocator(allocator)
    logs = [path for _, path in log_settings(plain["training"]["logger"])]
    ranks().from_first(partial(claim_logs, logs, output_path, resume=resume))
    training = registry.resolve(config["training"], schema=ConfigSchemaTraining)
    _check_training(training)
    _require_shared(nlp, training["frozen_components"])
    ranks().from_first(partial(_make_room, output_path, is_new=saved is None))
    evaluations = saved.data["progress"]["evaluations"] if saved else []
    return Run(nlp, output_path, plain, training, saved, evaluations, EncoderPieces())


def _require_shared(nlp: Language, frozen: Sequence[str]) -> None:
    """Refuse components whose gradients can't be added up, where several processes train."""
    others = [
        name
        for name, pipe in nlp.pipeline
        if getattr(pipe, "is_trainable", False)
        and name not in frozen
        and not (pipe.model.shims and isinstance(pipe.model.shims[0], EncoderShim))
    ]
    if others and ranks().count > 1:
        raise ValueError(Errors.X626.format(names=", ".join(others), count=ranks().count))


def _make_room(output_path: Path, *, is_new: bool) -> None:
    if is_new:
        clean_output_dir(output_path)
    for folder in (output_path, output_path / CHECKPOINTS):
        remove_leftovers(folder)


def _check_training(training: Mapping[str, Any]) -> None:
    """Refuse what spaCy's loop takes, and then fails by or learns nothing with."""
    for name in ("accumulate_gradient", "eval_frequency"):
        if training[name] < 1:
            raise ValueError(Errors.X603.format(name=f"training.{name}", value=training[name]))
    dropout = training["dropout"]
    if isinstance(dropout, int) or (isinstance(dropout, float) and not 0 <= dropout < 1):
        raise ValueError(Errors.X624.format(found=dropout))


def _make_batches(run: Run) -> Batches:
    corpus, _ = _corpora(run)
    made = create_train_batches(run.nlp, corpus, run.training["batcher"], run.training["max_epochs"])

    def restore() -> None:
        restore_snapshot(cast(Snapshot, run.saved), run.nlp, run.optimizer)
        run.pieces.set(run.progress["encoder_pieces"] if ranks().is_first else 0)

    done = run.saved.own["batches"] if run.saved else None
    return Batches(ranks().own_batches(made), done=done, on_replayed=restore)


def _corpora(run: Run) -> tuple[Callable, Callable]:
    names = [run.training["train_corpus"], run.training["dev_corpus"]]
    train_corpus, dev_corpus = resolve_dot_names(run.nlp.config.interpolate(), names)
    return train_corpus, dev_corpus


def _steps(run: Run, batches: Batches) -> Iterator[tuple[JsonDict, bool | None]]:
    """spaCy's loop: first again over the steps that were done, then on."""
    training = run.training
    _, dev_corpus = _corpora(run)
    # Of one process spaCy divides the batches.
    parts = training["accumulate_gradient"] if ranks().count > 1 else 1
    noted = [*run.evaluations, run.progress]
    pipeline = cast(Language, ReplayedPipeline(run.nlp, batches, noted, parts))
    evaluate = create_evaluation_callback(
        pipeline, lambda _: () if batches.is_replaying else dev_corpus(run.nlp), training["score_weights"]
    )
    before_update = training["before_update"]
    steps = train_while_improving(
        pipeline,
        run.optimizer,
        batches,
        lambda: _alike(evaluate),
        dropout=training["dropout"],
        accumulate_gradient=training["accumulate_gradient"] if parts == 1 else 1,
        patience=training["patience"],
        max_steps=training["max_steps"],
        eval_frequency=training["eval_frequency"],
        exclude=training["frozen_components"],
        annotating_components=training["annotating_components"],
        before_update=before_update and (lambda _, args: before_update(run.nlp, args)),
    )
    earlier = earlier_processor = 0.0
    evaluations = iter(run.evaluations)
    begun = time.process_time()
    for _, info, is_best in steps:
        processor = time.process_time() - begun
        seconds = info["seconds"] + earlier
        if batches.is_replaying:
            seconds = (run.progress if is_best is None else next(evaluations))["seconds"]
            earlier = run.progress["seconds"] - info["seconds"]
            earlier_processor = run.progress["processor_seconds"] - processor
        times = {"seconds": seconds, "processor_seconds": processor + earlier_processor}
        yield {**info, **times, "output_path": str(run.output_path / DIR_MODEL_LAST)}, is_best


def _alike(make: Callable[[], Any]) -> Any:
    """Let the first process alone do what may draw from the global generators; all continue alike."""
    if ranks().count == 1:
        return make()
    before = generator_states()
    made = ranks().from_first(make)
    set_generator_states(before)
    return made


def _note_evaluation(run: Run, info: JsonDict, is_best: bool | None) -> None:
    """Save the pipeline after an evaluation, and what the evaluation found."""
    with run.nlp.select_pipes(disable=run.training["frozen_components"]):
        update_meta(run.training, run.nlp, info)
    _save_last(run)
    if is_best:
        last = run.output_path / DIR_MODEL_LAST
        best = run.output_path / DIR_MODEL_BEST
        _save_folder(run, best, lambda path: shutil.copytree(last, path, dirs_exist_ok=True))
    scores, losses = _plain(info["other_scores"]), _plain(info["losses"])
    run.evaluations.append({"scores": scores, "losses": losses, "seconds": info["seconds"]})


def _save_last(run: Run) -> None:
    before_to_disk = create_before_to_disk_callback(run.training["before_to_disk"])

    def fill(path: Path) -> None:
        with run.nlp.use_params(run.optimizer.averages):
            before_to_disk(run.nlp).to_disk(path)

    _save_folder(run, run.output_path / DIR_MODEL_LAST, fill)


def _save_folder(run: Run, path: Path, fill: Callable[[Path], Any]) -> None:
    try:
        write_folder(path, fill)
    except OSError as error:
        kept = run.checkpoints.latest() or "none"
        raise OSError(Errors.X609.format(path=path, error=error, kept=kept)) from error


def _write_checkpoint(run: Run, batches: Batches, info: JsonDict) -> None:
    progress = {
        "config": run.config,
        "evaluations": run.evaluations,
        "losses": _plain(info["losses"]),
        "seconds": info["seconds"],
        "processor_seconds": info["processor_seconds"],
        "encoder_pieces": int(ranks().total(run.pieces.count)),
    }
    states = ranks().gather({**own_states(run.nlp), "batches": batches.state})

    fill = partial(save_snapshot, nlp=run.nlp, optimizer=run.optimizer, progress=progress, states=states)
    ranks().from_first(partial(run.checkpoints.write, info["step"], fill))


def _plain(value: Any) -> Any:
    """What JSON can hold of scores and losses, each number as it is."""
    if isinstance(value, Mapping):
        return {str(name): _plain(inner) for name, inner in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain(inner) for inner in value]
    if hasattr(value, "item") and getattr(value, "size", 1) == 1:
        return value.item()
    return value if value is None or isinstance(value, (bool, int, float)) else str(value)


def _announce(run: Run, *, resume: bool, write: Callable[[str], Any]) -> None:
    msg = Printer(no_print=True)
    write(msg.info(f"Pipeline: {run.nlp.pipe_names}"))
    if run.training["frozen_components"]:
        write(msg.info(f"Frozen components: {run.training['frozen_components']}"))
    if run.training["annotating_components"]:
        write(msg.info(f"Set annotations on update for: {run.training['annotating_components']}"))
    write(msg.info(f"Initial learn rate: {run.optimizer.learn_rate}"))
    if run.saved:
        write(msg.info(f"Going on after step {step_of(run.saved.path)}, once its batches are read again"))
    elif resume:
        write(msg.info("No checkpoint was found: starting from the beginning"))
