"""Options that several commands share."""

from pathlib import Path
from typing import Annotated, Any

import typer
from spacy.util import load_config
from thinc.api import Config

from ..errors import Errors, one_line
from ..types import JsonDict


def path_option(*names: str, help: str) -> Any:
    """An option for a path that a variable of a spaCy project may leave empty; without names it has that of
    the argument.
    """
    return typer.Option(*names, help=help, parser=lambda text: Path(text) if text else None, metavar="PATH")


def read_config(path: Path, overrides: JsonDict) -> Config:
    """Read a config file, with settings by dot name that were given as options, and don't interpolate it.

    RAISES (ValueError): X745: it can't be read, or isn't text.
    """
    try:
        return load_config(path, overrides=overrides, interpolate=False)
    except (OSError, UnicodeDecodeError) as error:
        raise ValueError(Errors.X745.format(path=path, error=one_line(error))) from error


Dev = Annotated[
    Path | None,
    typer.Option(
        "--dev",
        "-d",
        help="Labelled text to choose the checkpoint by: a file, or a folder of files by language",
    ),
]
Unlabelled = Annotated[
    Path | None,
    path_option("--unlabelled", "-u", help="Raw text: a folder of files by language"),
]
DictionariesPath = Annotated[
    Path | None,
    path_option("--dictionaries", help="Dictionaries: a folder of files as en-da.tsv, or a file"),
]
TranslationsPath = Annotated[
    Path | None,
    path_option(
        "--translations",
        help="Translations of the labelled text: a folder of files by language, as `translate` writes it",
    ),
]
TrainedPipeline = Annotated[Path, typer.Argument(help="Trained pipeline")]
EncoderName = Annotated[str, typer.Argument(help="Hub name or folder of a masked-LM encoder")]
RawTextPath = Annotated[Path, typer.Argument(help="Raw text: a file, or a folder of files by language")]
ParallelTextPath = Annotated[
    Path, typer.Argument(help="Parallel text: a folder of files as en-da.tsv, or a file")
]
NewFolder = Annotated[Path, typer.Option("--output", "-o", help="Folder to write")]
Numbers = Annotated[Path | None, typer.Option("--json", help="File to write all numbers to")]
Languages = Annotated[str, typer.Option(help="Languages to read, as da,de", show_default="all")]
LanguageOfFile = Annotated[
    str | None,
    typer.Option(help="Language of texts that don't name theirs", show_default="the file's name"),
]
SamplingSeed = Annotated[int, typer.Option(min=0, help="Seed of samples and masks")]
LanguageBalance = Annotated[float, typer.Option(help="Balance of languages: 1 by size, 0 all alike")]
Resume = Annotated[bool, typer.Option("--resume", help="Continue a run that was stopped")]
OverwriteFiles = Annotated[bool, typer.Option("--overwrite", help="Replace files that are there")]
OverwritePipeline = Annotated[bool, typer.Option("--overwrite", help="Replace a pipeline that is there")]
OverwriteEncoder = Annotated[bool, typer.Option("--overwrite", help="Replace the existing encoder")]
Code = Annotated[
    Path | None,
    typer.Option("--code", "-c", help="Python file to import first, e.g. with registered functions"),
]
TextField = Annotated[str, typer.Option(help="Field, or column, of the text")]
LanguageField = Annotated[str, typer.Option(help="Field of a text's language")]
Separator = Annotated[str, typer.Option(help="Separator of the labels of a list in a table")]
Quotes = Annotated[
    bool,
    typer.Option("--quotes/--no-quotes", help="Fields of a table may be quoted, or quotes are text"),
]
Gpu = Annotated[int, typer.Option("--gpu-id", "-g", help="GPU ID or -1 for CPU")]


# For a command that takes settings of a config as options.
PASS_ON = {"allow_extra_args": True, "ignore_unknown_options": True}
