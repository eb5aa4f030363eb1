"""Hypervolume of the front over trials and over time."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import pandas as pd

from xoresnet.measures.metrics import metric_of
from xoresnet.results.figures.kit.axes import axis_of, drawable, reference_text, time_unit
from xoresnet.results.figures.kit.kind import FigureKind
from xoresnet.results.figures.kit.palette import BLUE, faint
from xoresnet.results.figures.kit.paper import COLUMN, blank, drawing
from xoresnet.results.figures.kit.theme import plotly_figure, plotly_message
from xoresnet.results.fronts.hypervolume import hypervolume_over_time, reference_point
from xoresnet.results.fronts.objectives import eligible
from xoresnet.results.tables.loading import RunTables

if TYPE_CHECKING:
    import matplotlib.figure
    from plotly.graph_objects import Figure

__all__ = ["FIGURE", "HypervolumeInfo", "hypervolume_drawing", "hypervolume_info", "hypervolume_plot"]


_FEW = 12
"""Up to so many trials each has a tick; plotly would also place ticks between them."""


class HypervolumeInfo(NamedTuple):
    """What the figure shows."""

    by_trial: pd.DataFrame
    """Columns `[x, hypervolume, front_size]`: the changes, and both ends."""
    by_time: pd.DataFrame
    """The same columns with x as the time since the first trial began; empty if no times are known."""
    time_unit: str
    reference: dict[str, float]
    log: tuple[str, ...]
    """Objectives that are measured in decades."""
    volume: float
    notes: tuple[str, ...] = ()
    missing: str = ""


def hypervolume_info(run: RunTables) -> HypervolumeInfo:
    """Amounts such as spikes are taken on log10; the reference point is a tenth of the range beyond the worst trial."""
    complete = run.trials[eligible(run.trials, run.objectives)]
    axes = [axis_of(metric, complete) for metric in run.objectives]
    rows = complete[drawable(complete, axes)]
    log = tuple(axis.metric for axis in axes if axis.log)
    if rows.empty:
        empty = pd.DataFrame({"x": [], "hypervolume": [], "front_size": []})
        return HypervolumeInfo(empty, empty, "s", {}, log, 0.0, missing="No trial is complete yet.")
    reference = reference_point(rows, run.objectives, log)
    by_trial = hypervolume_over_time(rows, run.objectives, reference, log)
    elapsed, unit = _elapsed(run.trials, rows)
    by_time = hypervolume_over_time(elapsed, run.objectives, reference, log, by="elapsed")
    volume = float(by_trial["hypervolume"].iloc[-1])
    scale = f"; {' and '.join(metric_of(metric).heading for metric in log)} in decades" if log else ""
    note = f"Reference point: {reference_text(reference)}{scale}."
    left_out = len(complete) - len(rows)
    more = (
        [f"{left_out:,} complete trial{'s' if left_out > 1 else ''} with infinite or zero values cannot be drawn."]
        if left_out
        else []
    )
    return HypervolumeInfo(
        _changes(by_trial, "trial_id"), _changes(by_time, "elapsed"), unit, reference, log, volume, (note, *more)
    )


def _elapsed(trials: pd.DataFrame, rows: pd.DataFrame) -> tuple[pd.DataFrame, str]:
    """Trials with a column `elapsed`, the time from the start of the first trial to their end, and its unit."""
    if "started" not in trials or trials["started"].isna().all():
        return rows.assign(elapsed=np.nan)[:0], "s"
    seconds = (rows["ended"] - trials["started"].min()).dt.total_seconds()
    unit, size = time_unit(float(seconds.max()))
    return rows.assign(elapsed=seconds / size)[seconds.notna()], unit


def _changes(history: pd.DataFrame, by: str) -> pd.DataFrame:
    """The rows at which the volume changes, and the last row."""
    kept = history["hypervolume"].diff().ne(0)
    if len(kept):
        kept.iloc[-1] = True
    return history[kept].rename(columns={by: "x"}).reset_index(drop=True)


def _panels(info: HypervolumeInfo) -> list[tuple[pd.DataFrame, str]]:
    panels = [(info.by_trial, "trial"), (info.by_time, f"time since the start ({info.time_unit})")]
    return [(steps, label) for steps, label in panels if len(steps)]


def hypervolume_plot(info: HypervolumeInfo) -> Figure:
    """The interactive figure."""
    if info.missing:
        return plotly_message(info.missing)
    traces: list[dict[str, Any]] = []
    layout: dict[str, Any] = {}
    panels = _panels(info)
    for number, (steps, label) in enumerate(panels):
        name = str(number + 1) if number else ""
        low, high = 1 - (number + 1) / len(panels), 1 - number / len(panels)
        traces.append(_stairs(steps, f"x{name}", f"y{name}"))
        whole = {"tickformat": "d", **({"dtick": 1} if steps["x"].max() <= _FEW else {})} if label == "trial" else {}
        layout[f"xaxis{name}"] = {"title": {"text": label}, "anchor": f"y{name}", "rangemode": "tozero", **whole}
        layout[f"yaxis{name}"] = {
            "domain": [low + (0.13 if number + 1 < len(panels) else 0), high],
            "title": {"text": "hypervolume"},
            "rangemode": "tozero",
            "anchor": f"x{name}",
        }
    return plotly_figure(traces, {**layout, "showlegend": False}, height=210 * len(panels) + 40)


def _stairs(steps: pd.DataFrame, x: str, y: str) -> dict[str, Any]:
    return {
        "x": steps["x"],
        "y": steps["hypervolume"],
        "xaxis": x,
        "yaxis": y,
        "mode": "lines+markers",
        "line": {"shape": "hv", "color": BLUE, "width": 2},
        "marker": {"size": 5},
        "cliponaxis": False,
        "fill": "tozeroy",
        "fillcolor": faint(BLUE, 0.1),
        "customdata": steps["front_size"],
        "hovertemplate": "%{x:.4~g}<br>hypervolume %{y:.4f}<br>%{customdata} on the front<extra></extra>",
    }


def hypervolume_drawing(info: HypervolumeInfo) -> matplotlib.figure.Figure:
    """The figure for a paper, one column wide."""
    if info.missing:
        return blank(info.missing)
    panels = _panels(info)
    with drawing(COLUMN, 1.6 * len(panels) + 0.2, len(panels), 1, squeeze=False) as (figure, axes):
        for place, (steps, label) in zip(axes[:, 0], panels, strict=True):
            place.step(steps["x"], steps["hypervolume"], where="post", color=BLUE)
            place.fill_between(steps["x"], steps["hypervolume"], step="post", color=BLUE, alpha=0.1, linewidth=0)
            place.set_xlabel(label)
            place.set_ylim(bottom=0)
            place.set_xlim(left=0)
            place.set_ylabel("hypervolume")
            if label == "trial":
                place.xaxis.get_major_locator().set_params(integer=True)
    return figure


FIGURE = FigureKind(
    place=30,
    title="Hypervolume",
    reading=(
        "The volume of the objective space that the front dominates, bounded by the reference point. It rises when a "
        "better network is found. If the curve has been flat for a long time, more trials will hardly help."
    ),
    info=hypervolume_info,
    plot=hypervolume_plot,
    drawing=hypervolume_drawing,
)
