"""The front: accuracy versus spikes of every complete trial, or of confirmed networks once they lead."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from html import escape
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import pandas as pd

from xoresnet.measures.metrics import metric_of
from xoresnet.results.analysis.leading import Leading, leading, search_figures
from xoresnet.results.analysis.networks import FAMILIES
from xoresnet.results.figures.kit.axes import Axis
from xoresnet.results.figures.kit.kind import FigureKind
from xoresnet.results.figures.kit.layers import layer_behind, layer_of
from xoresnet.results.figures.kit.palette import BLUE, GREEN, GREY, PURPLE, VERMILLION, faint
from xoresnet.results.figures.kit.paper import COLUMN, LABEL_BOX, blank, drawing, plain_text, set_axis
from xoresnet.results.figures.kit.placing import Area, Label, bounds, placed
from xoresnet.results.figures.kit.theme import plotly_axis, plotly_figure, plotly_message
from xoresnet.results.tables.loading import RunTables

if TYPE_CHECKING:
    import matplotlib.figure
    from plotly.graph_objects import Figure

__all__ = ["FIGURE", "FrontInfo", "front_drawing", "front_info", "front_plot"]

_SHAPES = dict(
    zip(
        FAMILIES,
        (
            ("triangle-down", "v", BLUE),
            ("square", "s", GREEN),
            ("pentagon", "p", PURPLE),
            ("triangle-up", "^", BLUE),
            ("star", "*", GREEN),
        ),
        strict=True,
    )
)
"""The symbol of each family of known networks in plotly and in matplotlib, and its colour."""
_WIDE, _NARROW = Area(620, 370, 11), Area(290, 300, 11)
"""The smallest area in pixels on which labels have to have room: of a notebook or a report, and of a phone."""
_PAPER_FONT = 6
_KNEE, _HIGHLIGHT, _SYMBOL, _DOT = 18.0, 24.0, 13.0, 9.0
"""Diameters of marks in pixels; in a paper they are half as many points."""


class FrontInfo(NamedTuple):
    """What the figure shows."""

    x: Axis
    y: Axis
    trials: pd.DataFrame
    """Columns `[trial_id, arch_id, x, y, is_front, is_knee, is_behind, hover, family, label]`.

    `trial_id` is missing for known networks that the search did not try. family, label: `SEW-ResNet` and
    `SEW-ResNet-14` for known networks; highlighted trials have a label, too. is_behind: whether the row is what the
    search measured, while confirmed figures lead; such rows come first and are on no front.
    """
    steps: pd.DataFrame
    """The corners of the staircase through the front, columns `[x, y]`; empty with more than two objectives."""
    highlight: tuple[int, ...] = ()
    """The trials to point out, as far as they are drawn."""
    notes: tuple[str, ...] = ()
    missing: str = ""
    """Why there is nothing to show."""
    title: str = ""
    """In place of the figure's usual title; empty for that."""
    behind_steps: pd.DataFrame = pd.DataFrame({"x": [], "y": []})
    """The staircase through the search's front, while confirmed figures lead; otherwise empty."""


def front_info(run: RunTables, highlight: Collection[int] = (), *, searched: bool = False) -> FrontInfo:
    """The first two objectives of all networks by the figures that lead; further objectives are in the hover texts.

    These are the means of confirmed trainings once the whole front of the search is confirmed, with the search's own
    figures fainter behind them; until then, the search's figures of all complete trials. highlight: trials to point
    out, which are drawn whatever else is left out. searched: show the search's figures in any case.
    """
    single = search_figures(run)
    lead = single if searched else leading(run)
    ahead = layer_of(lead, run.objectives, single, highlight)
    layers = [layer_behind(single, run.objectives, highlight), ahead] if lead.is_confirmed else [ahead]
    table = pd.concat([layer.table for layer in layers], ignore_index=True)
    shown = tuple(trial for trial in highlight if (table["trial_id"] == trial).any())
    pointed = _pointed(table, shown)
    table["label"] = table["label"].mask(pointed, _with_number(table))
    notes = [note for layer in layers for note in layer.notes]
    notes += [_further(list(run.objectives)), _not_drawn(highlight, shown), _means_note(lead)]
    missing = "" if len(table) else "No trial is complete yet."
    title = f"Front on the test set, {_seeds(lead)}" if lead.is_confirmed else ""
    behind = layers[0].steps if lead.is_confirmed else ahead.steps.iloc[:0]
    kept = tuple(dict.fromkeys(filter(None, notes)))
    return FrontInfo(ahead.x, ahead.y, table, ahead.steps, shown, kept, missing, title, behind)


