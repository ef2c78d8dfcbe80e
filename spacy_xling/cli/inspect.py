"""`spacy xling inspect`: what an encoder makes of each language, before any training."""

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from wasabi import table

from .app import Panel, app, example, one_line_errors, say_where
from .options import EncoderName, SamplingSeed

if TYPE_CHECKING:
    from ..inspection.inspection import Inspection, LanguageReport

HEADER = (
    "language",
    "texts",
    "pieces/word",
    "pieces/char",
    "unknown %",
    "long %",
    "MLM loss",
    "distance",
    "retrieval %",
    "pairs",
)
LEGEND = """\
pieces/word   ordinary pieces per word; a word is what is between spaces: in a script without them, a
              sentence. Look at pieces/char there: pieces per character, white space excluded.
unknown %     of the ordinary pieces, those that are the unknown piece
long %        of the texts, those longer than the window of {window} pieces
MLM loss      nats per masked piece, under whole-word masking; unknown pieces are never masked
distance      squared maximum mean discrepancy between the text vectors of {source} and the language:
              0 for the same distribution, at most 2; texts on other subjects are farther too
retrieval %   of the texts of {source}, those whose translation is the closest of all pairs' by cosine
Vectors are the mean, over a text's ordinary pieces, of the states of layer {layer}; 0 is the embeddings."""


@app.command(
    "inspect",
    rich_help_panel=Panel.ENCODER,
    epilog=example("inspect xlm-roberta-base raw --json inspect.json"),
)
def inspect_command(
    encoder: EncoderName,
    texts: Annotated[Path, typer.Argument(help="Folder of raw text by language: da.txt, de.jsonl.gz ...")],
    parallel: Annotated[
        Path | None,
        typer.Option(help="Folder of pairs, en-da.tsv or en-da.tsv.gz: two columns, no header, no quotes"),
    ] = None,
    source: Annotated[str, typer.Option(help="The language that the others are compared with")] = "en",
    limit: Annotated[int, typer.Option(min=2, help="Most texts, and pairs, of a language: a sample")] = 500,
    layer: Annotated[
        int | None,
        typer.Option(help="Layer for text vectors, 0 for the embedding layer", show_default="the middle one"),
    ] = None,
    json: Annotated[Path | None, typer.Option(help="File for all numbers")] = None,
    figure: Annotated[Path | None, typer.Option(help="File for a figure: .svg, .png or .pdf")] = None,
    seed: SamplingSeed = 0,
) -> None:
    """What an encoder makes of each language's raw text: pieces, masked-LM loss, closeness to the source."""
    with one_line_errors():
        from ..data.files import require_new_files
        from ..inspection.inspection import inspect_encoder
        from ..reporting.encoder_figures import check_figure, save_figure
        from ..writing import write_json

        if figure is not None:
            check_figure(figure)
        written = [path for path in (json, figure) if path is not None]
        require_new_files(written, overwrite=True, inputs=[Path(encoder), texts, parallel])
        inspection = inspect_encoder(
            encoder,
            texts,
            parallel=parallel,
            source=source,
            limit=limit,
            layer=layer,
            seed=seed,
            progress=True,
        )
        try:
            if json is not None:
                write_json(json, asdict(inspection))
            if figure is not None:
                save_figure(inspection, figure)
        finally:
            print_inspection(inspection)
        say_where({"Numbers": json, "Figure": figure})


def print_inspection(inspection: "Inspection") -> None:
    """Print the numbers as a table with a legend."""
    rows = [_row(report) for report in inspection.languages]
    print(table(rows, header=HEADER, divider=True, aligns=["l", *["r"] * (len(HEADER) - 1)]))
    print(LEGEND.format(window=inspection.window, source=inspection.source, layer=inspection.layer) + "\n")


def _row(report: "LanguageReport") -> list[str]:
    return [
        report.language,
        str(report.texts),
        f"{report.pieces_per_word:.2f}",
        f"{report.pieces_per_character:.2f}",
        f"{100 * report.unknown_share:.1f}",
        f"{100 * report.long_share:.1f}",
        "-" if report.mlm_loss is None else f"{report.mlm_loss:.2f}",
        "-" if report.distance is None else f"{report.distance:.3f}",
        "-" if report.retrieval is None else f"{100 * report.retrieval:.1f}",
        str(report.pairs or "-"),
    ]
