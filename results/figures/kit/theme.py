"""The look of the interactive figures: fonts, and a light and a dark template."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape
from typing import TYPE_CHECKING, Any

from xoresnet.results.figures.kit.axes import Axis
from xoresnet.results.figures.kit.palette import GREY

if TYPE_CHECKING:
    from plotly.graph_objects import Figure

__all__ = ["TEMPLATES", "plotly_axis", "plotly_figure", "plotly_message"]

_FONT = "system-ui, -apple-system, 'Segoe UI', Roboto, 'Helvetica Neue', Arial, sans-serif"


def _template(ink: str, soft: str, grid: str, paper: str, raised: str, veil: str) -> dict[str, Any]:
    axis = {
        "gridcolor": grid,
        "linecolor": grid,
        "zeroline": False,
        "automargin": True,
        "ticks": "outside",
        "ticklen": 4,
        "tickcolor": "rgba(0,0,0,0)",
        "tickfont": {"color": soft, "size": 12},
        "title": {"standoff": 8, "font": {"size": 13}},
    }
    return {
        "layout": {
            "font": {"family": _FONT, "size": 13, "color": ink},
            "paper_bgcolor": paper,
            "plot_bgcolor": paper,
            "xaxis": axis,
            "yaxis": axis,
            "coloraxis": {"colorbar": {"outlinewidth": 0}},
            "annotationdefaults": {"bgcolor": veil},
            "hoverlabel": {"bgcolor": raised, "bordercolor": soft, "font": {"color": ink, "size": 12.5}},
        }
    }


TEMPLATES = {
    "light": _template("#1d2330", "#5b6473", "#e7eaef", "#ffffff", "#ffffff", "rgba(255,255,255,0.75)"),
    "dark": _template("#e6e9ef", "#9aa4b5", "#2c323d", "#1a1e26", "#272d38", "rgba(26,30,38,0.75)"),
}
"""Background and text colours; the colours of the palette are legible on both."""


def plotly_figure(traces: Sequence[dict[str, Any]], layout: dict[str, Any], height: int = 420) -> Figure:
    """A plotly figure in the light template, as wide as its container; height in pixels."""
    from plotly.graph_objects import Figure  # here, because infos are made without plotly

    common = {
        "template": TEMPLATES["light"],
        "height": height,
        "margin": {"l": 8, "r": 12, "t": 8, "b": 8},
        "hovermode": "closest",
        "hoverlabel": {"align": "left"},
        "legend": {
            "orientation": "h",
            "xref": "container",
            "x": 0,
            "xanchor": "left",
            "yref": "container",
            "y": 1,
            "yanchor": "top",
            "font": {"size": 12},
            "tracegroupgap": 0,
        },
    }
    return Figure({"data": list(traces), "layout": {**common, **layout}})


def plotly_message(sentence: str) -> Figure:
    """A figure without content that shows a sentence."""
    note = {
        "text": sentence,
        "x": 0.5,
        "y": 0.5,
        "xref": "paper",
        "yref": "paper",
        "showarrow": False,
        "font": {"color": GREY},
    }
    hidden = {"visible": False}
    return plotly_figure([], {"annotations": [note], "xaxis": hidden, "yaxis": hidden}, height=160)


def plotly_axis(axis: Axis) -> dict[str, Any]:
    """The layout of a plotly axis for a metric."""
    layout: dict[str, Any] = {"title": {"text": escape(axis.label)}, "type": "log" if axis.log else "linear"}
    if axis.share:
        label = axis.label.removesuffix(" (%)")  # the ticks contain the %
        layout |= {"tickformat": ".3~%", "title": {"text": escape(label)}}
    elif axis.log:
        layout |= {"tickformat": ".3~s"}
        if 0.6 < axis.decades < 3.2:
            layout |= {"dtick": "D2"}  # ticks at 1, 2 and 5; plotly's own choice would be every digit
    return layout
