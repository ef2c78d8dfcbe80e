"""`spacy xling import-transformers`: a pipeline from a checkpoint that classifies."""

from pathlib import Path
from typing import Annotated

import typer
from wasabi import msg

from .app import Panel, app, coded_warnings, example, one_line_errors
from .options import OverwritePipeline


@app.command(
    "import-transformers",
    rich_help_panel=Panel.SHIP,
    epilog=example("import-transformers checkpoint --output imported"),
)
def import_transformers_command(
    checkpoint: Annotated[
        str, typer.Argument(help="Checkpoint for sequence classification: hub name or folder")
    ],
    output: Annotated[Path, typer.Option("--output", "-o", help="Folder for the pipeline")],
    lang: Annotated[str, typer.Option(help="Language of the pipeline, as spaCy names it")] = "xx",
    overwrite: OverwritePipeline = False,
) -> None:
    """Make a pipeline from a text classifier of transformers: BERT, DistilBERT, RoBERTa, XLM-R, CamemBERT,
    ALBERT or ModernBERT.

    It gives the same scores, reads long texts in windows, and can be calibrated, evaluated, exported and
    trained on. It has no trained masked-LM head.
    """
    with one_line_errors(), coded_warnings():
        from ..exporting.from_transformers import import_transformers

        imported = import_transformers(checkpoint, output, language=lang, overwrite=overwrite)
    msg.good(f"Imported {imported.name} with {len(imported.labels)} labels", output)
