"""Confirmed networks: mean and spread over seeds on the test set, and the result of the search."""

from __future__ import annotations

import math
from collections.abc import Collection
from html import escape
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import pandas as pd

from xoresnet.measures.metrics import metric_of
from xoresnet.results.analysis.confirmation import confirmed_networks, ranking_kept
from xoresnet.results.figures.kit.axes import Axis, drawable
from xoresnet.results.figures.kit.kind import FigureKind
from xoresnet.results.figures.kit.means import mean_axis, mean_hovers
from xoresnet.results.figures.kit.palette import BLUE, GREY, PURPLE
from xoresnet.results.figures.kit.paper import COLUMN, blank, drawing, set_axis
from xoresnet.results.figures.kit.stairs import stairs
from xoresnet.results.figures.kit.theme import plotly_axis, plotly_figure, plotly_message
from xoresnet.results.tables.loading import RunTables

if TYPE_CHECKING:
    import matplotlib.figure
    from plotly.graph_objects import Figure

__all__ = ["FIGURE", "ConfirmedInfo", "confirmed_drawing", "confirmed_info", "confirmed_plot"]

_NOTHING = "No network is confirmed yet: xoresnet confirm retrains the front with several seeds."


class ConfirmedInfo(NamedTuple):
    """What the figure shows."""

    x: Axis
    y: Axis
    networks: pd.DataFrame
    """Columns `[arch_id, x, y, x_std, y_std, x_searched, y_searched, is_front, hover, is_highlighted]`."""
    steps: pd.DataFrame
    """The corners of the staircase through the confirmed front, columns `[x, y]`; empty with more objectives."""
    tau: dict[str, float]
    """Kendall's tau between the rankings of the search and the confirmation, by objective."""
    notes: tuple[str, ...] = ()
    missing: str = ""
    """Why there is nothing to show."""


def confirmed_info(run: RunTables, highlight: Collection[int] = ()) -> ConfirmedInfo:
    """The first two objectives of all networks with at least one completed training. highlight: trials to point out."""
    metrics = list(run.objectives)
    attempted = confirmed_networks(run)
    networks = attempted[attempted["seeds"] > 0].reset_index(drop=True)
    y, x = (mean_axis(metric, networks) for metric in metrics[:2])
    missing = "" if len(networks) else "No network is confirmed: all trainings failed." if len(attempted) else _NOTHING
    places = drawable(networks, (x, y)) if len(networks) else np.zeros(0, dtype=np.bool_)
    pointed = networks["trial_id"].isin(list(highlight)).fillna(False)[places].to_numpy(dtype=np.bool_)
    table = _table(networks[places], x, y, metrics).assign(is_highlighted=pointed)
    left_out = int((~places).sum())
    tau = ranking_kept(networks, run.objectives) if len(networks) else {}
    notes = [_tau_note(tau, len(networks)), _seeds_note(networks), _left_out(left_out)]
    if len(networks) and left_out == len(networks):
        missing = "No confirmed network can be drawn on these axes."
    drawn = table[table["is_front"] & (len(metrics) == 2)]
    steps = stairs(drawn["x"], drawn["y"], run.objectives[metrics[1]])
    return ConfirmedInfo(x, y, table, steps, tau, tuple(filter(None, notes)), missing)


def _table(networks: pd.DataFrame, x: Axis, y: Axis, metrics: list[str]) -> pd.DataFrame:
    columns = {
        "x": x.metric,
        "y": y.metric,
        "x_std": f"{x.metric.removesuffix('_mean')}_std",
        "y_std": f"{y.metric.removesuffix('_mean')}_std",
        "x_searched": metrics[1],
        "y_searched": metrics[0],
    }
    numbers = {name: networks[column].to_numpy(dtype=np.float64, na_value=np.nan) for name, column in columns.items()}
    return pd.DataFrame(
        {
            "arch_id": networks["arch_id"].astype(str),
            **numbers,
            "is_front": networks["is_pareto"],
            "hover": mean_hovers(networks, metrics),
        }
    )


def _tau_note(tau: dict[str, float], count: int) -> str:
    known = {metric: value for metric, value in tau.items() if not math.isnan(value)}
    if not known:
        return ""
    taus = ", ".join(f"{value:.2f} for {metric_of(metric).heading}" for metric, value in known.items())
    return f"Kendall's tau between the rankings of {count} networks by search and confirmation: {taus} (1: same order)."


def _seeds_note(networks: pd.DataFrame) -> str:
    alone = int((networks["seeds"] == 1).sum())
    failed = int(networks["failed"].sum())
    sentences = [f"{alone} network{'s have' if alone > 1 else ' has'} one seed and thus no spread."] if alone else []
    sentences += [f"{failed} training{'s' if failed > 1 else ''} failed."] if failed else []
    return " ".join(sentences)


