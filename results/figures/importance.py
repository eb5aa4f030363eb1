"""Importance: which parameters determine each objective."""

from __future__ import annotations

from html import escape
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import pandas as pd

from xoresnet.measures.metrics import metric_of
from xoresnet.results.analysis.importance import importance
from xoresnet.results.figures.kit.kind import FigureKind
from xoresnet.results.figures.kit.networks import parameter_name
from xoresnet.results.figures.kit.palette import COLOURS, GREY
from xoresnet.results.figures.kit.paper import COLUMN, blank, drawing, plain_text
from xoresnet.results.figures.kit.theme import plotly_figure, plotly_message
from xoresnet.results.tables.loading import RunTables

if TYPE_CHECKING:
    import matplotlib.figure
    from plotly.graph_objects import Figure

__all__ = ["FIGURE", "ImportanceInfo", "importance_drawing", "importance_info", "importance_plot"]

_MOST_PARAMETERS = 12


class ImportanceInfo(NamedTuple):
    """What the figure shows."""

    shares: pd.DataFrame
    """Columns `[metric, parameter, importance, deviation]`, as `importance` returns them."""
    parameters: tuple[str, ...]
    """The parameters shown, the most important first."""
    notes: tuple[str, ...] = ()
    missing: str = ""


def importance_info(run: RunTables) -> ImportanceInfo:
    """At most twelve parameters, by their largest importance for any objective."""
    nothing = pd.DataFrame({"metric": [], "parameter": [], "importance": [], "deviation": []})
    try:
        shares = importance(run.trials, run.objectives)
    except ValueError as error:  # also of scikit-learn, for frames that it cannot use
        sentence = str(error)
        return ImportanceInfo(nothing, (), missing=f"{sentence[0].upper()}{sentence[1:]}.")
    if shares.empty:
        return ImportanceInfo(nothing, (), missing="No parameter varies between complete trials.")
    order = shares.groupby("parameter")["importance"].max().sort_values(ascending=False, kind="stable")
    kept = tuple(map(str, order.index[:_MOST_PARAMETERS]))
    notes = [f"Shows the {len(kept)} most important of {len(order)} parameters."] if len(order) > len(kept) else []
    return ImportanceInfo(shares[shares["parameter"].isin(kept)], kept, tuple(notes))


def _bars(info: ImportanceInfo) -> list[tuple[str, pd.DataFrame]]:
    """The heading of each objective, with its importances in the order of the parameters."""
    return [
        (metric_of(str(metric)).heading, rows.set_index("parameter").reindex(list(info.parameters)))
        for metric, rows in info.shares.groupby("metric", sort=False)
    ]


def importance_plot(info: ImportanceInfo) -> Figure:
    """The interactive figure."""
    if info.missing:
        return plotly_message(info.missing)
    traces = [
        {
            "type": "bar",
            "orientation": "h",
            "name": escape(heading),
            "y": [escape(parameter_name(name)) for name in info.parameters],
            "x": rows["importance"],
            "error_x": {"type": "data", "array": rows["deviation"], "thickness": 1.2, "width": 3, "color": GREY},
            "marker": {"color": colour, "line": {"width": 0}},
            "hovertemplate": "%{y}: %{x:.3f} ± %{error_x.array:.3f}" + f"<extra>{escape(heading)}</extra>",
        }
        for (heading, rows), colour in zip(_bars(info), COLOURS * 3, strict=False)
    ]
    layout = {
        "barmode": "group",
        "bargap": 0.3,
        "bargroupgap": 0.05,
        "yaxis": {"autorange": "reversed", "showgrid": False},
        "xaxis": {"title": {"text": "importance"}, "rangemode": "tozero"},
    }
    return plotly_figure(traces, layout, height=110 + len(info.parameters) * (10 + 13 * len(traces)))


def importance_drawing(info: ImportanceInfo) -> matplotlib.figure.Figure:
    """The figure for a paper, one column wide."""
    if info.missing:
        return blank(info.missing)
    bars = _bars(info)
    places, size = np.arange(len(info.parameters)), 0.8 / len(bars)
    with drawing(COLUMN, 0.8 + 0.22 * len(places)) as (figure, axes):
        for number, ((heading, rows), colour) in enumerate(zip(bars, COLOURS * 3, strict=False)):
            axes.barh(
                places + (number - (len(bars) - 1) / 2) * size,
                rows["importance"],
                size,
                xerr=rows["deviation"],
                color=colour,
                label=plain_text(heading),
                error_kw={"linewidth": 0.7, "ecolor": "#4a4f57"},
            )
        axes.set_yticks(places, [plain_text(parameter_name(name)) for name in info.parameters])
        axes.invert_yaxis()
        axes.grid(visible=False, axis="y")
        axes.set_xlabel("importance")
        axes.set_xlim(left=min(0.0, axes.get_xlim()[0]))
        figure.legend(loc="outside upper left", ncols=len(bars))
    return figure


FIGURE = FigureKind(
    place=80,
    title="Importance",
    reading=(
        "How much the prediction of an objective by a random forest worsens without a parameter: near 1 the parameter "
        "determines nearly everything, near 0 it hardly matters. Error bars are one standard deviation."
    ),
    info=importance_info,
    plot=importance_plot,
    drawing=importance_drawing,
)
