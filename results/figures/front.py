"""The front: accuracy versus spikes of every complete trial."""

from __future__ import annotations

from html import escape
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from xoresnet.measures.metrics import metric_of
from xoresnet.results.figures.kit.axes import Axis, axis_of, drawable
from xoresnet.results.figures.kit.kind import FigureKind
from xoresnet.results.figures.kit.networks import baseline_parts, hover_texts
from xoresnet.results.figures.kit.palette import BLUE, GREEN, GREY, PURPLE, VERMILLION, faint
from xoresnet.results.figures.kit.paper import COLUMN, blank, drawing, set_axis
from xoresnet.results.figures.kit.sample import MOST_POINTS, thin
from xoresnet.results.figures.kit.stairs import stairs
from xoresnet.results.figures.kit.theme import plotly_axis, plotly_figure, plotly_message
from xoresnet.results.fronts.objectives import eligible
from xoresnet.results.fronts.pareto import is_pareto
from xoresnet.results.fronts.selection import knee
from xoresnet.results.tables.loading import Run

if TYPE_CHECKING:
    import matplotlib.figure
    from plotly.graph_objects import Figure

__all__ = ["FIGURE", "FrontInfo", "front_drawing", "front_info", "front_plot"]

_SHAPES = {
    "spiking-resnet": ("triangle-down", "v", BLUE),
    "sew-resnet": ("square", "s", GREEN),
    "ms-resnet": ("pentagon", "p", PURPLE),
    "or-resnet": ("triangle-up", "^", BLUE),
    "xoresnet": ("star", "*", GREEN),
}
"""The symbol of each family of baselines in plotly and in matplotlib, and its colour."""
_OFFSETS = {"top": (0.0, 0.05), "bottom": (0.0, -0.05), "right": (0.02, 0.0), "left": (-0.02, 0.0)}
"""Offsets of a label from its symbol, as shares of the figure's width and height."""
_PLOTLY_SIDES = {"top": "top center", "bottom": "bottom center", "right": "middle right", "left": "middle left"}
_OFFSETS_IN_POINTS = {"top": (0, 7), "bottom": (0, -7), "right": (6, 0), "left": (-6, 0)}


class FrontInfo(NamedTuple):
    """What the figure shows."""

    x: Axis
    y: Axis
    trials: pd.DataFrame
    """Columns `[trial_id, arch_id, x, y, is_front, hover, family, depth, side]`; the last three are for baselines."""
    steps: pd.DataFrame
    """The corners of the staircase through the front, columns `[x, y]`; empty with more than two objectives."""
    knee_id: int | None
    notes: tuple[str, ...] = ()
    missing: str = ""
    """Why there is nothing to show."""


def front_info(run: Run) -> FrontInfo:
    """The first two objectives of all complete trials; further objectives are in the hover texts."""
    metrics = list(run.objectives)
    complete = run.trials[eligible(run.trials, run.objectives)]
    y, x = axis_of(metrics[0], complete), axis_of(metrics[1], complete)
    front = is_pareto(complete, run.objectives).to_numpy(dtype=np.bool_)
    places = drawable(complete, (x, y))
    rows, note = thin(complete[places], MOST_POINTS, front[places])
    notes = [note, _left_out(int((~places).sum()), x, y), _further(metrics)]
    table = _table(rows, x, y, metrics, front[places][np.isin(complete.index[places], rows.index)])
    missing = "" if len(table) else "No trial is complete yet."
    drawn = table[table["is_front"] & (len(metrics) == 2)]
    steps = stairs(drawn["x"], drawn["y"], run.objectives[x.metric])
    knee_id = int(knee(run.front, run.objectives)["trial_id"]) if front.any() else None
    return FrontInfo(x, y, table, steps, knee_id, tuple(filter(None, notes)), missing)


