"""matplotlib figures as SVG that stands in a page: text as text, colours as variables of the page's style."""

import io
import re
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from html import escape
from typing import TYPE_CHECKING, NamedTuple

from ..errors import Errors, requiring

if TYPE_CHECKING:
    from matplotlib.figure import Figure

# Colours that matplotlib writes, and that `to_svg` replaces: no one of them is ever seen.
TEXT, MUTED, GRID, SURFACE, RIGHT, WRONG, ON_COLOUR = (f"#0000{number:02x}" for number in range(1, 8))
SERIES = tuple(f"#0001{number:02x}" for number in range(8))
VARIABLES = {
    TEXT: "text",
    MUTED: "muted",
    GRID: "grid",
    SURFACE: "surface",
    RIGHT: "right",
    WRONG: "wrong",
    ON_COLOUR: "on-colour",
    **{colour: f"series-{number}" for number, colour in enumerate(SERIES)},
}
# What matplotlib writes beside the figure, unless it is asked not to.
NO_METADATA = dict.fromkeys(("Creator", "Date", "Format", "Type"))
MARKERS = ("o", "s", "^", "D", "v", "P", "X", "*")
# Units of a figure, as its widths and heights are given in, to the inch.
UNITS = 72
FONT_SIZE, SMALL = 13, 12
STYLE = {
    "font.size": FONT_SIZE,
    "axes.titlesize": FONT_SIZE,
    "axes.labelsize": FONT_SIZE,
    "xtick.labelsize": SMALL,
    "ytick.labelsize": SMALL,
    "legend.fontsize": SMALL,
    "text.color": TEXT,
    "axes.labelcolor": MUTED,
    "axes.edgecolor": GRID,
    "axes.facecolor": "none",
    "figure.facecolor": "none",
    "axes.titlelocation": "left",
    "xtick.color": GRID,
    "ytick.color": GRID,
    "xtick.labelcolor": MUTED,
    "ytick.labelcolor": TEXT,
    "grid.color": GRID,
    "axes.axisbelow": True,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "legend.frameon": False,
    # A label may hold a dollar sign.
    "text.parse_math": False,
    "svg.fonttype": "none",
}


class Table(NamedTuple):
    """The numbers of a figure.

    header (Sequence[str]): Names of the columns.
    rows (Sequence[Sequence[str]]): Cells, the first of each row being its name.
    """

    header: Sequence[str]
    rows: Sequence[Sequence[str]]


class Words(NamedTuple):
    """What a figure says to those who don't see it.

    name (str): What its ids start with, so that a page may hold several.
    title (str): What it shows.
    description (str): What is to be seen.
    """

    name: str
    title: str
    description: str


class Picture(NamedTuple):
    """A figure with its words and its numbers.

    name (str): What its ids start with.
    title (str): What it shows.
    description (str): What is to be seen, in words.
    svg (str): The figure.
    width (int): Its width in pixels where there is room.
    table (Table): Its numbers.
    narrow (str): The figure for a phone, "" for the same.
    """

    name: str
    title: str
    description: str
    svg: str
    width: int
    table: Table
    narrow: str = ""


def require_matplotlib(option: str) -> None:
    """Check, before any work, that figures can be drawn.

    option (str): The option of the command that asks for them.
    RAISES (ImportError): matplotlib is missing; the message names the extra.
    """
    with requiring(Errors.X737, option=option):
        import matplotlib.figure  # noqa: F401


@contextmanager
def drawing(width: int, height: int) -> "Iterator[Figure]":
    """Draw a figure in the style of the report.

    width (int): Its width in units, one of which is a pixel of the page.
    height (int): Its height.
    YIELDS (Figure): The figure.
    """
    import matplotlib
    from matplotlib.figure import Figure

    with matplotlib.rc_context(STYLE), warnings.catch_warnings():
        # The page's fonts have what matplotlib's own has not.
        warnings.filterwarnings("ignore", message=r"Glyph .* missing from font")
        yield Figure(figsize=(width / UNITS, height / UNITS), layout="constrained")


def to_svg(figure: "Figure", words: Words) -> str:
    """Write a figure as an SVG element.

    figure (Figure): The figure, drawn within `drawing`.
    words (Words): Its words.
    RETURNS (str): The element.
    """
    import matplotlib

    name = words.name
    stream = io.StringIO()
    with matplotlib.rc_context({"svg.hashsalt": name}):
        figure.savefig(stream, format="svg", metadata=NO_METADATA)
    svg = stream.getvalue()
    svg = svg[svg.index("<svg") :]
    # A style element would be the whole page's.
    svg = re.sub(r"<defs>\s*<style[^>]*>.*?</style>\s*</defs>\s*", "", svg, count=1, flags=re.DOTALL)
    svg = re.sub(r'\bid="([^"]+)"', rf'id="{name}-\1"', svg)
    svg = re.sub(r'(href="#|url\(#)', rf"\1{name}-", svg)
    for colour, variable in VARIABLES.items():
        svg = svg.replace(colour, f"var(--{variable})")
    svg = re.sub(r"\n\s*", "\n", svg)
    (view,) = re.findall(r'viewBox="[^"]+"', svg[: svg.index(">")])
    head = (
        f'<svg xmlns="http://www.w3.org/2000/svg" xmlns:xlink="http://www.w3.org/1999/xlink" {view} '
        f'role="img" aria-labelledby="{name}-title {name}-desc">'
        f'<title id="{name}-title">{escape(words.title)}</title>'
        f'<desc id="{name}-desc">{escape(words.description)}</desc>'
    )
    return head + svg[svg.index(">") + 1 :].strip()
