"""Figures of what an encoder makes of each language."""

import io
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from ..errors import Errors
from ..inspection.inspection import Inspection, LanguageReport
from ..writing import write_file
from .drawing import require_matplotlib

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

SUFFIXES = (".svg", ".png", ".pdf")
BAR, SOURCE_BAR = "#4477aa", "#bbbbbb"
# Inches.
PANEL_WIDTH, ROW_HEIGHT, MARGIN = 2.6, 0.24, 1.4


class Panel(NamedTuple):
    """One of the small multiples: the number of a language, None for no bar, and how it is written."""

    title: str
    value: Callable[[LanguageReport], float | None]
    form: str


def check_figure(path: Path) -> None:
    """Check, before any work, that a figure can be drawn to a file.

    RAISES (ValueError): Its name tells no known kind. (ImportError): matplotlib is missing; the message
        names the extra.
    """
    if path.suffix.lower() not in SUFFIXES:
        raise ValueError(Errors.X736.format(path=path, expected=", ".join(SUFFIXES)))
    require_matplotlib("--figure")


def save_figure(inspection: Inspection, path: Path) -> None:
    """Draw an inspection to a file, which ends in .svg, .png or .pdf.

    RAISES (ImportError): As `draw_inspection`. (OSError): The file can't be written.
    """
    image = io.BytesIO()
    draw_inspection(inspection).savefig(image, format=path.suffix.lower().removeprefix("."), dpi=150)
    write_file(path, image.getvalue())


def draw_inspection(inspection: Inspection) -> "Figure":
    """Draw a panel for each number, with a bar for each language.

    RAISES (ImportError): matplotlib is missing; the message names the extra.
    """
    require_matplotlib("--figure")
    # Not pyplot, whose state is the whole process's.
    from matplotlib.figure import Figure

    chosen = panels(inspection)
    reports = inspection.languages
    size = (PANEL_WIDTH * len(chosen), ROW_HEIGHT * len(reports) + MARGIN)
    figure = Figure(figsize=size, layout="constrained")
    axes = figure.subplots(1, len(chosen), sharey=True, squeeze=False)[0]
    for axis, panel in zip(axes, chosen, strict=True):
        _draw_panel(axis, panel, inspection)
    axes[0].set_yticks(range(len(reports)), [report.language for report in reports])
    axes[0].invert_yaxis()
    figure.suptitle(
        f"{Path(inspection.encoder).name}: layer {inspection.layer}, source {inspection.source} in grey",
        fontsize="medium",
    )
    return figure


def panels(inspection: Inspection) -> list[Panel]:
    """The panels of an inspection, left to right; that of retrieval only where there were pairs."""
    always = [
        Panel("pieces per word", lambda report: report.pieces_per_word, "{:.1f}"),
        Panel("unknown pieces, %", lambda report: 100 * report.unknown_share, "{:.1f}"),
        Panel("masked-LM loss, nats", lambda report: report.mlm_loss, "{:.1f}"),
        Panel("distance to source, MMD²", lambda report: report.distance, "{:.2f}"),
    ]
    if all(report.retrieval is None for report in inspection.languages):
        return always
    return [*always, Panel("retrieval from source, %", _retrieval_percent, "{:.0f}")]


def _retrieval_percent(report: LanguageReport) -> float | None:
    return None if report.retrieval is None else 100 * report.retrieval


def _draw_panel(axis: "Axes", panel: Panel, inspection: Inspection) -> None:
    values = [panel.value(report) for report in inspection.languages]
    colours = [SOURCE_BAR if report.language == inspection.source else BAR for report in inspection.languages]
    bars = axis.barh(range(len(values)), [value or 0 for value in values], color=colours)
    names = ["" if value is None else panel.form.format(value) for value in values]
    axis.bar_label(bars, names, padding=2, fontsize="small")
    axis.set_title(panel.title, fontsize="medium")
    # Room for the numbers beside the bars.
    axis.margins(x=0.25, y=0.02)
    axis.tick_params(axis="x", labelsize="small")
    axis.tick_params(axis="y", length=0)
    axis.spines[["top", "right"]].set_visible(False)
