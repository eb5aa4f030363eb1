"""The parts of a figure, as every file of `results/figures` declares them in `FIGURE`."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    import matplotlib.figure
    import plotly.graph_objects

    from xoresnet.results.tables.loading import RunTables

__all__ = ["FigureKind"]


class FigureKind(NamedTuple):
    """One figure in its three steps, and its text in the report."""

    place: int
    """Its position in the report; lower comes first."""
    title: str
    reading: str
    """How to read it, in whole sentences."""
    info: Callable[[RunTables], Any]
    """The content, a tuple. Its `missing` says why there is nothing to show, its `notes` what readers must know."""
    plot: Callable[[Any], plotly.graph_objects.Figure]
    """The interactive figure of an info."""
    drawing: Callable[[Any], matplotlib.figure.Figure]
    """The static figure of an info, for a paper."""
    wide: bool = False
    """Whether it takes the full width of the report."""

    def title_of(self, info: Any) -> str:
        """The title above an info: its own, where it says that something else is shown than usual."""
        return getattr(info, "title", "") or self.title
