"""The look of the static figures, which suit a paper: one column wide (3.5 in) or two (7 in)."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from io import BytesIO
from typing import TYPE_CHECKING, Any, Literal

from xoresnet.results.figures.kit.axes import Axis, round_ticks
from xoresnet.results.figures.kit.palette import GREY

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

__all__ = ["COLUMN", "LABEL_BOX", "PAGE", "blank", "drawing", "paper_style", "plain_text", "set_axis", "set_title"]

COLUMN, PAGE = 3.5, 7.0
"""Widths in inches."""
_NOTEBOOK_DPI = 144
_BESIDE = 0.13
"""Inches at both sides, into which the label of the last tick may reach."""
LABEL_BOX: Any = {"boxstyle": "square,pad=0.1", "facecolor": "white", "alpha": 0.75, "linewidth": 0}
"""The background of a label that may lie over marks."""
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
    "svg.fonttype": "none",  # text stays text, also in PDF
    "pdf.fonttype": 42,
    "svg.hashsalt": "xoresnet",  # equal figures give equal files
}


@contextmanager
def paper_style() -> Iterator[None]:
    """The style within a `with` block; figures must be saved within it, too."""
    from matplotlib import rc_context  # here, because infos are made without matplotlib

    with rc_context(_STYLE):
        yield


@contextmanager
def drawing(
    width: float, height: float, rows: int = 1, columns: int = 1, **options: Any
) -> Iterator[tuple[Figure, Any]]:
    """A figure and its axes, as `Figure.subplots` returns them, without a window or global state. Sizes in inches."""
    from matplotlib.layout_engine import ConstrainedLayoutEngine

    with paper_style():
        layout = ConstrainedLayoutEngine(w_pad=_BESIDE)
        figure = _figure_class()(figsize=(width, height), layout=layout)
        yield figure, figure.subplots(rows, columns, **options)


@cache
def _figure_class() -> type[Figure]:
    """Figures that a notebook shows although pyplot does not know them, and that are saved in their style."""
    from matplotlib.figure import Figure  # here, because infos are made without matplotlib

    class PaperFigure(Figure):
        def savefig(self, fname: Any, **options: Any) -> None:
            with paper_style():
                super().savefig(fname, **options)

        def _repr_png_(self) -> bytes:
            picture = BytesIO()
            self.savefig(picture, format="png", dpi=_NOTEBOOK_DPI)
            return picture.getvalue()

    return PaperFigure


def set_title(figure: Figure, title: str) -> Figure:
    """The figure with a title above it; none if it is empty."""
    if title:
        figure.suptitle(plain_text(title), fontsize=8, x=0.02, ha="left")
    return figure


def blank(sentence: str) -> Figure:
    """A figure without content that shows a sentence."""
    with drawing(COLUMN, 0.8) as (figure, axes):
        axes.set_axis_off()
        axes.text(
            0.5, 0.5, plain_text(sentence), ha="center", va="center", wrap=True, color=GREY, transform=axes.transAxes
        )
    return figure


def set_axis(axes: Axes, side: Literal["x", "y"], axis: Axis) -> None:
    """Label and scale an axis for a metric; side: which of the two axes."""
    from matplotlib.ticker import EngFormatter, FixedLocator, FuncFormatter, NullFormatter

    target = axes.xaxis if side == "x" else axes.yaxis
    target.set_label_text(plain_text(axis.label))
    if axis.log:
        (axes.set_xscale if side == "x" else axes.set_yscale)("log")
        target.set_major_locator(FixedLocator(round_ticks(*sorted(target.get_view_interval()))))
        target.set_major_formatter(EngFormatter(sep=""))
        target.set_minor_formatter(NullFormatter())
    elif axis.share:
        target.set_major_formatter(FuncFormatter(lambda value, _: f"{100 * value:.4g}"))


def plain_text(text: str) -> str:
    """Text with dollar signs escaped, so that matplotlib finds no formulas in it."""
    return text.replace("$", r"\$")
