"""`spacy xling evaluate`: pipelines side by side, language by language."""

from pathlib import Path
from typing import Annotated

import typer
from wasabi import msg

from .app import Panel, app, example, one_line_errors, say_where
from .options import Numbers

HELP_THRESHOLD = "Score from which a label counts, where texts have any number of them"


@app.command(
    "evaluate",
    rich_help_panel=Panel.EVALUATE,
    epilog=example("evaluate training/model-best test --source en --html report.html"),
)
def evaluate_command(
    models: Annotated[list[Path], typer.Argument(help="Trained pipelines", metavar="MODEL...")],
    texts: Annotated[Path, typer.Argument(help="Labelled text: a folder of files by language, or a file")],
    source: Annotated[str, typer.Option(help="Language of the training labels")] = "en",
    threshold: Annotated[
        float | None, typer.Option(help=HELP_THRESHOLD, show_default="the pipeline's own")
    ] = None,
    confidence: Annotated[float, typer.Option(help="Confidence of the intervals, between 0 and 1")] = 0.95,
    resamples: Annotated[int, typer.Option(help="Bootstrap samples; 0 for no intervals")] = 1000,
    seed: Annotated[int, typer.Option(help="Seed of the samples")] = 0,
    mistakes: Annotated[
        int, typer.Option(min=0, help="Most mistakes to list, for each pipeline and language")
    ] = 20,
    explain: Annotated[
        int,
        typer.Option(min=0, help="For the report: most mistakes of each pipeline whose words are scored"),
    ] = 0,
    details: Annotated[
        bool | None,
        typer.Option(
            help="F1, AUC, calibration and mistakes of each pipeline, too", show_default="for a single one"
        ),
    ] = None,
    uncentred: Annotated[
        bool, typer.Option("--uncentred", help="Score centred pipelines without their offsets, too")
    ] = False,
    json: Numbers = None,
    html: Annotated[Path | None, typer.Option(help="File to write a report to, with figures")] = None,
    closeness: Annotated[
        Path | None, typer.Option(help="For the report: what `inspect --json` wrote")
    ] = None,
    logs: Annotated[
        list[Path] | None,
        typer.Option(help="For the report: a training's `output_file`; may be given several times"),
    ] = None,
) -> None:
    """Score pipelines on each language: accuracy and F1 with intervals, calibration, mistakes."""
    with one_line_errors():
        from ..data.files import require_new_files
        from ..data.labelled import build_labelled_text_v1
        from ..evaluation.bootstrap import Resampling
        from ..evaluation.by_language import column_names, evaluate_models
        from ..evaluation.tables import format_evaluation
        from ..reporting.inputs import read_extras
        from ..writing import write_file, write_json

        written = [path for path in (json, html) if path is not None]
        require_new_files(written, overwrite=True, inputs=[*models, texts, closeness, *(logs or [])])
        extras = read_extras(html, closeness=closeness, logs=logs or [], explain=explain)
        evaluation = evaluate_models(
            dict(zip(column_names(models), models, strict=True)),
            build_labelled_text_v1(texts),
            source=source,
            threshold=threshold,
            resampling=Resampling(confidence, resamples, seed),
            mistakes=mistakes,
            uncentred=uncentred,
            explain=explain,
        )
        try:
            if json is not None:
                write_json(json, evaluation.to_json())
            if html is not None:
                from ..reporting.page import render_report

                write_file(html, render_report(evaluation, extras))
        finally:
            print(format_evaluation(evaluation, details=len(models) == 1 if details is None else details))
            for warning in evaluation.warnings:
                msg.warn(warning)
        say_where({"Numbers": json, "Report": html})