def _seeds(lead: Leading) -> str:
    """`mean of 3 seeds`, or `means of 2 to 3 seeds`."""
    least, most = int(lead.candidates["seeds"].min()), int(lead.candidates["seeds"].max())
    if least == most:
        return f"mean of {most} seeds" if most > 1 else "one seed"
    return f"means of {least} to {most} seeds"


def _means_note(lead: Leading) -> str:
    if not lead.is_confirmed:
        return ""
    return (
        f"The networks of this front are confirmed: their dots are on the test set, {_seeds(lead)}. The fainter dots "
        "and the dashed line are what the search measured, single trainings on which it selected, and its front."
    )


def _pointed(table: pd.DataFrame, highlight: Collection[int]) -> pd.Series[bool]:
    """The rows to point out: those of the figures that lead, or what the search measured where these lack a trial."""
    asked = table["trial_id"].isin(list(highlight)).fillna(False).astype(bool)
    ahead = set(table.loc[~table["is_behind"], "trial_id"].dropna())
    return asked & ~(table["is_behind"] & table["trial_id"].isin(ahead))


def _with_number(table: pd.DataFrame) -> pd.Series[str]:
    pairs = zip(table["trial_id"], table["label"], strict=True)
    return pd.Series([f"#{number} {label}".strip() for number, label in pairs], table.index, dtype="str")


def _not_drawn(highlight: Collection[int], shown: Collection[int]) -> str:
    missing = [f"#{trial}" for trial in highlight if trial not in shown]
    return f"Not complete, and therefore not drawn: {', '.join(missing)}." if missing else ""


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
    dominated = table[~table["is_front"] & ~table["is_behind"] & (table["family"] == "")]
    front = table[table["is_front"] & (table["family"] == "")]
    traces = [
        _dots(table[table["is_behind"]], "search", {"color": GREY, "size": 4, "opacity": 0.6}),
        _line(info.behind_steps, {"color": GREY, "width": 1, "dash": "dash"}),
        _dots(dominated, "dominated", {"color": GREY, "size": 5}),
        _line(info.steps, {"color": faint(VERMILLION, 0.9), "width": 1.2}),
        _dots(front, "front", {"color": VERMILLION, "size": 9, "line": {"width": 0}}),
        *_baseline_dots(table),
        *_rings(info),
    ]
    traces = [trace for trace in traces if len(trace["x"])]
    narrow = {"height": 440 + 22 * len(traces), "annotations": _annotations(info, _NARROW)}  # the legend is a column
    layout = {
        "xaxis": {**plotly_axis(info.x), "range": bounds(table["x"], info.x)},
        "yaxis": {**plotly_axis(info.y), "range": bounds(table["y"], info.y)},
        "annotations": _annotations(info, _WIDE),
        "meta": {"narrow": narrow},
    }
    return plotly_figure(traces, layout, height=500)


def _labels(info: FrontInfo, area: Area, size: float = 1.0) -> list[Label]:
    """Labels of known and highlighted networks, which cover neither each other nor the marks of other such networks."""
    table = info.trials
    sizes = table["label"].ne("").map({True: _SYMBOL, False: _DOT})
    pointed = _pointed(table, info.highlight)
    for rows, diameter in ((table["is_knee"], _KNEE), (pointed, _HIGHLIGHT)):
        sizes = sizes.mask(rows, diameter)
    points = table[["x", "y"]].assign(size=size * sizes, text=table["label"])[table["is_front"] | table["label"].ne("")]
    rank = (2 * ~pointed + ~table["is_front"]).loc[points.index]
    points = points.loc[rank.sort_values(kind="stable").index]
    axes = info.x, info.y
    return placed(points, axes, (bounds(table["x"], info.x), bounds(table["y"], info.y)), area)


def _annotations(info: FrontInfo, area: Area) -> list[dict[str, Any]]:
    return [
        {
            "text": escape(label.text),
            "x": float(np.log10(label.x)) if info.x.log else label.x,
            "y": float(np.log10(label.y)) if info.y.log else label.y,
            "font": {"size": area.font},
            "borderpad": 0,
            **_joined(label),
        }
        for label in _labels(info, area)
    ]


def _line(steps: pd.DataFrame, line: dict[str, Any]) -> dict[str, Any]:
    """A staircase."""
    quiet = {"mode": "lines", "hoverinfo": "skip", "showlegend": False}
    return {"x": steps["x"], "y": steps["y"], **quiet, "line": line}


def _joined(label: Label) -> dict[str, Any]:
    """The place of a label, with a line to its mark where it is not close to it."""
    if label.is_near:
        return {"showarrow": False, "xshift": label.right, "yshift": label.up}
    line = {"arrowhead": 0, "arrowwidth": 1, "arrowcolor": GREY, "standoff": _SYMBOL / 2}
    return {"showarrow": True, "ax": label.right, "ay": -label.up, **line}


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
    """One trace per family; symbols on the front have an orange rim."""
    traces = []
    for family, rows in table[table["family"] != ""].groupby("family"):
        symbol, _, colour = _SHAPES[str(family)]
        rings = [VERMILLION if front else "rgba(0,0,0,0)" for front in rows["is_front"]]
        marker = {"symbol": symbol, "size": 12, "color": colour, "line": {"color": rings, "width": 2.5}}
        traces.append(_dots(rows, str(family), marker))
    return traces


