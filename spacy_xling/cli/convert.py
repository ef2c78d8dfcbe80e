"""`spacy xling convert`: labelled text from one kind of file to another."""

from pathlib import Path
from typing import Annotated, Literal

import typer
from wasabi import msg

from .app import Panel, app, coded_warnings, example, one_line_errors
from .options import LanguageField, LanguageOfFile, Quotes, Separator, TextField


@app.command(
    "convert",
    rich_help_panel=Panel.DATA,
    epilog=example("convert messages.csv corpus --language en --dev-share 0.1 --test-share 0.1"),
)
def convert_command(
    texts: Annotated[
        Path,
        typer.Argument(
            help="Labelled text: .jsonl, .csv, .tsv (also .gz), .spacy, or a folder of files by language"
        ),
    ],
    output: Annotated[
        Path, typer.Argument(help="File to write, its extension says the kind; a folder for a split")
    ],
    dev_share: Annotated[float, typer.Option(help="Split: share of the texts for dev")] = 0.0,
    test_share: Annotated[float, typer.Option(help="Split: share of the texts for test")] = 0.0,
    kind: Annotated[
        Literal["spacy", "jsonl", "csv", "tsv"], typer.Option(help="Split: kind of the files")
    ] = "spacy",
    text: TextField = "text",
    label: Annotated[str, typer.Option(help="Field of a text's one label")] = "label",
    labels: Annotated[str, typer.Option(help="Field of a text's list of labels")] = "labels",
    lang: LanguageField = "lang",
    language: LanguageOfFile = None,
    separator: Separator = ",",
    quotes: Quotes = True,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace what is there")] = False,
) -> None:
    """Convert labelled text between .spacy, JSONL, CSV and TSV.

    `spacy evaluate` and `spacy find-threshold` read .spacy. Languages and labels are kept. With --dev-share
    or --test-share the texts are split: each label has the same share in each part, and texts of the same
    wording are in the same part.
    """
    with one_line_errors(), coded_warnings():
        from ..data.conversion import convert
        from ..data.labelled import build_labelled_text_v1

        corpus = build_labelled_text_v1(
            texts,
            text=text,
            label=label,
            labels=labels,
            lang=lang,
            language=language,
            separator=separator,
            quoted=quotes,
        )
        written = convert(
            corpus,
            output,
            dev_share=dev_share,
            test_share=test_share,
            kind=kind,
            separator=separator,
            overwrite=overwrite,
        )
    for path, count in written.items():
        msg.good(f"{path}: {count:,} texts")
