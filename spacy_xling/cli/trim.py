"""`spacy xling trim`: an encoder with the pieces that some texts need, and no others."""

from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from .app import Panel, app, example, names, one_line_errors
from .options import OverwriteEncoder, RawTextPath


@app.command(
    "trim",
    rich_help_panel=Panel.ENCODER,
    epilog=example("trim xlm-roberta-base raw --output trimmed"),
)
def trim_command(
    encoder: Annotated[str, typer.Argument(help="Masked-LM checkpoint: hub name or folder")],
    texts: RawTextPath,
    output: Annotated[Path, typer.Option("--output", "-o", help="Folder to write, new or empty")],
    languages: Annotated[
        str, typer.Option("--languages", "-l", help="Languages to read, as da,de", show_default="all")
    ] = "",
    language: Annotated[
        str | None, typer.Option("--language", help="Language of the texts in a single file")
    ] = None,
    max_pieces: Annotated[
        int | None,
        typer.Option("--max-pieces", "-n", help="The most pieces to keep, special ones included"),
    ] = None,
    min_count: Annotated[
        int, typer.Option("--min-count", "-c", help="Keep pieces that occur this often in a language")
    ] = 1,
    alpha: Annotated[
        float, typer.Option("--alpha", help="With --max-pieces: 0 treats languages alike, 1 goes by size")
    ] = 0.3,
    overwrite: OverwriteEncoder = False,
    field: Annotated[str, typer.Option("--field", help="Field of the text in JSONL")] = "text",
    json: Annotated[Path | None, typer.Option("--json", help="File to write the report to, as JSON")] = None,
) -> None:
    """Cut the vocabulary of an encoder to the pieces that occur in TEXTS.

    Word embeddings, decoder and tokenizer lose all other pieces. A text whose pieces are kept has the same
    pieces and hidden states as before. The result is an ordinary Hugging Face folder.
    """
    with one_line_errors():
        from ..data.files import require_new_files
        from ..trimming.report import format_report
        from ..trimming.trimming import trim_encoder
        from ..writing import write_json

        require_new_files([json] if json is not None else [], overwrite=True, inputs=[Path(encoder), texts])
        report = trim_encoder(
            encoder,
            texts,
            output,
            languages=names(languages),
            language=language,
            field=field,
            min_count=min_count,
            max_pieces=max_pieces,
            alpha=alpha,
            overwrite=overwrite,
            progress=True,
        )
        try:
            if json is not None:
                write_json(json, asdict(report))
        finally:
            print(format_report(report))
