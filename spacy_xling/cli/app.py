"""The command line's root, how a command fails, and how it prints."""

import os
import re
import sys
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from enum import Enum
from pathlib import Path
from typing import IO, Any

import typer
from spacy.cli._util import app as spacy_app
from typer.core import TyperGroup
from wasabi import msg

from ..errors import Errors, one_line

# How a message of this package starts, and one of spaCy.
CODE, SPACY_CODE = re.compile(r"\[X\d+\]"), re.compile(r"\[E\d+\]")
HELP = "Label in one language, ship in many: data, encoders, training, evaluation and serving."


class Panel(str, Enum):
    """The groups of commands, in the order of the help."""

    DATA = "Data"
    ENCODER = "Encoder"
    TRAIN = "Train"
    EVALUATE = "Evaluate"
    SHIP = "Ship"


class Panels(TyperGroup):
    """A group whose help lists the commands by panel, with rich and without."""

    def panels(self) -> dict[str, list[tuple[str, Any]]]:
        """The commands, with their names, of each panel."""
        listed = sorted(self.commands.items())
        return {panel.value: [item for item in listed if item[1].rich_help_panel == panel] for panel in Panel}

    def format_commands(self, ctx: Any, formatter: Any) -> None:
        longest = max(map(len, self.commands))
        for panel, commands in self.panels().items():
            with formatter.section(panel):
                formatter.write_dl(
                    (name.ljust(longest), command.get_short_help_str(formatter.width - longest - 6))
                    for name, command in commands
                )


def example(line: str) -> str:
    """The end of a command's help: a line as it is typed, which typer leaves as it is."""
    return f"\b\nExample:\n  spacy xling {line}"


app = typer.Typer(name="xling", help=HELP, no_args_is_help=True, rich_markup_mode=None, cls=Panels)
spacy_app.add_typer(app)


@app.callback(help=HELP)
def root(ctx: typer.Context) -> None:
    """Every command keeps its work even if its output can't be printed."""
    ctx.with_resource(patient_output())


class PatientStream:
    """A console's stream that loses no work: it replaces what its encoding can't show, and drops output once
    it can't be written to, because nobody reads it any more (`| head`) or its disk is full.
    """

    def __init__(self, stream: IO) -> None:
        self._stream = stream
        # Why output was dropped; None if only its reader has gone.
        self.error: OSError | None = None
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="replace")

    def write(self, text: str) -> int:
        with self._until_closed():
            self._stream.write(text)
        return len(text)

    def flush(self) -> None:
        with self._until_closed():
            self._stream.flush()

    @contextmanager
    def _until_closed(self) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            self.error = None if isinstance(error, BrokenPipeError) else error
            # Python flushes the stream once more when it exits.
            nowhere = os.open(os.devnull, os.O_WRONLY)
            os.dup2(nowhere, self._stream.fileno())
            os.close(nowhere)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)


@contextmanager
def patient_output() -> Iterator[None]:
    """Let the process print through patient streams until the command ends.

    RAISES (SystemExit): Output was lost; the other stream says so, if it can.
    """
    before = sys.stdout, sys.stderr
    # A closed stream is None.
    patient = [stream and PatientStream(stream) for stream in before]
    # Of a stream they have what is written by, and not all of TextIO.
    sys.stdout, sys.stderr = patient  # type: ignore[assignment]
    try:
        yield
    finally:
        for stream in filter(None, patient):
            stream.flush()
        sys.stdout, sys.stderr = before
    for stream in filter(None, patient):
        if stream.error is not None:
            print(Errors.X004.format(error=stream.error), file=patient[1] or sys.stderr)
            raise SystemExit(1)


@contextmanager
def one_line_errors() -> Iterator[None]:
    """Print an error of this package, or of spaCy, as one line, and exit with status 1; others keep their
    traceback.

    RAISES (typer.Exit): An error with a code was raised.
    """
    try:
        yield
    except (ValueError, OSError, ImportError) as error:
        from ..exporting.serving_wheel import is_serving

        missing = error.__cause__ or error
        if isinstance(missing, ModuleNotFoundError) and is_serving():
            msg.fail(Errors.X005.format(error=missing))
        elif CODE.match(str(error)):
            msg.fail(str(error))
        elif SPACY_CODE.match(str(error)):
            # Some of spaCy's continue with the whole config.
            msg.fail(one_line(error))
        else:
            raise
        raise typer.Exit(1) from error


@contextmanager
def coded_warnings() -> Iterator[None]:
    """Print warnings of this package as one line each; others as they are."""
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


def say_where(files: dict[str, Path | None]) -> None:
    """Say which files were written: each by what it holds, None for one that wasn't asked for."""
    for content, path in files.items():
        if path is not None:
            msg.good(f"{content} in {path}")


def echo(text: str) -> None:
    """Print styled text, in colours if the output is a terminal and NO_COLOR isn't set."""
    # None: in colours on a terminal.
    typer.echo(text, file=sys.stdout, color=False if "NO_COLOR" in os.environ else None)


def names(value: str) -> list[str]:
    """The names in a comma-separated list, e.g. "da,de"."""
    return [name.strip() for name in value.split(",") if name.strip()]
