"""`spacy xling evaluate`: pipelines side by side, language by language."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, List, Mapping, Optional, Sequence

import srsly
import typer
from wasabi import table

from .app import app, one_line_errors

if TYPE_CHECKING:
    from ..evaluation.by_language import Score


@app.command("evaluate")
def evaluate_command(
    models: Annotated[List[Path], typer.Argument(help="Trained pipelines", metavar="MODEL...")],
    texts: Annotated[Path, typer.Argument(help="Labelled text: a folder of files by language, or a file")],
    source: Annotated[str, typer.Option(help="Language of the training labels")] = "en",
    threshold: Annotated[
        float, typer.Option(help="Score from which a label counts, where texts have any number of them")
    ] = 0.5,
    json: Annotated[Optional[Path], typer.Option("--json", help="File to write the scores to")] = None,
) -> None:
    """Score pipelines on each language: accuracy in percent, a column for each pipeline."""
    with one_line_errors():
        from ..data.files import require_new_files
        from ..data.labelled import build_labelled_text_v1
        from ..evaluation.by_language import (
            column_names,
            evaluate_by_language,
            load_pipeline,
            read_test_text,
        )

        if json is not None:
            require_new_files([json], overwrite=True)
        docs = read_test_text(build_labelled_text_v1(texts))
        scores = {
            name: evaluate_by_language(load_pipeline(path), docs, threshold=threshold)
            for name, path in zip(column_names(models), models, strict=True)
        }
    print(format_scores(scores, source))
    if json is not None:
        json.parent.mkdir(parents=True, exist_ok=True)
        srsly.write_json(
            json,
            {name: {lang: s._asdict() for lang, s in by_lang.items()} for name, by_lang in scores.items()},
        )


def format_scores(scores: Mapping[str, Mapping[str, "Score"]], source: str) -> str:
    """Format scores as a table of languages by pipelines.

    scores (Mapping[str, Mapping[str, Score]]): Scores by pipeline and language.
    source (str): The source language, which comes first and has no part in the mean.
    RETURNS (str): The table.
    """
    from ..evaluation.by_language import mean_of_targets

    columns: Sequence[Mapping[str, Score]] = list(scores.values())
    languages = sorted(columns[0], key=lambda language: (language != source, language))
    rows = [
        (language, f"{columns[0][language].texts:,}", *(f"{100 * c[language].accuracy:.1f}" for c in columns))
        for language in languages
    ]
    means = ("mean of the targets", "", *(f"{100 * mean_of_targets(c, source):.1f}" for c in columns))
    aligns = ("l", *"r" * (len(columns) + 1))
    footer = means if len(languages) > 1 else None
    return str(table(rows, header=("language", "texts", *scores), footer=footer, divider=True, aligns=aligns))
