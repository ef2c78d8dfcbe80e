"""Options that several commands have."""

from pathlib import Path
from typing import Annotated, Optional

import typer

Dev = Annotated[Optional[Path], typer.Option("--dev", "-d", help="Labelled text to choose the checkpoint by")]
Unlabelled = Annotated[
    Optional[Path], typer.Option("--unlabelled", "-u", help="Raw text: a folder of files by language")
]
OverwriteEncoder = Annotated[bool, typer.Option("--overwrite", help="Replace the encoder that is there")]
Code = Annotated[
    Optional[Path],
    typer.Option("--code", "-c", help="Python file to import first, e.g. with registered functions"),
]
Gpu = Annotated[int, typer.Option("--gpu-id", "-g", help="GPU ID or -1 for CPU")]

# For a command that takes settings of a config as options.
PASS_ON = {"allow_extra_args": True, "ignore_unknown_options": True}
