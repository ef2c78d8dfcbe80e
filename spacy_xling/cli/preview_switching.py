"""`spacy xling preview-switching`: code-switched texts as the model will see them."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from .app import Panel, app, echo, example, names, one_line_errors
from .options import LanguageBalance

if TYPE_CHECKING:
    from ..switching.previewing import TextPreview


@app.command(
    "preview-switching",
    rich_help_panel=Panel.DATA,
    epilog=example("preview-switching corpus/train.spacy dictionaries"),
)
def preview_switching_command(
    labelled: Annotated[Path, typer.Argument(help="Labelled text: what `convert` takes")],
    dictionaries: Annotated[
        Path, typer.Argument(help="Dictionaries: a folder of files as en-da.tsv, or a file")
    ],
    n: Annotated[int, typer.Option("--n", min=1, help="Texts: a sample")] = 5,
    share: Annotated[float, typer.Option(help="Share of the texts that are switched")] = 1.0,
    rate: Annotated[float, typer.Option(help="Share of their words, of those that the dictionary has")] = 1.0,
    by: Annotated[
        Literal["text", "word"], typer.Option(help="Draw a language for each text or word")
    ] = "text",
    alpha: LanguageBalance = 0.0,
    seed: Annotated[int, typer.Option(min=0, help="Seed of sample and draws")] = 0,
    source: Annotated[str | None, typer.Option(help="Language of the words", show_default="all")] = None,
    targets: Annotated[
        str, typer.Option(help="Languages of the translations, as da,de", show_default="all")
    ] = "",
) -> None:
    """Labelled texts as the model will see them with code-switching, with what was there before."""
    with one_line_errors():
        from ..dictionaries.reader import build_dictionaries_v1
        from ..switching.code_switching import build_code_switching_v1
        from ..switching.previewing import preview_switching

        settings = build_code_switching_v1(share, rate, by, alpha, seed)
        reader = build_dictionaries_v1(dictionaries, source=source, targets=names(targets))
        for preview in preview_switching(labelled, reader(), settings, n=n):
            echo(format_preview(preview))


def format_preview(preview: "TextPreview") -> str:
    """A text after switching, its words, with the language and the old word at each replaced one, and a
    blank line.
    """
    words = (
        word.text
        if (found := word.replacement) is None
        else typer.style(f"[{found.target} {found.translation}<-{word.text}]", fg="yellow")
        for word in preview.words
    )
    return f"{typer.style(preview.now, bold=True)}\n{' '.join(words)}\n"
