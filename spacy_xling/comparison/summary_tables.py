"""A comparison as text, as Markdown and as plain data."""

from collections.abc import Callable, Sequence

from wasabi import table

from ..types import JsonDict
from .seed_statistics import LEVEL, Difference, Spread
from .summary import PIECES, PROCESSOR, SECONDS, STEPS, Summary, signed

SCORE_TITLES = {"accuracy": "accuracy, %", "macro_f1": "macro F1, %"}


# Titles of the columns, and rows of cells.
Part = tuple[list[str], list[list[str]]]


def format_text(summary: Summary) -> str:
    """The comparison for a console: tables, notes and conclusions."""
    tables = [
        str(table(rows, header=header, divider=True, aligns=_aligns(header)))
        for header, rows in _parts(summary)
    ]
    return "\n".join([*tables, *_notes(summary), "", *summary.conclusions.values()])


def format_markdown(summary: Summary) -> str:
    """The comparison as Markdown: conclusions, tables and notes."""
    blocks = ["\n".join(f"- {text}" for text in summary.conclusions.values())]
    for header, rows in _parts(summary):
        rule = ["---" if align == "l" else "---:" for align in _aligns(header)]
        lines = [header, rule, *rows]
        blocks.append("\n".join("| " + " | ".join(cells) + " |" for cells in lines))
    blocks.append("\n".join(_notes(summary)))
    return "\n\n".join(block for block in blocks if block) + "\n"


def to_plain(summary: Summary) -> JsonDict:
    """The comparison's fields as plain data for JSON; numbers over seeds are objects."""
    plain: JsonDict = summary._asdict()
    for name in ("scores", "differences", "compute"):
        plain[name] = {
            row: {recipe: None if cell is None else cell._asdict() for recipe, cell in cells.items()}
            for row, cells in plain[name].items()
        }
    return {**plain, "level": LEVEL}


def _parts(summary: Summary) -> list[Part]:
    recipes, others = summary.recipes, summary.recipes[1:]
    scores = [
        [_row_title(summary, row), *(_cell(summary.scores[row].get(recipe)) for recipe in recipes)]
        for row in summary.rows
    ]
    parts = [([SCORE_TITLES[summary.score], *recipes], scores), _compute_part(summary)]
    if others:
        rows = [
            [
                _row_title(summary, row),
                *(_difference_cell(summary.differences[row][recipe]) for recipe in others),
            ]
            for row in summary.rows
        ]
        parts.insert(1, ([f"points above {recipes[0]}", *others], rows))
    return parts


def _compute_part(summary: Summary) -> Part:
    def row(title: str, name: str, form: Callable[[float], str]) -> list[str]:
        found = (summary.compute.get(recipe, {}).get(name) for recipe in summary.recipes)
        return [title, *(_cell(cell, form) for cell in found)]

    def thousands(value: float) -> str:
        return f"{value / 1000:,.1f}"

    rows = [
        row("optimiser steps", STEPS, "{:,.0f}".format),
        row("encoder passes, 1,000 pieces", PIECES, thousands),
        row("of them to make the encoder", "adaptation_pieces", thousands),
        row("seconds", SECONDS, "{:,.0f}".format),
        row("seconds of a processor", PROCESSOR, "{:,.0f}".format),
    ]
    return ["training of one pipeline", *summary.recipes], rows


def _notes(summary: Summary) -> list[str]:
    counts = {recipe: cells.n for recipe, cells in summary.scores[summary.rows[0]].items()}
    numbers = sorted(set(counts.values()))
    if len(numbers) == 1 and len(counts) == len(summary.recipes):
        over = f"{numbers[0]} seed{'s' if numbers[0] > 1 else ''}"
    else:
        over = "seeds (" + ", ".join(f"{recipe}: {counts.get(recipe, 0)}" for recipe in summary.recipes) + ")"
    notes = [
        f"Mean and standard deviation over {over}; the checkpoint that is best on the source's dev text."
    ]
    if len(summary.recipes) > 1:
        notes.append(
            f"Differences are paired by seed; in brackets their {LEVEL:.0%} interval by Student's t over "
            f"seeds, each for itself.".replace("%", " %")
        )
    return notes


def _row_title(summary: Summary, row: str) -> str:
    return f"{row} (source)" if row == summary.source else row


def _cell(spread: Spread | None, form: Callable[[float], str] = "{:.1f}".format) -> str:
    if spread is None:
        return "-"
    return form(spread.mean) + ("" if spread.deviation is None else f" ± {form(spread.deviation)}")


def _difference_cell(difference: Difference | None) -> str:
    if difference is None:
        return "-"
    mean = f"{difference.mean:+.1f}"
    if difference.low is None or difference.high is None:
        return mean
    return f"{mean} ({signed(difference.low)} to {signed(difference.high)})"


def _aligns(header: Sequence[str]) -> Sequence[str]:
    return ("l", *"r" * (len(header) - 1))
