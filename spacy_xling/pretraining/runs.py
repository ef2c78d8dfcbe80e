"""A pre-training run from its config to a Hugging Face folder: measured, logged, checkpointed, resumed."""

import shutil
import time
import warnings
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path

import torch
from spacy.util import dict_to_dot
from thinc.api import Config
from tqdm import tqdm

from ..data.files import require_apart
from ..encoders.cards import markdown_table, write_card
from ..errors import Errors, Warnings, one_line
from ..models.checkpoint import save_checkpoint
from ..models.masked_lm import mean_losses
from ..resuming.checkpoints import Checkpoints
from ..training.log_files import ScalarLog
from ..writing import remove_leftovers, write_folder
from .accelerating import Accelerator
from .measurements import ConsoleLog, JsonLog, Row
from .pretraining import Pretraining, read_heldout
from .saved_run import Progress, gather_streams, load_run, save_run
from .settings import Settings, resolve_settings

BEST, LAST, CHECKPOINTS, LOG = "model-best", "model-last", "checkpoints", "log.jsonl"


def pretrain(
    config: Config, output: Path, *, resume: bool = False, overwrite: bool = False, quiet: bool = True
) -> Path:
    """Train an encoder: masked language modelling on raw text (Devlin et al. 2019, arXiv 1810.04805), and
    translation language modelling on parallel text (Conneau & Lample 2019, arXiv 1901.07291).

    With several processes, as `torchrun` or `accelerate launch` starts them, each reads in an order of its
    own, and a step is one on the mean over all their targets.

    config (Config): The config, e.g. that of configs/pretrain.cfg.
    output (Path): Folder of the run. It gets `model-last` and, where there is held-out text, `model-best`,
        the one with the lowest mean of the languages' held-out losses; both are Hugging Face folders with a
        model card. Beside them `log.jsonl` and `checkpoints`.
    resume (bool): Continue from the last whole checkpoint. In one process on a CPU the result is then, bit
        for bit, that of a run that was never stopped.
    overwrite (bool): Remove what an earlier run has left in `output`, once text and encoder are found good.
    quiet (bool): Print nothing.
    RETURNS (Path): The best encoder, or the last where nothing is measured.
    RAISES (ValueError): The config, the text or the checkpoint is not what is expected, both `resume` and
        `overwrite` are asked for, or the loss is no longer a number. (OSError): The output can't be written;
        the last checkpoint is still whole.
    """
    if resume and overwrite:
        raise ValueError(Errors.X717)
    settings = resolve_settings(config)
    for name in (BEST, LAST, CHECKPOINTS):
        require_apart(output / name, [Path(settings.encoder.name)])
    # Without a GPU accelerate has to be told, or each of several processes takes itself for the only one.
    accelerator = Accelerator(cpu=not torch.accelerator.is_available())
    checkpoints = Checkpoints(output / CHECKPOINTS)
    latest = None if overwrite else checkpoints.latest()
    if latest is not None and not resume:
        raise ValueError(Errors.X610.format(path=latest, folder=checkpoints.folder))
    if accelerator.is_main_process:
        for folder in (output, checkpoints.folder):
            remove_leftovers(folder)
    run = Pretraining(settings, accelerator)
    if overwrite:
        # Not before text and encoder were found to be good.
        _remove_run(output, accelerator)
    progress = Progress() if latest is None else load_run(latest, run)
    try:
        loop = Loop(run, output, checkpoints, progress, quiet=quiet or not accelerator.is_main_process)
        loop.run()
        if accelerator.is_main_process:
            loop.save(output / LAST)
    except OSError as error:
        if str(error).startswith("[X"):
            raise
        kept = checkpoints.latest() or "none"
        raise OSError(Errors.X609.format(path=output, error=one_line(error), kept=kept)) from error
    return output / (LAST if loop.progress.best is None else BEST)


def _remove_run(output: Path, accelerator: Accelerator) -> None:
    if accelerator.is_main_process:
        for folder in (BEST, LAST, CHECKPOINTS):
            shutil.rmtree(output / folder, ignore_errors=True)
        (output / LOG).unlink(missing_ok=True)
    accelerator.wait_for_everyone()


