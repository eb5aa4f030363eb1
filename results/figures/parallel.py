"""Parallel coordinates: one line per complete trial through all parameters that vary."""

from __future__ import annotations

from collections.abc import Collection
from html import escape
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from xoresnet.measures.metrics import metric_of
from xoresnet.results.figures.kit.axes import Axis, axis_of, drawable, value_text
from xoresnet.results.figures.kit.kind import FigureKind
from xoresnet.results.figures.kit.lines import with_gaps
from xoresnet.results.figures.kit.networks import hover_texts, parameter_name, value_name
from xoresnet.results.figures.kit.palette import GREY, PURPLE, VERMILLION
from xoresnet.results.figures.kit.paper import LABEL_BOX, PAGE, blank, drawing, plain_text
from xoresnet.results.figures.kit.sample import thin
from xoresnet.results.figures.kit.theme import plotly_figure, plotly_message
from xoresnet.results.fronts.objectives import eligible
from xoresnet.results.fronts.pareto import is_pareto
from xoresnet.results.tables.loading import RunTables
from xoresnet.results.tables.parameters import labels, varying_parameters

if TYPE_CHECKING:
    import matplotlib.figure
    from plotly.graph_objects import Figure

__all__ = ["FIGURE", "Dimension", "ParallelInfo", "parallel_drawing", "parallel_info", "parallel_plot"]

_MOST_LINES, _MOST_DIMENSIONS, _MOST_LEVELS = 300, 12, 12
_SPREAD = 0.2
"""Jitter as a share of the distance of two values, so that lines through one value stay visible."""
_ABSENT = "none"
_MANY_LINES = 60
_HEADING = 18
"""Pixels of a line of the headings, which are above the axes."""
_SPELLED = ("depth", "timesteps")
"""Parameters whose values are numbers that need their name: `T=4`."""


class Dimension(NamedTuple):
    """One vertical axis, from 0 to 1."""

    name: str
    places: NDArray[np.float64]
    """The place of each trial."""
    ticks: tuple[tuple[float, str], ...]
    """Places with the texts of their values."""


class ParallelInfo(NamedTuple):
    """What the figure shows."""

    dimensions: tuple[Dimension, ...]
    trials: pd.DataFrame
    """Columns `[trial_id, arch_id, is_front, is_highlighted, hover]`; the front comes last and is drawn on top."""
    notes: tuple[str, ...] = ()
    missing: str = ""


def parallel_info(run: RunTables, highlight: Collection[int] = ()) -> ParallelInfo:
    """Parameters in the order of their columns, then the objectives; parameters of many values have a numeric scale.

    highlight: trials to point out, as far as they are complete.
    """
    complete = run.trials[eligible(run.trials, run.objectives)]
    axes = [axis_of(metric, complete) for metric in run.objectives]
    complete = complete[drawable(complete, axes)]
    front = is_pareto(complete, run.objectives).to_numpy(dtype=np.bool_)
    pointed = complete["trial_id"].isin(list(highlight))
    rows, note = thin(complete, _MOST_LINES, front | pointed.to_numpy())
    rows = rows.assign(is_front=is_pareto(complete, run.objectives)[rows.index], is_highlighted=pointed[rows.index])
    rows = rows.sort_values("is_front", kind="stable")
    varying = list(varying_parameters(complete).items()) if len(complete) else []
    notes = [note] if note else []
    if len(varying) > _MOST_DIMENSIONS:
        left_out = ", ".join(name for name, _ in varying[_MOST_DIMENSIONS:])
        notes.append(f"Shows {_MOST_DIMENSIONS} of the parameters that vary, without {left_out}.")
    parameters = [_parameter(name, rows[column]) for name, column in varying[:_MOST_DIMENSIONS]]
    table = rows[["trial_id", "arch_id", "is_front", "is_highlighted"]].assign(
        hover=hover_texts(rows, list(run.objectives))
    )
    missing = "" if len(rows) else "No trial is complete yet."
    if len(rows) and not parameters:
        missing = "No parameter varies between complete trials."
    dimensions = (*parameters, *(_objective(axis, rows) for axis in axes)) if len(rows) else ()
    return ParallelInfo(dimensions, table.reset_index(drop=True), tuple(notes), missing)


