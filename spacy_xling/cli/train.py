"""`spacy xling train`: `spacy train` with checkpoints."""

import logging
import sys
from pathlib import Path
from typing import Annotated

import typer
from spacy import util
from spacy.cli._util import import_code, parse_config_overrides, setup_gpu, show_validation_error
from wasabi import msg

from ..errors import Errors, one_line
from ..training.ranks import launched, local_rank
from .app import Panel, app, example, one_line_errors
from .options import PASS_ON, Code, Gpu, read_config


@app.command(
    "train",
    rich_help_panel=Panel.TRAIN,
    epilog=example("train my.cfg --output training --resume"),
    context_settings=PASS_ON,
)
def train_command(
    ctx: typer.Context,
    config_path: Annotated[Path, typer.Argument(help="Path to config file", exists=True, allow_dash=True)],
    output_path: Annotated[
        Path,
        typer.Option(
            "--output", "--output-path", "-o", help="Folder for model-last, model-best and checkpoints"
        ),
    ],
    resume: Annotated[
        bool, typer.Option("--resume", "-r", help="Resume from the last checkpoint, if there is one")
    ] = False,
    checkpoint_every: Annotated[
        int | None,
        typer.Option(help="Steps between checkpoints, besides one after each evaluation", metavar="STEPS"),
    ] = None,
    code_path: Code = None,
    use_gpu: Gpu = -1,
    verbose: Annotated[bool, typer.Option("--verbose", "-V", "-VV", help="Display more information")] = False,
) -> None:
    """Train as `spacy train` does, with checkpoints, from which --resume continues a killed run.

    Settings of the config are overridden by options such as --training.eval_frequency 100. Several processes
    or GPUs train together under torchrun --nproc-per-node N -m spacy xling train ...
    """
    if verbose:
        util.logger.setLevel(logging.DEBUG)
    overrides = parse_config_overrides(ctx.args)
    import_code(code_path)
    with one_line_errors(), launched() as ranks:
        from spacy.training.initialize import init_nlp

        from ..resuming.run_file import is_finished
        from ..resuming.training_loop import train_resumable

        if is_finished(output_path, resume=resume):
            msg.good(f"The run in {output_path} is finished: nothing to do")
            return
        gpu = local_rank() if use_gpu >= 0 and ranks.count > 1 else use_gpu
        try:
            setup_gpu(gpu)
        # CuPy is missing, or finds no such GPU.
        except ValueError as error:
            raise ValueError(Errors.X622.format(gpu=gpu, error=one_line(error))) from error
        with show_validation_error(config_path):
            config = read_config(config_path, overrides)
        if "training" not in config:
            raise ValueError(Errors.X623.format(path=config_path))
        msg.divider("Initializing pipeline")
        with show_validation_error(config_path, hint_fill=False):
            nlp = init_nlp(config, use_gpu=gpu)
        msg.good("Initialized pipeline")
        msg.divider("Training pipeline")
        train_resumable(
            nlp,
            output_path,
            resume=resume,
            checkpoint_every=checkpoint_every,
            use_gpu=gpu,
            stdout=sys.stdout,
            stderr=sys.stderr,
        )