class Loop:
    """Steps, and between them measurements, logs and checkpoints.

    run (Pretraining): The run.
    output (Path): Its folder.
    checkpoints (Checkpoints): Its checkpoints.
    progress (Progress): How far it has come.
    quiet (bool): Print nothing.
    """

    def __init__(
        self, run: Pretraining, output: Path, checkpoints: Checkpoints, progress: Progress, *, quiet: bool
    ) -> None:
        self._run = run
        self._output = output
        self._checkpoints = checkpoints
        self.progress = progress
        self._quiet = quiet
        self._heldout = read_heldout(run.settings, run.encoder)
        self._warn_of_languages_without_heldout()
        self._open = ExitStack()
        self._logs = self._open_logs() if run.accelerator.is_main_process else []

    @property
    def _settings(self) -> Settings:
        return self._run.settings

    @property
    def done(self) -> bool:
        """True after the last step, or too many without a lower held-out loss."""
        training = self._settings.training
        waited = self._run.step - self.progress.best_step
        impatient = training.patience > 0 and self.progress.best is not None and waited >= training.patience
        return self._run.step >= training.max_steps or impatient

    def run(self) -> None:
        """Train to the end, and close the logs."""
        training = self._settings.training
        losses: list[float] = []
        started, processor_started = time.perf_counter(), time.process_time()
        bar = tqdm(total=training.max_steps, initial=self._run.step, disable=True if self._quiet else None)
        with bar, self._open:
            while not self.done:
                losses.append(self._run.update())
                bar.update(1)
                if self._run.step % training.eval_frequency == 0 or self._run.step == training.max_steps:
                    bar.clear()
                    self._measure(
                        sum(losses) / len(losses),
                        seconds=time.perf_counter() - started,
                        processor_seconds=time.process_time() - processor_started,
                    )
                    losses.clear()

    def save(self, path: Path) -> None:
        """Write the encoder as a Hugging Face folder with a model card, whole or not at all."""
        run = self._run

        def fill(folder: Path) -> None:
            save_checkpoint(run.masked_lm.model, run.encoder.tokenizer, folder)
            write_card(folder, self._card(), run.streams.lines["unlabelled"], self._settings.encoder.name)

        write_folder(path, fill)

    def _card(self) -> str:
        run, heldout = self._run, self.progress.heldout
        rows = [
            (name, f"{lines:,}", f"{heldout[name]:.3f}" if name in heldout else "")
            for name, lines in {**run.streams.lines["unlabelled"], **run.streams.lines["parallel"]}.items()
        ]
        settings = [(name, str(value)) for name, value in dict_to_dot(self._settings.plain).items()]
        return (
            "# A masked-LM encoder\n\n"
            f"Trained by `spacy xling pretrain` from `{self._settings.encoder.name}`: {run.step:,} steps, "
            f"{run.n_pieces:,} pieces. Use it by path, as `name` of `spacy-xling.MaskedLMEncoder.v1`.\n\n"
            + markdown_table(("text", "lines", "held-out masked-LM loss (nats per piece)"), rows)
            + "\n"
            + markdown_table(("setting", "value"), settings)
        )

    def _measure(self, loss: float, *, seconds: float, processor_seconds: float) -> None:
        run = self._run
        # The module itself, and not what wraps it for several processes: nothing is to be exchanged here.
        heldout = mean_losses(run.accelerator.unwrap_model(run.module), self._heldout, run.padding)
        self.progress = self.progress._replace(heldout=heldout)
        rate = run.optimizer.param_groups[0]["lr"]
        row = Row(run.step, run.n_pieces, seconds, processor_seconds, rate, loss, heldout)
        best, mean = self.progress.best, row.heldout_mean
        better = mean is not None and (best is None or mean < best)
        if better:
            self.progress = self.progress._replace(best=mean, best_step=run.step)
        streams = gather_streams(run)
        if run.accelerator.is_main_process:
            for write in self._logs:
                write(row)
            if better:
                self.save(self._output / BEST)
            self.progress = self.progress._replace(log_size=self._json_log.size)
            self._checkpoints.write(run.step, lambda folder: save_run(folder, run, self.progress, streams))
        run.accelerator.wait_for_everyone()

    def _open_logs(self) -> list[Callable[[Row], None]]:
        """What writes a row to each log, until `_open` is closed."""
        self._json_log = JsonLog(self._output / LOG, self.progress.log_size)
        self._open.callback(self._json_log.close)
        logs: list[Callable[[Row], None]] = [self._json_log.write]
        folder = self._settings.training.tensorboard
        if folder is not None:
            board = ScalarLog(folder, missing=Errors.X715, step=self._run.step)
            self._open.callback(board.close)
            logs.append(lambda row: board.write(row.step, row.scalars))
        if not self._quiet:
            logs.append(ConsoleLog(list(self._heldout), self._run.n_pieces).write)
        return logs

    def _warn_of_languages_without_heldout(self) -> None:
        lines = self._run.streams.lines["unlabelled"]
        missing = [language for language in lines if language not in self._heldout]
        settings = self._settings
        if missing and settings.training.heldout_texts and settings.corpora.unlabelled.heldout_share:
            warnings.warn(Warnings.W701.format(languages=missing), stacklevel=2)
