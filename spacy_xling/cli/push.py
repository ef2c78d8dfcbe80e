"""`spacy xling push`: a pipeline on the model hub, with its model card."""

from pathlib import Path
from typing import Annotated

import typer
from wasabi import msg

from .app import Panel, app, example, one_line_errors
from .options import TrainedPipeline

PIPELINE, TRANSFORMERS = FORMATS = ("pipeline", "transformers")


@app.command(
    "push",
    rich_help_panel=Panel.SHIP,
    epilog=example("push training/model-best you/support --license mit"),
)
def push_command(
    model: TrainedPipeline,
    repo: Annotated[str, typer.Argument(help="Repository, as you/name; created if missing")],
    form: Annotated[
        str,
        typer.Option(
            "--format", "-f", help="pipeline, or transformers for what `spacy xling export` makes for it"
        ),
    ] = PIPELINE,
    component: Annotated[
        str | None, typer.Option(help="Name of the text classifier", show_default="the only one")
    ] = None,
    scores: Annotated[
        Path | None, typer.Option(help="For the card: what `spacy xling evaluate --json` wrote")
    ] = None,
    license: Annotated[
        str | None, typer.Option(help="For the card: the model's licence, as mit or apache-2.0")
    ] = None,
    public: Annotated[bool, typer.Option("--public", help="Let everyone read the repository")] = False,
    overwrite: Annotated[
        bool, typer.Option("--overwrite", help="Remove files that were not pushed by this command, too")
    ] = False,
) -> None:
    """Upload a pipeline to the model hub, with a model card: languages, data, base model, scores by language,
    calibration, limits, and the lines that use it.

    A new repository is private. From one that was pushed to before, files that aren't pushed are removed;
    another that holds files is refused. Log in first (hf auth login, or the environment variable HF_TOKEN).
    """
    with one_line_errors():
        from ..errors import Errors, Warnings
        from ..exporting.pushing import push

        if form not in FORMATS:
            raise ValueError(Errors.X796.format(found=form, known=", ".join(FORMATS)))
        pushed = push(
            model,
            repo,
            for_transformers=form == TRANSFORMERS,
            component=component,
            scores=scores,
            license=license,
            public=public,
            overwrite=overwrite,
        )
        if pushed.exported is not None:
            for lost in pushed.exported.lost:
                msg.warn(Warnings.W763.format(name=pushed.exported.name, lost=lost))
    kind = "private" if pushed.private else "public"
    msg.good(f"Pushed {len(pushed.files)} files to a {kind} repository", pushed.url)
