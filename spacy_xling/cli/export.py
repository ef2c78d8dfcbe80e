"""`spacy xling export`: a pipeline that serves without torch, or a checkpoint that other servers read."""

from pathlib import Path
from typing import Annotated

import typer
from wasabi import msg

from .app import Panel, app, example, one_line_errors
from .options import TrainedPipeline

ONNX, TRANSFORMERS = FORMATS = ("onnx", "transformers")


@app.command(
    "export",
    rich_help_panel=Panel.SHIP,
    epilog=example("export training/model-best --output shipped"),
)
def export_command(
    model: TrainedPipeline,
    output: Annotated[Path, typer.Option("--output", "-o", help="Folder for what is exported")],
    form: Annotated[
        str, typer.Option("--format", "-f", help="onnx for a pipeline, transformers for a checkpoint")
    ] = ONNX,
    precision: Annotated[
        str | None,
        typer.Option(
            "--precision",
            "-p",
            help="Of the weights: int8 (a quarter of the size) or fp32",
            show_default="int8; a checkpoint is always in fp32",
        ),
    ] = None,
    threads: Annotated[int | None, typer.Option(help="Threads of a forward pass", show_default="all")] = None,
    component: Annotated[
        str | None,
        typer.Option(help="With --format transformers: name of the component", show_default="the only one"),
    ] = None,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace what was exported before")] = False,
) -> None:
    """Make a pipeline that serves from ONNX Runtime, also where torch isn't installed; or, with --format
    transformers, a checkpoint that transformers, text-embeddings-inference and vLLM read.

    Both score as the original does. The pipeline can no longer be trained, and needs the extra `onnx`. The
    checkpoint holds one text classifier, whose head must be one of transformers, as head = "native" makes it.
    """
    with one_line_errors():
        from ..errors import Errors, Warnings

        if form not in FORMATS:
            raise ValueError(Errors.X796.format(found=form, known=", ".join(FORMATS)))
        given = {"--precision": precision, "--threads": threads} if form == TRANSFORMERS else {}
        given |= {"--component": component} if form == ONNX else {}
        for option in [option for option, value in given.items() if value is not None]:
            other = ONNX if form == TRANSFORMERS else TRANSFORMERS
            raise ValueError(Errors.X798.format(option=option, format=other))
        if form == TRANSFORMERS:
            from ..exporting.to_transformers import export_transformers

            exported = export_transformers(model, output, component=component, overwrite=overwrite)
            msg.good(f"Exported {exported.name} as a checkpoint for transformers", output)
            msg.info(
                f"It reads the first {exported.window} pieces of a text, and the pipeline all its windows"
            )
            for lost in exported.lost:
                msg.warn(Warnings.W763.format(name=exported.name, lost=lost))
        else:
            from ..exporting.exporting import export_pipeline

            precision = precision or "int8"
            names = export_pipeline(model, output, precision=precision, threads=threads, overwrite=overwrite)
            msg.good(f"Exported {', '.join(names)} in {precision}", output)
