"""Options that several commands share."""

from pathlib import Path
from typing import Annotated, Any, Optional

import typer
from spacy.util import load_config
from thinc.api import Config

from ..errors import Errors, one_line


def path_or_none(text: str) -> Optional[Path]:
    """A path, or None for an empty text, which a variable of a spaCy project may hold."""
    return Path(text) if text else None


def read_config(path: Path, overrides: dict[str, Any]) -> Config:
    """Read a config file, with the settings given as options.

    path (Path): The file.
    overrides (dict[str, Any]): Settings by dot name.
    RETURNS (Config): The config, not interpolated.
    RAISES (ValueError): X745: it can't be read, or isn't text.
    """
    try:
        return load_config(path, overrides=overrides, interpolate=False)
    except (OSError, UnicodeDecodeError) as error:
        raise ValueError(Errors.X745.format(path=path, error=one_line(error))) from error


Dev = Annotated[
    Optional[Path],
    typer.Option(
        "--dev",
        "-d",
        help="Labelled text to choose the checkpoint by: a file, or a folder of files by language",
    ),
]
Unlabelled = Annotated[
    Optional[Path],
    typer.Option(
        "--unlabelled",
        "-u",
        help="Raw text: a folder of files by language",
        parser=path_or_none,
        metavar="PATH",
    ),
]
DictionariesPath = Annotated[
    Optional[Path],
    typer.Option(
        "--dictionaries",
        help="Dictionaries: a folder of files as en-da.tsv, or a file",
        parser=path_or_none,
        metavar="PATH",
    ),
]
TranslationsPath = Annotated[
    Optional[Path],
    typer.Option(
        "--translations",
        help="Translations of the labelled text: a folder of files by language, as `translate` writes it",
        parser=path_or_none,
        metavar="PATH",
    ),
]
OverwriteEncoder = Annotated[bool, typer.Option("--overwrite", help="Replace the existing encoder")]
Code = Annotated[
    Optional[Path],
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
