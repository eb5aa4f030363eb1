"""The look of the interactive figures: fonts, and a light and a dark template."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence
from html import escape
from typing import TYPE_CHECKING, Any

from xoresnet.results.figures.kit.axes import Axis

if TYPE_CHECKING:
    from plotly.graph_objects import Figure

__all__ = ["TEMPLATES", "bare_figure", "plotly_axis", "plotly_figure", "plotly_message"]

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


_TITLE, _WIDE = 26, 700
"""Pixels: of a title above a figure, and the width of a figure that has a width."""
_TOOLBAR = 34
"""Pixels above every figure, which belong to plotly's toolbar."""


def plotly_figure(
    traces: Sequence[dict[str, Any]], layout: dict[str, Any], height: int = 420, above: int = 0
) -> Figure:
    """A plotly figure in the light template, as wide as its container; height in pixels.

    above: the height of axis labels above the drawn area, in pixels.

    The legend is at the bottom, where it wraps, and the toolbar has the top to itself.
    """
    from plotly.graph_objects import Figure  # here, because infos are made without plotly

    common = {
        "template": TEMPLATES["light"],
        "height": height,
        "margin": {"l": 8, "r": 12, "t": _TOOLBAR + above, "b": 8},
        "hovermode": "closest",
        "hoverlabel": {"align": "left"},
        "legend": {
            "orientation": "h",
            "xref": "container",
            "x": 0,
            "xanchor": "left",
            "yref": "container",
            "y": 0,
            "yanchor": "bottom",
            "font": {"size": 12},
            "tracegroupgap": 0,
        },
    }
    return Figure({"data": list(traces), "layout": {**common, **layout}})


def plotly_message(sentence: str) -> Figure:
    """A figure without content that shows a sentence."""
    note = {
        "text": "<br>".join(textwrap.wrap(escape(sentence), 60)),
        "x": 0.5,
        "y": 0.5,
        "xref": "paper",
        "yref": "paper",
        "showarrow": False,
    }
    hidden = {"visible": False}
    return plotly_figure([], {"annotations": [note], "xaxis": hidden, "yaxis": hidden}, height=160)


def bare_figure(figure: Figure, title: str, theme: str) -> Figure:
    """A figure that stands alone, in a notebook or a file: with a title and a theme, and never too narrow to read.

    The title is below the toolbar, which appears over the top of the figure.

    title: empty for none. theme: a key of `TEMPLATES`.
    """
    meta = figure.layout.meta or {}
    layout: dict[str, Any] = {"template": TEMPLATES[theme]}
    if "min_width" in meta:
        layout["width"] = max(meta["min_width"], _WIDE)
    if title:
        text = {"text": f"<b>{escape(title)}</b>", "font": {"size": 15}, "x": 0, "xref": "container", "xanchor": "left"}
        layout["title"] = {**text, "y": 1, "yref": "container", "yanchor": "top", "pad": {"l": 12, "t": _TOOLBAR}}
        layout["margin"] = {"t": figure.layout.margin.t + _TITLE}
        layout["height"] = figure.layout.height + _TITLE
    return figure.update_layout(layout)


_MARGIN = 0.05
"""Of an axis of shares beyond 0 and 1, for the marks at its ends."""
_CLOSE = 0.05
"""Decades of values that three digits do not tell apart."""


def plotly_axis(axis: Axis) -> dict[str, Any]:
    """The layout of a plotly axis for a metric."""
    layout: dict[str, Any] = {"title": {"text": escape(axis.label)}, "type": "log" if axis.log else "linear"}
    if axis.share:
        label = axis.label.removesuffix(" (%)")  # the ticks contain the %
        layout |= {"tickformat": ".3~%", "title": {"text": escape(label)}}
        layout |= {"autorangeoptions": {"minallowed": -_MARGIN, "maxallowed": 1 + _MARGIN}}  # one dot would get 0 to 2
    elif axis.log:
        layout |= {"tickformat": ".3~s" if axis.decades > _CLOSE else ".5~s"}
        if 0.6 < axis.decades < 3.2:
            layout |= {"dtick": "D2"}  # ticks at 1, 2 and 5; plotly's own choice would be every digit
    return layout