def _left_out(count: int) -> str:
    return f"{count} confirmed network{'s' if count > 1 else ''} cannot be drawn on these axes." if count else ""


def confirmed_plot(info: ConfirmedInfo) -> Figure:
    """The interactive figure; `customdata` of each dot is its `arch_id`."""
    if info.missing:
        return plotly_message(info.missing)
    table = info.networks
    marker = {"color": [BLUE if front else GREY for front in table["is_front"]], "size": 9}
    traces: list[dict[str, Any]] = [
        {
            **dict(zip("xy", _links(table), strict=True)),
            "mode": "lines",
            "hoverinfo": "skip",
            "showlegend": False,
            "line": {"color": GREY, "width": 1},
        },
        {
            "x": table["x_searched"],
            "y": table["y_searched"],
            "mode": "markers",
            "name": "search",
            "hoverinfo": "skip",
            "marker": {"color": GREY, "size": 7, "symbol": "circle-open"},
        },
        {
            "x": info.steps["x"],
            "y": info.steps["y"],
            "mode": "lines",
            "hoverinfo": "skip",
            "showlegend": False,
            "line": {"color": BLUE, "width": 1.2},
        },
        {
            "x": table["x"],
            "y": table["y"],
            "mode": "markers",
            "name": "confirmed",
            "marker": marker,
            "error_x": _bars(table["x_std"]),
            "error_y": _bars(table["y_std"]),
            "hovertext": table["hover"],
            "hoverinfo": "text",
            "customdata": [escape(arch_id) for arch_id in table["arch_id"]],
        },
        {
            "x": table["x"][table["is_highlighted"]],
            "y": table["y"][table["is_highlighted"]],
            "mode": "markers",
            "name": "highlighted",
            "hoverinfo": "skip",
            "marker": {"color": "rgba(0,0,0,0)", "size": 20, "line": {"color": PURPLE, "width": 2}},
        },
    ]
    layout = {"xaxis": plotly_axis(info.x), "yaxis": plotly_axis(info.y), "meta": {"narrow": {"height": 440}}}
    return plotly_figure([trace for trace in traces if len(trace["x"])], layout, height=440)


def _links(table: pd.DataFrame) -> tuple[list[float], list[float]]:
    """Lines from each mean to the result of the search, with NaN between them."""
    known = table[table[["x_searched", "y_searched"]].notna().all(axis=1)]
    xs, ys = (
        [value for pair in zip(known[way], known[f"{way}_searched"], strict=True) for value in (*pair, math.nan)]
        for way in ("x", "y")
    )
    return xs, ys


def _bars(deviations: pd.Series[float]) -> dict[str, Any]:
    return {"type": "data", "array": deviations.fillna(0.0), "thickness": 1.2, "width": 3, "color": GREY}


def confirmed_drawing(info: ConfirmedInfo) -> matplotlib.figure.Figure:
    """The figure for a paper, one column wide."""
    if info.missing:
        return blank(info.missing)
    table = info.networks
    with drawing(COLUMN, 2.7) as (figure, axes):
        axes.plot(*_links(table), color=GREY, linewidth=0.6)
        axes.scatter(
            table["x_searched"],
            table["y_searched"],
            s=12,
            facecolors="none",
            edgecolors=GREY,
            linewidths=0.7,
            label="search (validation)",
        )
        axes.plot(info.steps["x"], info.steps["y"], color=BLUE, linewidth=0.8)
        axes.errorbar(
            table["x"],
            table["y"],
            xerr=table["x_std"].fillna(0.0),
            yerr=table["y_std"].fillna(0.0),
            fmt="o",
            markersize=3.5,
            color=BLUE,
            elinewidth=0.7,
            capsize=1.5,
            label="confirmed (test, mean ± s.d.)",
        )
        ringed = table[table["is_highlighted"]]
        if len(ringed):
            ring = {"facecolors": "none", "edgecolors": PURPLE, "linewidths": 1.0}
            axes.scatter(ringed["x"], ringed["y"], s=90, label="highlighted", **ring)
        set_axis(axes, "x", info.x)
        set_axis(axes, "y", info.y)
        figure.legend(loc="outside upper left", ncols=2, columnspacing=0.8, handletextpad=0.3)
    return figure


FIGURE = FigureKind(
    place=20,
    title="Confirmed on the test set",
    reading=(
        "Networks that were retrained with other seeds and measured on the test set. Blue dots are means, bars are "
        "one standard deviation over the seeds. A line leads to the result of the search on the validation images, "
        "which is optimistic because it was used for selection."
    ),
    info=confirmed_info,
    plot=confirmed_plot,
    drawing=confirmed_drawing,
)