def _parameter(name: str, column: pd.Series[Any]) -> Dimension:
    values = labels(column)
    known = values.dropna()
    if pd.api.types.is_float_dtype(known.dtype) and known.nunique() > _MOST_LEVELS and values.notna().all():
        return _numeric(name, values.to_numpy(dtype=np.float64))
    codes, levels = pd.factorize(values, sort=True)
    names = [f"{level:g}" if isinstance(level, float) else str(level) for level in levels]
    if name in _SPELLED:
        names = [value_name(name, level) for level in names]
    if (codes < 0).any():  # some networks do not have this parameter
        codes, names = np.where(codes < 0, len(names), codes), [*names, _ABSENT]
    count = len(names)
    every = max(1, -(-count // _MOST_LEVELS))
    ticks = tuple(((code + 0.5) / count, label) for code, label in enumerate(names) if code % every == 0)
    shift = np.random.default_rng(0).uniform(-_SPREAD, _SPREAD, len(codes))
    return Dimension(name, (codes + 0.5 + shift) / count, ticks)


def _numeric(name: str, values: NDArray[np.float64], log: bool | None = None, metric: str = "") -> Dimension:
    low, high = float(values.min()), float(values.max())
    logged = low > 0 and high > 30 * low if log is None else log
    ends = np.log10([low, high]) if logged else np.array([low, high])
    span = float(ends[1] - ends[0]) or 1.0
    places = ((np.log10(values) if logged else values) - ends[0]) / span
    marks = np.linspace(ends[0], ends[1], 4) if high > low else ends[:1]
    ticks = []
    for mark in marks.tolist():
        value = 10.0**mark if logged else mark
        ticks.append(((mark - float(ends[0])) / span, value_text(metric, value) if metric else f"{value:.3g}"))
    return Dimension(name, places, tuple(ticks))


def _objective(axis: Axis, rows: pd.DataFrame) -> Dimension:
    values = rows[axis.metric].to_numpy(dtype=np.float64)
    return _numeric(metric_of(axis.metric).heading, values, axis.log, axis.metric)


def _points(info: ParallelInfo, rows: NDArray[np.bool_]) -> pd.DataFrame:
    """Columns `[line, x, y, arch_id, hover]` with gaps between the lines of these rows."""
    chosen = np.flatnonzero(rows)
    width = len(info.dimensions)
    points = pd.DataFrame(
        {
            "line": np.repeat(chosen, width),
            "x": np.tile(np.arange(width, dtype=np.float64), len(chosen)),
            "y": np.stack([dimension.places[chosen] for dimension in info.dimensions], axis=1).ravel(),
        }
    )
    points = with_gaps(points, "line", ["x", "y"])
    return points.assign(**{name: info.trials[name].to_numpy()[points["line"]] for name in ("arch_id", "hover")})


def parallel_plot(info: ParallelInfo) -> Figure:
    """The interactive figure; `customdata` of each point is the `arch_id`."""
    if info.missing:
        return plotly_message(info.missing)
    front = info.trials["is_front"].to_numpy(dtype=np.bool_)
    traces = [
        _lines(_points(info, ~front), "dominated", GREY, 0.7 if len(front) > _MANY_LINES else 1.0),
        _lines(_points(info, front), "front", VERMILLION, 2.0),
        _lines(_points(info, info.trials["is_highlighted"].to_numpy(dtype=np.bool_)), "highlighted", PURPLE, 4.0),
    ]
    traces = [trace for trace in traces if len(trace["x"])]
    last = len(info.dimensions) - 1
    layout = {
        "xaxis": {
            "tickvals": list(range(last + 1)),
            "ticktext": [_broken(parameter_name(dimension.name)) for dimension in info.dimensions],
            "side": "top",
            "range": [-0.3, last + 0.7],
            "showgrid": True,
            "gridcolor": GREY,
            "ticks": "",
            "fixedrange": True,
            "ticklabeloverflow": "allow",
            "tickangle": 0,
        },
        "yaxis": {"visible": False, "range": [-0.04, 1.04], "fixedrange": True},
        "annotations": [label for place, each in enumerate(info.dimensions) for label in _tick_labels(place, each)],
        "meta": {"min_width": 92 * (last + 1)},
    }
    lines = max(_broken(parameter_name(dimension.name)).count("<br>") for dimension in info.dimensions) + 1
    return plotly_figure(traces, layout, height=440 + _HEADING * lines, above=_HEADING * lines)


def _lines(points: pd.DataFrame, name: str, colour: str, width: float) -> dict[str, Any]:
    return {
        "x": points["x"],
        "y": points["y"],
        "mode": "lines",
        "name": name,
        "hovertext": points["hover"].tolist(),
        "customdata": [escape(arch_id) for arch_id in points["arch_id"]],
        "hoverinfo": "text",
        "line": {"color": colour, "width": width},
    }


def _tick_labels(place: int, dimension: Dimension) -> list[dict[str, Any]]:
    return [
        {
            "x": place,
            "y": y,
            "text": escape(label),
            "showarrow": False,
            "xanchor": "left",
            "xshift": 3,
            "font": {"size": 11},
            "name": "value",
        }
        for y, label in dimension.ticks
    ]


def _broken(name: str) -> str:
    """A name with a line break after each dot, for plotly."""
    return escape(name).replace(".", ".<br>")


def parallel_drawing(info: ParallelInfo) -> matplotlib.figure.Figure:
    """The figure for a paper, two columns wide."""
    if info.missing:
        return blank(info.missing)
    front = info.trials["is_front"].to_numpy(dtype=np.bool_)
    with drawing(PAGE, 2.6) as (figure, axes):
        for name, rows, colour, opacity, width in (
            ("dominated", ~front, GREY, 0.9, 0.4),
            ("front", front, VERMILLION, 1.0, 0.9),
            ("highlighted", info.trials["is_highlighted"].to_numpy(dtype=np.bool_), PURPLE, 1.0, 1.8),
        ):
            if not rows.any():
                continue
            points = _points(info, rows)
            axes.plot(points["x"], points["y"], color=colour, alpha=opacity, linewidth=width, label=name)
        for place, dimension in enumerate(info.dimensions):
            axes.axvline(place, color=GREY, linewidth=0.6)
            for y, label in dimension.ticks:
                axes.annotate(
                    plain_text(label),
                    (place, y),
                    xytext=(2, 0),
                    textcoords="offset points",
                    fontsize=6,
                    va="center",
                    bbox=LABEL_BOX,
                )
        axes.set_xticks(
            range(len(info.dimensions)), [_stacked(parameter_name(dimension.name)) for dimension in info.dimensions]
        )
        axes.xaxis.tick_top()
        axes.tick_params(length=0)
        axes.set_yticks([])
        axes.set_xlim(-0.05, len(info.dimensions) - 0.45)
        axes.grid(visible=False)
        for side in axes.spines.values():
            side.set_visible(False)
        axes.legend(loc="upper left", bbox_to_anchor=(0, 0), ncols=2)
    return figure


def _stacked(name: str) -> str:
    """A name with a line break after each dot, for matplotlib."""
    return plain_text(name.replace(".", ".\n"))


FIGURE = FigureKind(
    place=70,
    title="Parallel coordinates",
    reading=(
        "Each line is a complete trial, from its parameters on the left to its objectives on the right; orange lines "
        "are on the front. Where all orange lines pass through the same value, this value is common to the whole "
        "front."
    ),
    info=parallel_info,
    plot=parallel_plot,
    drawing=parallel_drawing,
    wide=True,
)