def _table(rows: pd.DataFrame, x: Axis, y: Axis, metrics: list[str], front: NDArray[np.bool_]) -> pd.DataFrame:
    sources = rows["source"] if "source" in rows else [None] * len(rows)
    parts = [baseline_parts(source) or ("", 0) for source in sources]
    table = pd.DataFrame(
        {
            "trial_id": rows["trial_id"].to_numpy(),
            "arch_id": rows["arch_id"].astype(str).to_numpy(),
            "x": rows[x.metric].to_numpy(dtype=np.float64),
            "y": rows[y.metric].to_numpy(dtype=np.float64),
            "is_front": front,
            "family": [family for family, _ in parts],
            "depth": [depth for _, depth in parts],
            "hover": hover_texts(rows, metrics),
        }
    )
    return table.assign(side=_sides(table, x, y))


def _sides(table: pd.DataFrame, x: Axis, y: Axis) -> list[str]:
    """The side of each baseline with most room for its depth: `top`, `bottom`, `right` or `left`."""
    scaled = [np.log10(table[way]) if axis.log else table[way] for way, axis in (("x", x), ("y", y))]
    spans = [np.ptp(values) or 1.0 for values in scaled if len(values)]
    places = {
        row: (float(scaled[0][row]) / spans[0], float(scaled[1][row]) / spans[1])
        for row in table.index[table["family"] != ""]
    }
    taken = list(places.values())
    sides = [""] * len(table)
    for row, (across, up) in sorted(places.items(), key=lambda place: place[1]):
        labels = {side: (across + dx, up + dy) for side, (dx, dy) in _OFFSETS.items()}
        room = {side: min(_distance(label, other) for other in taken) for side, label in labels.items()}
        sides[row] = max(room, key=lambda side: min(room[side], 1.0))  # sides with enough room are equally good
        taken.append(labels[sides[row]])
    return sides


def _distance(first: tuple[float, float], second: tuple[float, float]) -> float:
    """The distance of two labels, in units of a label's width and height."""
    return max(abs(first[0] - second[0]) / 0.02, abs(first[1] - second[1]) / 0.05)


def _left_out(count: int, x: Axis, y: Axis) -> str:
    if not count:
        return ""
    logged = " or ".join(metric_of(axis.metric).heading for axis in (x, y) if axis.log)
    what = f"without any {logged}" if logged else "with infinite values"
    return f"{count:,} complete trial{'s' if count > 1 else ''} {what} cannot be drawn on these axes."


def _further(metrics: list[str]) -> str:
    if len(metrics) == 2:
        return ""
    others = ", ".join(metric_of(metric).heading for metric in metrics[2:])
    return f"The front has {len(metrics)} objectives: the axes show the first two, the texts of the dots also {others}."


def front_plot(info: FrontInfo) -> Figure:
    """The interactive figure; `customdata` of each dot is its `arch_id`."""
    if info.missing:
        return plotly_message(info.missing)
    table = info.trials
    dominated = table[~table["is_front"] & (table["family"] == "")]
    front = table[table["is_front"] & (table["family"] == "")]
    traces = [
        _dots(dominated, "dominated", {"color": faint(GREY, 0.55), "size": 6}),
        {
            "x": info.steps["x"],
            "y": info.steps["y"],
            "mode": "lines",
            "hoverinfo": "skip",
            "showlegend": False,
            "line": {"color": faint(VERMILLION, 0.55), "width": 1.5},
        },
        _dots(front, "front", {"color": VERMILLION, "size": 9, "line": {"width": 0}}),
        *_baseline_dots(table),
        *_knee_ring(info),
    ]
    traces = [trace for trace in traces if len(trace["x"])]
    narrow = {"height": 400 + 20 * len(traces)}  # on narrow screens the legend is a column
    layout = {"xaxis": plotly_axis(info.x), "yaxis": plotly_axis(info.y), "meta": {"narrow": narrow}}
    return plotly_figure(traces, layout, height=460)


