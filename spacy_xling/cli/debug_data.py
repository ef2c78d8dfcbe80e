"""`spacy xling debug-data`: what labelled and raw text contain, and what may go wrong."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from wasabi import msg, table

from .app import Panel, app, example, one_line_errors
from .options import Dev, DictionariesPath, TranslationsPath, Unlabelled

if TYPE_CHECKING:
    from ..configs.debugging import DataReport


@app.command(
    "debug-data",
    rich_help_panel=Panel.DATA,
    epilog=example("debug-data corpus/train.spacy --test corpus/test.spacy --unlabelled raw"),
)
def debug_data_command(
    labelled: Annotated[Path, typer.Argument(help="Labelled text to train on: what `convert` takes")],
    dev: Dev = None,
    test: Annotated[
        Path | None,
        typer.Option("--test", "-t", help="Labelled text to test on, e.g. a folder by language"),
    ] = None,
    unlabelled: Unlabelled = None,
    dictionaries: DictionariesPath = None,
    translations: TranslationsPath = None,
    encoder: Annotated[
        str | None, typer.Option("--encoder", "-e", help="Checkpoint, to find texts over its window")
    ] = None,
) -> None:
    """Look at data before training: labels and languages, duplicates, text shared by train and test,
    languages without raw text or dictionary, translations that are missing, texts over the encoder's window.
    """
    with one_line_errors():
        from ..configs.debugging import debug_data
        from ..dictionaries.reader import build_dictionaries_v1
        from ..translate_train.translations_reader import build_translations_v1

        report = debug_data(
            labelled,
            dev=dev,
            test=test,
            unlabelled=unlabelled,
            dictionaries=build_dictionaries_v1(dictionaries) if dictionaries else None,
            translations=build_translations_v1(translations) if translations else None,
            encoder=encoder,
        )
    print_report(report)


def print_report(report: "DataReport") -> None:
    """Print tables and findings."""
    for part, found in report.parts.items():
        msg.divider(part)
        header = ("label", *found.languages, "all")
        rows = [
            (
                label,
                *(f"{found.labels[label].get(language, 0):,}" for language in found.languages),
                f"{count:,}",
            )
            for label, count in found.label_counts.items()
        ]
        footer = ("texts", *(f"{n:,}" for n in found.languages.values()), f"{found.texts:,}")
        aligns = ("l", *"r" * (len(header) - 1))
        print(table(rows, header=header, footer=footer, divider=True, aligns=aligns))
    print_rows(
        "raw text",
        ("language", "lines"),
        [(language, f"{lines:,}") for language, lines in report.raw.items()],
    )
    print_rows(
        "dictionaries",
        ("dictionary", "entries", "of the words of train"),
        [
            (found.name, f"{found.entries:,}", f"{100 * found.coverage.share:.1f} %")
            for found in report.dictionaries
        ],
    )
    print_rows(
        "translations",
        ("language", "texts", "of the texts of train"),
        [(found.language, f"{found.texts:,}", f"{100 * found.share:.1f} %") for found in report.translations],
    )
    msg.divider("findings")
    for finding in report.findings:
        msg.warn(finding)
    if not report.findings:
        msg.good("No problems found")


def print_rows(title: str, header: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    """Print a table under its title, if it has rows, of a name and numbers each."""
    if rows:
        msg.divider(title)
        print(table(rows, header=header, divider=True, aligns=("l", *"r" * (len(header) - 1))))