def _ringed(info: FrontInfo) -> list[tuple[str, pd.DataFrame, str]]:
    """The rings around single trials: their name, rows and colour."""
    table = info.trials
    return [
        ("knee", table[table["is_knee"]], VERMILLION),
        ("highlighted", table[_pointed(table, info.highlight)], PURPLE),
    ]


def _rings(info: FrontInfo) -> list[dict[str, Any]]:
    return [
        {
            **_dots(rows, name, {"color": "rgba(0,0,0,0)", "size": size, "line": {"color": colour, "width": 2}}),
            "hoverinfo": "skip",
        }
        for (name, rows, colour), size in zip(_ringed(info), (_KNEE, _HIGHLIGHT), strict=True)
    ]


def front_drawing(info: FrontInfo) -> matplotlib.figure.Figure:
    """The figure for a paper, one column wide."""
    if info.missing:
        return blank(info.missing)
    table = info.trials
    with drawing(COLUMN, 2.9) as (figure, axes):
        behind = table[table["is_behind"]]
        if len(behind):
            axes.scatter(behind["x"], behind["y"], s=4, color=GREY, alpha=0.45, linewidths=0, label="search")
            axes.plot(info.behind_steps["x"], info.behind_steps["y"], color=GREY, linewidth=0.6, linestyle="--")
        others = table[~table["is_front"] & ~table["is_behind"] & (table["family"] == "")]
        axes.scatter(others["x"], others["y"], s=5, color=GREY, linewidths=0, label="dominated")
        axes.plot(info.steps["x"], info.steps["y"], color=VERMILLION, linewidth=0.8)
        front = table[table["is_front"]]
        axes.scatter(front["x"], front["y"], s=14, color=VERMILLION, linewidths=0, label="front", zorder=3)
        _draw_baselines(axes, table)
        for (name, rows, colour), size in zip(_ringed(info), (60, 110), strict=True):
            if len(rows):
                ring = {"facecolors": "none", "edgecolors": colour, "linewidths": 1.0}
                axes.scatter(rows["x"], rows["y"], s=size, label=name, **ring)
        for set_limits, way, axis in ((axes.set_xlim, "x", info.x), (axes.set_ylim, "y", info.y)):
            low, high = bounds(table[way], axis)
            set_limits(*((10**low, 10**high) if axis.log else (low, high)))
        set_axis(axes, "x", info.x)
        set_axis(axes, "y", info.y)
        figure.legend(loc="outside upper left", ncols=3, columnspacing=1.0, handletextpad=0.3)
        figure.draw_without_rendering()  # only now has the area its size
        box, points = axes.get_window_extent(), 72 / figure.dpi
        _draw_labels(axes, _labels(info, Area(points * box.width, points * box.height, _PAPER_FONT), 0.5))
    return figure


def _draw_baselines(axes: Any, table: pd.DataFrame) -> None:
    for family, rows in table[table["family"] != ""].groupby("family"):
        _, shape, colour = _SHAPES[str(family)]
        rings = [VERMILLION if front else "white" for front in rows["is_front"]]
        size = 38 if shape == "*" else 22
        look = {"marker": shape, "color": colour, "edgecolors": rings, "linewidths": 0.8, "zorder": 4}
        axes.scatter(rows["x"], rows["y"], s=size, label=str(family), **look)


def _draw_labels(axes: Any, labels: Sequence[Label]) -> None:
    for label in labels:
        axes.annotate(
            plain_text(label.text),
            (label.x, label.y),
            xytext=(label.right, label.up),
            textcoords="offset points",
            ha="center",
            va="center",
            fontsize=_PAPER_FONT,
            bbox=LABEL_BOX,
            arrowprops=None if label.is_near else {"arrowstyle": "-", "color": GREY, "linewidth": 0.5, "shrinkA": 0},
        ).set_in_layout(False)


FIGURE = FigureKind(
    place=10,
    title="Front",
    reading=(
        "Each dot is a network that was trained to the end. Once the whole front is confirmed, its means on the test "
        "set lead, with the search's figures fainter behind. Orange dots form the front: no other network is at least "
        "as good in all objectives and better in one; the knee is their best compromise. Known networks bear their "
        "names, as far as there is room. Point at a dot to see its configuration; click it to copy its id."
    ),
    info=front_info,
    plot=front_plot,
    drawing=front_drawing,
    wide=True,
)