def _dots(rows: pd.DataFrame, name: str, marker: dict[str, Any]) -> dict[str, Any]:
    return {
        "x": rows["x"],
        "y": rows["y"],
        "mode": "markers",
        "name": name,
        "marker": marker,
        "hovertext": rows["hover"],
        "hoverinfo": "text",
        "customdata": [escape(arch_id) for arch_id in rows["arch_id"]],
    }


def _baseline_dots(table: pd.DataFrame) -> list[dict[str, Any]]:
    """One trace per family, with the depth beside each symbol; symbols on the front have an orange rim."""
    traces = []
    for family, rows in table[table["family"] != ""].groupby("family"):
        symbol, _, colour = _SHAPES[str(family)]
        rings = [VERMILLION if front else "rgba(0,0,0,0)" for front in rows["is_front"]]
        marker = {"symbol": symbol, "size": 12, "color": colour, "line": {"color": rings, "width": 2.5}}
        labels = {
            "mode": "markers+text",
            "cliponaxis": False,
            "text": rows["depth"].astype(str),
            "textfont": {"size": 11},
            "textposition": rows["side"].map(_PLOTLY_SIDES),
        }
        traces.append({**_dots(rows, str(family), marker), **labels})
    return traces


def _knee_ring(info: FrontInfo) -> list[dict[str, Any]]:
    rows = info.trials[info.trials["trial_id"] == info.knee_id]
    ring = {"color": "rgba(0,0,0,0)", "size": 18, "line": {"color": VERMILLION, "width": 2}}
    return [{**_dots(rows, "knee", ring), "hoverinfo": "skip"}]


def front_drawing(info: FrontInfo) -> matplotlib.figure.Figure:
    """The figure for a paper, one column wide."""
    if info.missing:
        return blank(info.missing)
    table = info.trials
    with drawing(COLUMN, 2.7) as (figure, axes):
        others = table[~table["is_front"] & (table["family"] == "")]
        axes.scatter(others["x"], others["y"], s=6, color=GREY, alpha=0.45, linewidths=0, label="dominated")
        axes.plot(info.steps["x"], info.steps["y"], color=VERMILLION, alpha=0.7, linewidth=0.8)
        front = table[table["is_front"]]
        axes.scatter(front["x"], front["y"], s=14, color=VERMILLION, linewidths=0, label="front", zorder=3)
        _draw_baselines(axes, table)
        _draw_knee(axes, info)
        set_axis(axes, "x", info.x)
        set_axis(axes, "y", info.y)
        figure.legend(loc="outside upper left", ncols=4, columnspacing=1.0, handletextpad=0.3)
    return figure


def _draw_baselines(axes: Any, table: pd.DataFrame) -> None:
    for family, rows in table[table["family"] != ""].groupby("family"):
        _, shape, colour = _SHAPES[str(family)]
        rings = [VERMILLION if front else "white" for front in rows["is_front"]]
        size = 38 if shape == "*" else 22
        axes.scatter(
            rows["x"],
            rows["y"],
            s=size,
            marker=shape,
            color=colour,
            edgecolors=rings,
            linewidths=0.8,
            label=str(family),
            zorder=4,
        )
        for row in rows.itertuples():
            axes.annotate(
                str(row.depth),
                (row.x, row.y),
                xytext=_OFFSETS_IN_POINTS[str(row.side)],
                textcoords="offset points",
                ha="center",
                va="center",
                fontsize=6,
            )


def _draw_knee(axes: Any, info: FrontInfo) -> None:
    rows = info.trials[info.trials["trial_id"] == info.knee_id]
    axes.scatter(rows["x"], rows["y"], s=60, facecolors="none", edgecolors=VERMILLION, linewidths=1.0, label="knee")


FIGURE = FigureKind(
    place=10,
    title="Front",
    reading=(
        "Each dot is a network that was trained to the end. Orange dots form the front: no other network is at least "
        "as good in all objectives and better in one. Point at a dot to see its configuration; click it to copy its "
        "id."
    ),
    info=front_info,
    plot=front_plot,
    drawing=front_drawing,
    wide=True,
)
