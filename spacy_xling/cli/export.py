"""`spacy xling export`: a pipeline that serves without torch."""

from pathlib import Path
from typing import Annotated, Optional

import typer
from wasabi import msg

from .app import app, one_line_errors


@app.command("export")
def export_command(
    model: Annotated[Path, typer.Argument(help="Trained pipeline")],
    output: Annotated[Path, typer.Option("--output", "-o", help="Folder for the exported pipeline")],
    precision: Annotated[
        str, typer.Option("--precision", "-p", help="Of the weights: int8 (a quarter of the size) or fp32")
    ] = "int8",
    threads: Annotated[
        Optional[int], typer.Option(help="Threads of a pass", show_default="as many as there are")
    ] = None,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace a pipeline that is there")] = False,
) -> None:
    """Make a pipeline that serves from ONNX Runtime, also where torch isn't installed.

    Its text classifiers score as the original's do, and can no longer be trained. Needs the extra `onnx`.
    """
    with one_line_errors():
        from ..exporting.exporting import export_pipeline

        names = export_pipeline(model, output, precision=precision, threads=threads, overwrite=overwrite)
    msg.good(f"Exported {', '.join(names)} in {precision}", output)
