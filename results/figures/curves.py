"""Learning curves: the first objective after each epoch; pruned trials end where they were stopped."""

from __future__ import annotations

from collections.abc import Collection
from html import escape
from typing import TYPE_CHECKING, Any, NamedTuple

import pandas as pd

from xoresnet.measures.metrics import metric_of
from xoresnet.results.figures.kit.axes import Axis, axis_of, drawable
from xoresnet.results.figures.kit.kind import FigureKind
from xoresnet.results.figures.kit.lines import with_gaps
from xoresnet.results.figures.kit.palette import BLUE, GREEN, GREY, PURPLE, VERMILLION, faint
from xoresnet.results.figures.kit.paper import COLUMN, blank, drawing, set_axis
from xoresnet.results.figures.kit.sample import thin
from xoresnet.results.figures.kit.theme import plotly_axis, plotly_figure, plotly_message
from xoresnet.results.fronts.pareto import is_pareto
from xoresnet.results.tables.loading import RunTables
from xoresnet.results.tables.spending import STATE_NAMES

if TYPE_CHECKING:
    import matplotlib.figure
    from plotly.graph_objects import Figure

__all__ = ["FIGURE", "CurvesInfo", "curves_drawing", "curves_info", "curves_plot"]

_MOST_LINES, _MOST_DOTS = 300, 20_000
_ROLES = {
    "pruned": (GREY, 0.9, 0.8),
    "paused": (PURPLE, 0.9, 0.8),
    "failed": (GREY, 0.9, 0.8),
    "complete": (BLUE, 0.9, 0.8),
    "unfinished": (GREEN, 0.9, 1.4),
    "front": (VERMILLION, 1.0, 1.8),
    "highlighted": (PURPLE, 1.0, 3.5),
}
"""Colour, opacity and width of the lines, drawn in this order."""


class CurvesInfo(NamedTuple):
    """What the figure shows."""

    y: Axis
    curves: pd.DataFrame
    """Columns `[trial_id, arch_id, role, epoch, value]`, sorted by trial and epoch.

    role: `highlighted`, `front`, `complete`, `pruned`, `paused`, `failed` or `unfinished`.
    """
    notes: tuple[str, ...] = ()
    missing: str = ""


def curves_info(run: RunTables, highlight: Collection[int] = ()) -> CurvesInfo:
    """The curves of the first objective in the history; a sample of many trials, including the front.

    highlight: trials to point out.
    """
    metric = next((name for name in run.objectives if name in run.history), "val_accuracy")
    y = axis_of(metric, run.history)
    history = run.history[drawable(run.history, [y])]
    trials = run.trials[run.trials["trial_id"].isin(history["trial_id"])]
    front, pointed = is_pareto(trials, run.objectives), trials["trial_id"].isin(list(highlight))
    epochs = max(1, round(len(history) / max(1, len(trials))))
    shown, note = thin(trials, min(_MOST_LINES, max(50, _MOST_DOTS // epochs)), (front | pointed).to_numpy())
    roles = shown["state"].map(STATE_NAMES).fillna("unfinished").mask(front[shown.index], "front")
    roles = roles.mask(pointed[shown.index], "highlighted")
    history = history[history["trial_id"].isin(shown["trial_id"])].sort_values(["trial_id", "epoch"], kind="stable")
    curves = pd.DataFrame(
        {
            "trial_id": history["trial_id"],
            "arch_id": history["arch_id"],
            "role": history["trial_id"].map(dict(zip(shown["trial_id"], roles, strict=True))),
            "epoch": history["epoch"],
            "value": history[metric],
        }
    ).reset_index(drop=True)
    missing = "" if len(curves) else "No trial has finished an epoch yet."
    return CurvesInfo(y, curves, (note,) if note else (), missing)


def _ends(rows: pd.DataFrame) -> pd.DataFrame:
    """The last epoch of each trial."""
    return rows.groupby("trial_id", sort=False).tail(1)


def curves_plot(info: CurvesInfo) -> Figure:
    """The interactive figure; `customdata` of each point begins with the `arch_id`."""
    if info.missing:
        return plotly_message(info.missing)
    traces = []
    for role, look in _ROLES.items():
        rows = info.curves[info.curves["role"] == role]
        if len(rows):
            traces.append(_lines(rows, role, look, info.y))
            traces += [_crosses(rows, role, look)] if role in ("pruned", "failed") else []
    # without dtick plotly places ticks at half epochs
    few = {"dtick": 1} if not len(info.curves) or info.curves["epoch"].max() <= 12 else {}
    whole = {"title": {"text": "epoch"}, "tickformat": "d", **few}
    return plotly_figure(traces, {"xaxis": whole, "yaxis": plotly_axis(info.y)}, height=460)


def _lines(rows: pd.DataFrame, role: str, look: tuple[str, float, float], y: Axis) -> dict[str, Any]:
    """One trace with all curves of a role, separated by gaps."""
    colour, opacity, width = look
    alone = len(_ends(rows)) == len(rows)  # a line with a single point is invisible
    points = with_gaps(rows, "trial_id", ["epoch", "value"])
    ids = points[["arch_id", "trial_id"]].itertuples(index=False, name=None)
    custom = [[escape(arch_id), trial_id] for arch_id, trial_id in ids]
    value = f"{escape(metric_of(y.metric).heading)} %{{y{':.2%' if y.share else ':.4g'}}}"
    text = f"<b>#%{{customdata[1]}}  %{{customdata[0]}}</b><br>{value}"
    return {
        "x": points["epoch"],
        "y": points["value"],
        "customdata": custom,
        "name": role,
        "mode": "lines+markers" if alone else "lines",
        "legendgroup": role,
        "connectgaps": False,
        "line": {"color": faint(colour, opacity), "width": width},
        "hovertemplate": f"{text} after epoch %{{x}}, {role}<extra></extra>",
    }


def _crosses(rows: pd.DataFrame, role: str, look: tuple[str, float, float]) -> dict[str, Any]:
    ends = _ends(rows)
    return {
        "x": ends["epoch"],
        "y": ends["value"],
        "mode": "markers",
        "legendgroup": role,
        "showlegend": False,
        "hoverinfo": "skip",
        "marker": {"symbol": "x-thin", "size": 6, "line": {"color": look[0], "width": 1.2}},
    }


def curves_drawing(info: CurvesInfo) -> matplotlib.figure.Figure:
    """The figure for a paper, one column wide."""
    if info.missing:
        return blank(info.missing)
    with drawing(COLUMN, 2.4) as (figure, axes):
        for role, (colour, opacity, width) in _ROLES.items():
            rows = info.curves[info.curves["role"] == role]
            if rows.empty:
                continue
            points = with_gaps(rows, "trial_id", ["epoch", "value"])
            axes.plot(points["epoch"], points["value"], color=colour, alpha=opacity, linewidth=0.6 * width, label=role)
            if role in ("pruned", "failed"):
                ends = _ends(rows)
                axes.scatter(ends["epoch"], ends["value"], marker="x", s=8, linewidths=0.6, color=colour)
        axes.set_xlabel("epoch")
        axes.xaxis.get_major_locator().set_params(integer=True)
        set_axis(axes, "y", info.y)
        figure.legend(loc="outside upper left", ncols=5, columnspacing=1.0)
    return figure


FIGURE = FigureKind(
    place=40,
    title="Learning curves",
    reading=(
        "One line per trial, epoch by epoch. A cross marks where a trial was stopped for good, or failed. Orange lines "
        "are on the front."
    ),
    info=curves_info,
    plot=curves_plot,
    drawing=curves_drawing,
)
