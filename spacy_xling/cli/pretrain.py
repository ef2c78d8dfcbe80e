"""`spacy xling pretrain`: masked-LM and translation-LM training."""

from pathlib import Path
from typing import Annotated

import typer
from spacy.cli._util import parse_config_overrides, show_validation_error
from wasabi import msg

from .app import Panel, app, example, one_line_errors
from .options import PASS_ON, read_config


@app.command(
    "pretrain",
    rich_help_panel=Panel.ENCODER,
    epilog=example(
        "pretrain configs/pretrain.cfg --output adapted --paths.encoder xlm-roberta-base "
        "--paths.unlabelled raw"
    ),
    context_settings=PASS_ON,
)
def pretrain_command(
    ctx: typer.Context,
    config_path: Annotated[Path, typer.Argument(help="Config file, as configs/pretrain.cfg", exists=True)],
    output: Annotated[Path, typer.Option("--output", "-o", help="Folder of the run")],
    resume: Annotated[bool, typer.Option("--resume", help="Resume from the run's last checkpoint")] = False,
    overwrite: Annotated[
        bool, typer.Option("--overwrite", help="Start again: remove the existing run")
    ] = False,
) -> None:
    """Train an encoder on raw and parallel text, from scratch or from any checkpoint.

    Settings can be given as options, such as --training.max_steps 2000. For several processes or GPUs, start
    it with `torchrun --nproc-per-node 2 -m spacy xling pretrain ...`.
    """
    overrides = parse_config_overrides(ctx.args)
    with show_validation_error(config_path), one_line_errors():
        config = read_config(config_path, overrides)
    with show_validation_error(config_path, hint_fill=False), one_line_errors():
        from ..pretraining.runs import pretrain

        best = pretrain(config, output, resume=resume, overwrite=overwrite, quiet=False)
    msg.good(f"The encoder is at {best}")
