"""The command line's root, and how a command fails."""

import os
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import typer
from spacy.cli._util import app as spacy_app
from wasabi import msg

HELP = "Label in one language, ship in many: from raw text to an encoder, and training that can be resumed."

app = typer.Typer(name="xling", help=HELP, no_args_is_help=True, rich_markup_mode=None)
spacy_app.add_typer(app)


@app.callback(help=HELP)
def root() -> None:
    """Keeps a command's name needed where there is only one, which Typer would take for the whole."""


@contextmanager
def one_line_errors() -> Iterator[None]:
    """Print an error of this package as its one line, and leave with status 1; others keep their traceback.

    RAISES (typer.Exit): An error with a code was raised.
    """
    try:
        yield
    except (ValueError, OSError, ImportError) as error:
        if not str(error).startswith("[X"):
            raise
        msg.fail(str(error))
        raise typer.Exit(1) from error


@contextmanager
def coded_warnings() -> Iterator[None]:
    """Print the warnings of this package as their one line; others as they are."""
    with warnings.catch_warnings():
        shown_otherwise = warnings.showwarning

        def show(message: Warning | str, *place: Any, **more: Any) -> None:
            if str(message).startswith("[W"):
                msg.warn(str(message))
            else:
                shown_otherwise(message, *place, **more)

        warnings.simplefilter("always", UserWarning)
        warnings.showwarning = show
        yield


def echo(text: str) -> None:
    """Print text with colours, where the output is a terminal and NO_COLOR isn't set.

    text (str): The text, styled.
    """
    # None leaves it to whether it is a terminal.
    typer.echo(text, color=False if "NO_COLOR" in os.environ else None)


def names(value: str) -> list[str]:
    """The names of a list with commas between them.

    value (str): The list, e.g. "da,de".
    RETURNS (list[str]): The names.
    """
    return [name.strip() for name in value.split(",") if name.strip()]
