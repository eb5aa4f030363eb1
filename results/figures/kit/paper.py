"""How the static figures look: as a paper wants them, in one column (3.4 in) or two (7 in)."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from xoresnet.results.figures.kit.axes import Axis, round_ticks
from xoresnet.results.figures.kit.palette import GREY

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

__all__ = ["COLUMN", "PAGE", "blank", "drawing", "paper_style", "plain_text", "set_axis"]

COLUMN, PAGE = 3.4, 7.0
"""Widths in inches."""
_STYLE: Any = {  # matplotlib types its keys one by one
    "font.size": 8,
    "axes.labelsize": 8,
    "axes.linewidth": 0.6,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": True,
    "axes.axisbelow": True,
    "grid.color": "#e4e6ea",
    "grid.linewidth": 0.5,
    "legend.fontsize": 7,
    "legend.frameon": False,
    "legend.handlelength": 1.4,
    "xtick.labelsize": 7,
    "ytick.labelsize": 7,
    "xtick.major.width": 0.6,
    "ytick.major.width": 0.6,
    "lines.linewidth": 1.0,
    "savefig.dpi": 300,
    "svg.fonttype": "none",  # text stays text, in PDF too
    "pdf.fonttype": 42,
    "svg.hashsalt": "xoresnet",  # the same figure, the same file
}


@contextmanager
def paper_style() -> Iterator[None]:
    """Our looks, until the block ends; figures must be saved within it as well."""
    from matplotlib import rc_context

    with rc_context(_STYLE):
        yield


@contextmanager
def drawing(width: float, height: float, rows: int = 1, columns: int = 1, **options: Any) -> Iterator[tuple[Any, Any]]:
    """A figure and its axes, as `Figure.subplots` makes them; it belongs to no window and no global state."""
    from matplotlib.figure import Figure

    with paper_style():
        made = Figure(figsize=(width, height), layout="constrained")
        yield made, made.subplots(rows, columns, **options)


def blank(sentence: str) -> Figure:
    """What a figure says that has nothing to show."""
    with drawing(COLUMN, 0.8) as (made, axes):
        axes.set_axis_off()
        axes.text(
            0.5, 0.5, plain_text(sentence), ha="center", va="center", wrap=True, color=GREY, transform=axes.transAxes
        )
    figure: Figure = made
    return figure


def set_axis(axes: Axes, way: str, axis: Axis) -> None:
    """A metric's axis in matplotlib's words; way: `x` or `y`."""
    from matplotlib.ticker import EngFormatter, FixedLocator, FuncFormatter, NullFormatter

    target = axes.xaxis if way == "x" else axes.yaxis
    target.set_label_text(plain_text(axis.label))
    if axis.log:
        (axes.set_xscale if way == "x" else axes.set_yscale)("log")
        target.set_major_locator(FixedLocator(round_ticks(*sorted(target.get_view_interval()))))
        target.set_major_formatter(EngFormatter(sep=""))
        target.set_minor_formatter(NullFormatter())
    elif axis.share:
        target.set_major_formatter(FuncFormatter(lambda value, _: f"{100 * value:.4g}"))


def plain_text(text: str) -> str:
    """Text in which matplotlib finds no formulas."""
    return text.replace("$", r"\$")
