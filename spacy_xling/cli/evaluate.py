"""`spacy xling evaluate`: pipelines side by side, language by language."""

from pathlib import Path
from typing import Annotated, List, Optional

import srsly
import typer
from wasabi import msg

from .app import app, one_line_errors

HELP_THRESHOLD = "Score from which a label counts, where texts have any number of them"


@app.command("evaluate")
def evaluate_command(
    models: Annotated[List[Path], typer.Argument(help="Trained pipelines", metavar="MODEL...")],
    texts: Annotated[Path, typer.Argument(help="Labelled text: a folder of files by language, or a file")],
    source: Annotated[str, typer.Option(help="Language of the training labels")] = "en",
    threshold: Annotated[
        Optional[float], typer.Option(help=HELP_THRESHOLD, show_default="the pipeline's own")
    ] = None,
    confidence: Annotated[float, typer.Option(help="Confidence of the intervals, between 0 and 1")] = 0.95,
    resamples: Annotated[int, typer.Option(help="Bootstrap samples; 0 for no intervals")] = 1000,
    seed: Annotated[int, typer.Option(help="Seed of the samples")] = 0,
    mistakes: Annotated[
        int, typer.Option(min=0, help="Most mistakes to list, for each pipeline and language")
    ] = 20,
    json: Annotated[Optional[Path], typer.Option("--json", help="File to write all numbers to")] = None,
) -> None:
    """Score pipelines on each language: accuracy and F1 with intervals, calibration, mistakes."""
    with one_line_errors():
        from ..data.labelled import build_labelled_text_v1
        from ..evaluation.bootstrap import Resampling
        from ..evaluation.by_language import column_names, evaluate_models
        from ..evaluation.tables import format_evaluation

        evaluation = evaluate_models(
            dict(zip(column_names(models), models, strict=True)),
            build_labelled_text_v1(texts),
            source=source,
            threshold=threshold,
            resampling=Resampling(confidence, resamples, seed),
            mistakes=mistakes,
        )
        typer.echo(format_evaluation(evaluation))
        for warning in evaluation.warnings:
            msg.warn(warning)
        if json is not None:
            json.parent.mkdir(parents=True, exist_ok=True)
            srsly.write_json(json, evaluation.to_json())
            msg.good(f"Numbers in {json}")
