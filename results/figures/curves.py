"""Learning curves: the first objective after each epoch; what was pruned ends where it was stopped."""

from __future__ import annotations

from html import escape
from typing import TYPE_CHECKING, Any, NamedTuple

import pandas as pd

from xoresnet.measures.metrics import metric_of
from xoresnet.results.figures.kit.axes import Axis, axis_of, drawable
from xoresnet.results.figures.kit.lines import with_gaps
from xoresnet.results.figures.kit.palette import BLUE, GREEN, GREY, VERMILLION, faint
from xoresnet.results.figures.kit.sample import thin
from xoresnet.results.fronts.pareto import is_pareto
from xoresnet.results.tables.loading import Run

if TYPE_CHECKING:
    import matplotlib.figure
    from plotly.graph_objects import Figure

__all__ = ["CurvesInfo", "curves_drawing", "curves_info", "curves_plot"]

TITLE = "Learning curves"
READING = (
    "One line for each trial, epoch by epoch. Lines that end in a cross were stopped there because others did better "
    "at the same age; orange ones came to the front."
)
_MOST_LINES, _MOST_DOTS = 300, 20_000
_ROLES = {
    "pruned": (GREY, 0.6, 1.0),
    "failed": (GREY, 0.8, 1.0),
    "complete": (BLUE, 0.6, 1.0),
    "unfinished": (GREEN, 0.8, 1.4),
    "front": (VERMILLION, 1.0, 1.8),
}
"""From back to front: colour, opacity, width."""
_STATES = {"COMPLETE": "complete", "PRUNED": "pruned", "FAIL": "failed", "RUNNING": "unfinished"}


class CurvesInfo(NamedTuple):
    """What the figure shows."""

    y: Axis
    curves: pd.DataFrame
    """Columns `[trial_id, arch_id, role, epoch, value]`, by trial and epoch; role: a key of `_ROLES`."""
    notes: tuple[str, ...] = ()
    missing: str = ""


def curves_info(run: Run) -> CurvesInfo:
    """Of the first objective that the history has; of many trials a sample, the front among them."""
    metric = next((name for name in run.objectives if name in run.history), "val_accuracy")
    y = axis_of(metric, run.history)
    history = run.history[drawable(run.history, [y])]
    trials = run.trials[run.trials["trial_id"].isin(history["trial_id"])]
    front = is_pareto(trials, run.objectives)
    epochs = max(1, round(len(history) / max(1, len(trials))))
    shown, note = thin(trials, min(_MOST_LINES, max(50, _MOST_DOTS // epochs)), front.to_numpy())
    roles = shown["state"].map(_STATES).fillna("unfinished").mask(front[shown.index], "front")
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
    from xoresnet.results.figures.kit.theme import figure, message, plotly_axis

    if info.missing:
        return message(info.missing)
    traces = []
    for role, look in _ROLES.items():
        rows = info.curves[info.curves["role"] == role]
        if len(rows):
            traces.append(_lines(rows, role, look, info.y))
            traces += [_crosses(rows, role, look)] if role in ("pruned", "failed") else []
    few = {"dtick": 1} if not len(info.curves) or info.curves["epoch"].max() <= 12 else {}  # else half epochs get ticks
    whole = {"title": {"text": "epoch"}, "tickformat": "d", **few}
    return figure(traces, {"xaxis": whole, "yaxis": plotly_axis(info.y)}, height=460)


def _lines(rows: pd.DataFrame, role: str, look: tuple[str, float, float], y: Axis) -> dict[str, Any]:
    """One trace for all curves of a role: gaps keep them apart."""
    colour, opacity, width = look
    alone = len(_ends(rows)) == len(rows)  # a line of one point would not be seen
    points = with_gaps(rows, "trial_id", ["epoch", "value"])
    ids = points[["arch_id", "trial_id"]].itertuples(index=False, name=None)
    custom = [[escape(arch_id), trial_id] for arch_id, trial_id in ids]
    value = f"{escape(metric_of(y.metric).heading)} %{{y{':.2%' if y.share else ':.4g'}}}"
    text = f"<b>#%{{customdata[1]}}  %{{customdata[0]}}</b><br>{value}"
    return {
        "x": points["epoch"], "y": points["value"], "customdata": custom, "name": role,
        "mode": "lines+markers" if alone else "lines", "legendgroup": role, "connectgaps": False,
        "line": {"color": faint(colour, opacity), "width": width},
        "hovertemplate": f"{text} after epoch %{{x}}, {role}<extra></extra>",
    }  # fmt: skip


def _crosses(rows: pd.DataFrame, role: str, look: tuple[str, float, float]) -> dict[str, Any]:
    ends = _ends(rows)
    return {
        "x": ends["epoch"], "y": ends["value"], "mode": "markers", "legendgroup": role, "showlegend": False,
        "hoverinfo": "skip", "marker": {"symbol": "x-thin", "size": 6, "line": {"color": look[0], "width": 1.2}},
    }  # fmt: skip


def curves_drawing(info: CurvesInfo) -> matplotlib.figure.Figure:
    """The figure for a paper, one column wide."""
    from xoresnet.results.figures.kit.paper import COLUMN, blank, drawing, set_axis

    if info.missing:
        return blank(info.missing)
    with drawing(COLUMN, 2.4) as (made, axes):
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
        made.legend(loc="outside upper left", ncols=5, columnspacing=1.0)
    figure: matplotlib.figure.Figure = made
    return figure
