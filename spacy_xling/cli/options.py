"""Options that several commands have."""

from pathlib import Path
from typing import Annotated, Optional

import typer

Dev = Annotated[Optional[Path], typer.Option("--dev", "-d", help="Labelled text to choose the checkpoint by")]
Unlabelled = Annotated[
    Optional[Path], typer.Option("--unlabelled", "-u", help="Raw text: a folder of files by language")
]
OverwriteEncoder = Annotated[bool, typer.Option("--overwrite", help="Replace the encoder that is there")]
