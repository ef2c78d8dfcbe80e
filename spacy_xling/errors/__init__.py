"""Every message of the package, with its code.

A message is one line that says what was found, what was expected and what to do. The first digit of a code
says where it belongs: 0 all folders, 1 data, 2 pieces, 3 models, 4 objective, 5 pipeline, 6 training and
resuming, 7 configs, encoders, pretraining, trimming, inspection, evaluation, reporting, comparison and
exporting, 8 translation, 9 applying and explaining. A folder without a file here has its messages with the one
whose work it does: those of switching and dictionaries are in `data`, those of the optimiser in `training`.
"""

from collections.abc import Iterator
from contextlib import contextmanager

from . import (
    applying,
    comparison,
    configs,
    data,
    encoders,
    evaluation,
    everywhere,
    explaining,
    exporting,
    inspection,
    models,
    objective,
    pieces,
    pipeline,
    pretraining,
    reporting,
    resuming,
    training,
    translation,
    trimming,
)


class MessagesWithCodes(type):
    """Prefixes each message with its name in square brackets."""

    def __getattribute__(cls, name: str) -> str:
        message: str = super().__getattribute__(name)
        return message if name.startswith("__") else f"[{name}] {message}"


class Errors(
    everywhere.Errors,
    data.Errors,
    pieces.Errors,
    models.Errors,
    objective.Errors,
    pipeline.Errors,
    training.Errors,
    resuming.Errors,
    configs.Errors,
    encoders.Errors,
    pretraining.Errors,
    trimming.Errors,
    inspection.Errors,
    reporting.Errors,
    evaluation.Errors,
    comparison.Errors,
    exporting.Errors,
    translation.Errors,
    applying.Errors,
    explaining.Errors,
    metaclass=MessagesWithCodes,
):
    """All errors by their codes."""


class Warnings(
    data.Warnings,
    models.Warnings,
    pipeline.Warnings,
    training.Warnings,
    pretraining.Warnings,
    trimming.Warnings,
    evaluation.Warnings,
    translation.Warnings,
    explaining.Warnings,
    metaclass=MessagesWithCodes,
):
    """All warnings by their codes."""


def one_line(error: Exception, longest: int | None = 300) -> str:
    """The message of an error, as one line, cut after a number of characters; None cuts nothing."""
    return " ".join(str(error).split())[:longest]


@contextmanager
def requiring(message: str, **said: object) -> Iterator[None]:
    """Import a library that may be missing.

    message (str): What to say where it is, with a place for `error`.
    said: What else the message says.
    RAISES (ImportError): It is missing.
    """
    try:
        yield
    except ImportError as error:
        raise ImportError(message.format(error=one_line(error), **said)) from error
