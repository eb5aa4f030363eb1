"""The figures of a run: what each shows, an interactive picture of it, and one for a paper.

    from xoresnet.results import load
    from xoresnet.results.figures import FIGURES

    info = FIGURES["front"].info(load("runs/digits"))
    FIGURES["front"].plot(info).show()
    FIGURES["front"].drawing(info).savefig("front.pdf")

Files are imported when a figure is first asked for, plotly and matplotlib when it is drawn.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from importlib import import_module
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    import matplotlib.figure
    import plotly.graph_objects

    from xoresnet.results.tables.loading import Run

__all__ = ["FIGURES", "FigureKind"]


class FigureKind(NamedTuple):
    """One figure in its steps, with what a report says of it."""

    info: Callable[[Run], Any]
    """What it shows; `missing` says why there is nothing, `notes` what the reader must know."""
    plot: Callable[[Any], plotly.graph_objects.Figure]
    """Interactive."""
    drawing: Callable[[Any], matplotlib.figure.Figure]
    """For a paper."""
    title: str
    reading: str
    """How to read it."""


class _Kinds(Mapping[str, FigureKind]):
    """By name, in the order of the report; each figure has a file of its name."""

    _NAMES = (
        "front", "confirmed", "hypervolume", "curves", "ablation", "rates", "parallel", "importance", "predicted",
        "timeline",
    )  # fmt: skip

    def __getitem__(self, name: str) -> FigureKind:
        if name not in self._NAMES:
            raise KeyError(name)
        home = import_module(f"{__name__}.{name}")
        info, plot, drawing = (getattr(home, f"{name}_{step}") for step in ("info", "plot", "drawing"))
        return FigureKind(info, plot, drawing, home.TITLE, home.READING)

    def __iter__(self) -> Iterator[str]:
        return iter(self._NAMES)

    def __len__(self) -> int:
        return len(self._NAMES)


FIGURES: Mapping[str, FigureKind] = _Kinds()
