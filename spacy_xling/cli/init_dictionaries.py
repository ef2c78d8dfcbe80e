"""`spacy xling init-dictionaries`: bilingual dictionaries from parallel text."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from wasabi import msg, table

from .app import Panel, app, example, names, one_line_errors
from .options import NewFolder, OverwriteFiles, ParallelTextPath

if TYPE_CHECKING:
    from ..dictionaries.making import MadeDictionary


@app.command(
    "init-dictionaries",
    rich_help_panel=Panel.DATA,
    epilog=example("init-dictionaries parallel --output dictionaries --labelled corpus/train.spacy"),
)
def init_dictionaries_command(
    parallel: ParallelTextPath,
    output: NewFolder,
    source: Annotated[
        str | None,
        typer.Option(
            help="Language of the labelled text, on either side of a file",
            show_default="that of --labelled, or the files' first",
        ),
    ] = None,
    pairs: Annotated[str, typer.Option(help="Files to read, as en-da,en-de", show_default="all")] = "",
    labelled: Annotated[
        Path | None,
        typer.Option("--labelled", "-l", help="Labelled text, to count how many of its words are covered"),
    ] = None,
    max_pairs: Annotated[int, typer.Option(min=1, help="Most pairs of texts in a file")] = 1_000_000,
    jobs: Annotated[int, typer.Option("--jobs", "-j", min=1, help="Files at a time")] = 1,
    overwrite: OverwriteFiles = False,
) -> None:
    """Make a dictionary from each file of parallel text: words, translations, and how sure these are."""
    with one_line_errors():
        from ..data.parallel import build_parallel_text_v1
        from ..dictionaries.making import init_dictionaries

        made = list(
            init_dictionaries(
                build_parallel_text_v1(parallel, pairs=names(pairs)),
                output,
                source=source,
                labelled=labelled,
                overwrite=overwrite,
                max_pairs=max_pairs,
                jobs=jobs,
                progress=True,
            )
        )
    print_made(made)
    msg.good(f"Saved to {output}")


def print_made(made: "list[MadeDictionary]") -> None:
    """Print a table of dictionaries, and some entries of each."""
    header = ("dictionary", "pairs", "entries", "words", "of the labelled text", "seconds")
    rows = [
        (
            found.path.name,
            f"{found.n_pairs:,}",
            f"{found.n_entries:,}",
            f"{found.n_words:,}",
            "-" if found.coverage is None else f"{100 * found.coverage.share:.1f} %",
            f"{found.seconds:.1f}",
        )
        for found in made
    ]
    print(table(rows, header=header, divider=True, aligns=("l", "r", "r", "r", "r", "r")))
    for found in made:
        print(f"{found.path.name}, e.g. {', '.join(f'{word}: {text}' for word, text, _ in found.sample)}")
