"""The figures of the report that are grids of cells: languages by labels, and what is taken for what."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from ..evaluation.records import ModelScores
from ..evaluation.tables import shortened
from .drawing import ON_COLOUR, RIGHT, TEXT, WRONG, Picture, Table, Words, drawing, to_svg

if TYPE_CHECKING:
    from matplotlib.axes import Axes

CELL_WIDTH, CELL_HEIGHT, WORDS = 42, 27, 120
# From this share on a cell is so dark that its number stands in the other colour.
DARK = 0.7
# A cell of no share at all is seen, too.
FAINT = 0.04
OTHER = "other classes"
OUTCOMES = ("has it, given", "has it, missed", "hasn't, given", "hasn't, not given")


class Grid(NamedTuple):
    """Numbers to show as cells.

    rows (Sequence[str]): Names of the rows.
    columns (Sequence[str]): Names of the columns.
    cells (Sequence[Sequence[str]]): What stands in the cells. *Shape:* (rows, columns)
    shares (Sequence[Sequence[float]]): How strong their colour is, from 0 to 1. *Shape:* (rows, columns)
    is_right (Sequence[Sequence[bool]]): The colour of what is right, or of what is wrong.
        *Shape:* (rows, columns)
    """

    rows: Sequence[str]
    columns: Sequence[str]
    cells: Sequence[Sequence[str]]
    shares: Sequence[Sequence[float]]
    is_right: Sequence[Sequence[bool]]


def label_picture(name: str, model: str, scores: ModelScores, languages: Sequence[str]) -> Picture:
    """Draw the F1 of each label of a pipeline in each language, in their order."""
    rows = [language for language in languages if language in scores.languages]
    found = [[scores.languages[row].labels[label] for label in scores.labels] for row in rows]
    # No text has the label, and none is given it.
    absent = [[not (cell.support or cell.predicted) for cell in row] for row in found]
    shares = [[cell.f1 for cell in row] for row in found]
    cells = [
        ["" if gone else f"{100 * share:.0f}" for gone, share in zip(*pair, strict=True)]
        for pair in zip(absent, shares, strict=True)
    ]
    grid = Grid(rows, scores.labels, cells, shares, [[True] * len(scores.labels)] * len(rows))
    description = (
        f"F1 in percent of {len(scores.labels)} labels (columns) in {len(rows)} languages (rows), "
        "stronger where it is higher; empty where no text has the label."
    )
    title = f"F1 by language and label: {model}"
    table = [(row, *(cell or "-" for cell in line)) for row, line in zip(rows, cells, strict=True)]
    return _draw(grid, name, title, description, Table(("language", *scores.labels), table))


def confusion_picture(name: str, model: str, scores: ModelScores, grid: Grid) -> Picture:
    """Draw what a pipeline takes for what, of all languages together, from `confusion_grid`."""
    title = f"What is taken for what: {model}"
    if scores.exclusive:
        description = (
            "Number of texts by their label (rows) and the label they are given (columns), stronger where "
            "it is a greater share of its row. The diagonal is right."
        )
    else:
        description = (
            "Number of texts, for each label, that have it and are given it, have it and miss it, haven't "
            "and are given it, haven't and aren't; stronger where it is a greater share."
        )
    table = [(row, *cells) for row, cells in zip(grid.rows, grid.cells, strict=True)]
    return _draw(grid, name, title, description, Table(("label", *grid.columns), table))


def confusion_grid(scores: ModelScores, languages: Sequence[str]) -> Grid:
    """Sum the confusion of languages; the last row is that of classes that the pipeline lacks, if any."""
    counts = np.sum([scores.languages[language].confusion for language in languages], axis=0)
    if not scores.exclusive:
        # From true negatives, false positives, false negatives and true positives.
        counts = counts[:, [3, 2, 1, 0]]
        pairs = counts.reshape(-1, 2, 2).sum(axis=2, keepdims=True)
        shares = (counts.reshape(-1, 2, 2) / np.maximum(pairs, 1)).reshape(-1, 4)
        right = np.tile([True, False, False, True], (len(counts), 1))
        return _grid(scores.labels, OUTCOMES, counts, shares, right)
    rows = [*scores.labels, OTHER]
    if not scores.unseen:
        rows, counts = rows[:-1], counts[:-1]
    shares = counts / np.maximum(counts.sum(axis=1, keepdims=True), 1)
    right = np.eye(*counts.shape, dtype=bool)
    # The root, so that one mistake in ten can be seen.
    return _grid(rows, scores.labels, counts, np.sqrt(shares), right)


def _grid(
    rows: Sequence[str], columns: Sequence[str], counts: np.ndarray, shares: np.ndarray, right: np.ndarray
) -> Grid:
    return Grid(rows, columns, counts.astype(str).tolist(), np.round(shares, 3).tolist(), right.tolist())


def _draw(grid: Grid, name: str, title: str, description: str, table: Table) -> Picture:
    from matplotlib.patches import Rectangle

    longest = max(map(len, map(shortened, grid.columns)))
    width = WORDS + CELL_WIDTH * len(grid.columns)
    height = CELL_HEIGHT * len(grid.rows) + 20 + 7 * longest
    with drawing(width, height) as figure:
        axis = figure.subplots()
        for row, column in np.ndindex(len(grid.rows), len(grid.columns)):
            share = grid.shares[row][column]
            cell = Rectangle(
                (column + 0.03, row + 0.04),
                0.94,
                0.92,
                facecolor=RIGHT if grid.is_right[row][column] else WRONG,
                alpha=max(FAINT, share),
                linewidth=0,
                gid=f"cell-{row}-{column}",
                in_layout=False,
            )
            axis.add_patch(cell)
            _write(axis, row, column, grid.cells[row][column], share)
        axis.set(xlim=(0, len(grid.columns)), ylim=(len(grid.rows), 0))
        axis.set_yticks(np.arange(len(grid.rows)) + 0.5, [shortened(row) for row in grid.rows])
        axis.set_xticks(
            np.arange(len(grid.columns)) + 0.5,
            [shortened(column) for column in grid.columns],
            rotation=0 if longest <= 3 else 90,
        )
        axis.xaxis.tick_top()
        axis.tick_params(length=0, labelcolor=TEXT)
        axis.spines[:].set_visible(False)
        svg = to_svg(figure, Words(name, title, description))
    return Picture(name, title, description, svg, width, table)


def _write(axis: "Axes", row: int, column: int, text: str, share: float) -> None:
    axis.text(
        column + 0.5,
        row + 0.52,
        # An element for what the page may write there later.
        text or " ",
        ha="center",
        va="center",
        fontsize=11 if len(text) < 5 else 9,
        color=ON_COLOUR if share > DARK else TEXT,
        gid=f"number-{row}-{column}",
        in_layout=False,
    )
