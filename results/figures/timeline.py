"""The timeline: which worker trained which trial, and when."""

from __future__ import annotations

from html import escape
from typing import TYPE_CHECKING, Any, NamedTuple

import pandas as pd

from xoresnet.results.figures.kit.axes import time_unit
from xoresnet.results.figures.kit.kind import FigureKind
from xoresnet.results.figures.kit.lines import with_gaps
from xoresnet.results.figures.kit.palette import STATE_COLOURS
from xoresnet.results.figures.kit.paper import PAGE, blank, drawing, plain_text
from xoresnet.results.figures.kit.sample import MOST_POINTS
from xoresnet.results.figures.kit.theme import plotly_figure, plotly_message
from xoresnet.results.tables.loading import RunTables
from xoresnet.results.tables.spending import PAUSING, STATE_NAMES

if TYPE_CHECKING:
    import matplotlib.figure
    from plotly.graph_objects import Figure

__all__ = ["FIGURE", "TimelineInfo", "timeline_drawing", "timeline_info", "timeline_plot"]

_MOST_WORKERS = 40
_UNKNOWN = "unknown"
_PAUSE = 2.0
"""Seconds between two epochs after which the second one is a stretch of its own, unless epochs take as long."""


class TimelineInfo(NamedTuple):
    """What the figure shows."""

    bars: pd.DataFrame
    """Columns `[trial_id, arch_id, state, worker, row, begin, end]`; times count from the first start."""
    workers: tuple[str, ...]
    """The names of the rows, ordered by their first trial."""
    unit: str
    notes: tuple[str, ...] = ()
    missing: str = ""


def timeline_info(run: RunTables) -> TimelineInfo:
    """The latest trials, one row per worker: a bar for each stretch that a network trained without a pause.

    All stretches of a trial are in the row of its last worker.
    """
    trials = run.trials[run.trials["started"].notna()].sort_values("started", kind="stable")
    nothing = pd.DataFrame(columns=["trial_id", "arch_id", "state", "worker", "row", "begin", "end"])
    if trials.empty:
        return TimelineInfo(nothing, (), "s", missing="No trial has started yet.")
    notes = []
    if len(trials) > MOST_POINTS:
        notes.append(f"Shows the latest {MOST_POINTS:,} of {len(trials):,} trials.")
        trials = trials.iloc[-MOST_POINTS:]
    names = trials["worker"].astype(object).where(trials["worker"].notna(), _UNKNOWN)
    if names.nunique() > _MOST_WORKERS:
        notes.append(f"There were {names.nunique():,} worker processes; each row is a machine.")
        names = names.str.rpartition(":")[0].mask(names == _UNKNOWN, _UNKNOWN)
    workers = list(dict.fromkeys(names))[-_MOST_WORKERS:]
    kept = names.isin(workers)
    origin = run.trials["started"].min()
    stretches = _stretches(run, trials[kept].assign(worker=names[kept]))
    begin, end = ((stretches[name] - origin).dt.total_seconds() for name in ("begin", "end"))
    unit, size = time_unit(float(end.max()))
    rows = stretches["worker"].map({name: row for row, name in enumerate(workers)})
    bars = stretches[["trial_id", "arch_id", "state", "worker"]].assign(row=rows, begin=begin / size, end=end / size)
    return TimelineInfo(bars.reset_index(drop=True), tuple(map(str, workers)), unit, tuple(notes))


def _stretches(run: RunTables, trials: pd.DataFrame) -> pd.DataFrame:
    """One row for each stretch of epochs without a pause, `[trial_id, arch_id, state, worker, begin, end]`.

    A trial without reports has one stretch from its start to its end; so has each trial of a run whose history does not
    say how long its epochs took.
    """
    whole = trials.assign(begin=trials["started"], end=trials["ended"].fillna(trials["started"]))
    columns = ["trial_id", "arch_id", "state", "worker", "begin", "end"]
    epochs = run.history[run.history["trial_id"].isin(trials["trial_id"]) & run.history["reported"].notna()]
    if epochs.empty:
        return whole[columns]
    seconds = epochs[["train_seconds", "evaluation_seconds"]].sum(axis=1, min_count=1)
    epochs = epochs.assign(begin=epochs["reported"] - pd.to_timedelta(seconds.fillna(0.0), unit="s"))
    epochs = epochs.sort_values(["trial_id", "epoch"], kind="stable")
    same = epochs["trial_id"] == epochs["trial_id"].shift()
    idle = (epochs["begin"] - epochs["reported"].shift()).dt.total_seconds()
    steps = epochs["reported"].diff()[same].dt.total_seconds()
    goes_on = same & (idle <= (max(_PAUSE, 3 * float(steps.median())) if len(steps) else _PAUSE))
    ends = (
        epochs.assign(stretch=(~goes_on).cumsum())
        .groupby("stretch")
        .agg(trial_id=("trial_id", "first"), begin=("begin", "first"), end=("reported", "last"))
    )
    known = trials[["trial_id", "arch_id", "state", "worker", "started", "ended"]]
    bars = ends.merge(known, on="trial_id", how="inner", sort=False)
    first, last = (~bars["trial_id"].duplicated(keep=side) for side in ("first", "last"))
    bars["begin"] = bars["begin"].mask(first, bars["started"])  # data and network are made before the first epoch
    was_paused = (bars["state"] == "PRUNED") & (run.config.get("strategy") in PAUSING)  # told PRUNED when all was over
    bars["end"] = bars["end"].mask(last & bars["ended"].notna() & ~was_paused, bars["ended"])
    without = whole[~whole["trial_id"].isin(bars["trial_id"])]
    return pd.concat([bars[columns], without[columns]], ignore_index=True)


def _short(worker: str, most: int = 18) -> str:
    return worker if len(worker) <= most else f"…{worker[1 - most :]}"


def _points(bars: pd.DataFrame) -> pd.DataFrame:
    """Both ends of each bar, with gaps between the bars."""
    ends = [bars.assign(x=bars["begin"], y=bars["row"]), bars.assign(x=bars["end"], y=bars["row"])]
    return with_gaps(pd.concat(ends).sort_values(["trial_id", "x"], kind="stable"), "trial_id", ["x", "y"])


def timeline_plot(info: TimelineInfo) -> Figure:
    """The interactive figure; `customdata` of each bar begins with the `arch_id`."""
    if info.missing:
        return plotly_message(info.missing)
    traces = [
        _lines(_points(info.bars[info.bars["state"] == state]), name, STATE_COLOURS[state])
        for state, name in STATE_NAMES.items()
        if (info.bars["state"] == state).any()
    ]
    rows = list(range(len(info.workers)))
    layout = {
        "xaxis": {"title": {"text": f"time since the start ({info.unit})"}},
        "yaxis": {
            "tickvals": rows,
            "ticktext": [escape(_short(name)) for name in info.workers],
            "autorange": False,
            "range": [len(rows) - 0.4, -0.6],
            "showgrid": False,
        },
    }
    return plotly_figure(traces, layout, height=120 + max(60, 26 * len(rows)))


def _lines(points: pd.DataFrame, name: str, colour: str) -> dict[str, Any]:
    columns = points[["arch_id", "trial_id", "begin", "end"]].itertuples(index=False, name=None)
    custom = [[escape(arch_id), *others] for arch_id, *others in columns]
    return {
        "x": points["x"],
        "y": points["y"],
        "customdata": custom,
        "name": name,
        "mode": "lines+markers",
        "line": {"color": colour, "width": 11},
        "marker": {"symbol": "line-ns", "size": 11, "color": colour},
        "hovertemplate": "<b>#%{customdata[1]}  %{customdata[0]}</b><br>"
        + name
        + ", from %{customdata[2]:.1f} to %{customdata[3]:.1f}<extra></extra>",
    }


def timeline_drawing(info: TimelineInfo) -> matplotlib.figure.Figure:
    """The figure for a paper, two columns wide."""
    if info.missing:
        return blank(info.missing)
    with drawing(PAGE, 0.8 + 0.16 * max(3, len(info.workers))) as (figure, axes):
        for state, name in STATE_NAMES.items():
            bars = info.bars[info.bars["state"] == state]
            if len(bars):
                axes.barh(
                    bars["row"],
                    bars["end"] - bars["begin"],
                    0.7,
                    left=bars["begin"],
                    color=STATE_COLOURS[state],
                    edgecolor="white",
                    linewidth=0.4,
                    label=name,
                )
        axes.set_yticks(range(len(info.workers)), [plain_text(_short(name)) for name in info.workers])
        axes.invert_yaxis()
        axes.grid(visible=False, axis="y")
        axes.set_xlabel(f"time since the start ({info.unit})")
        figure.legend(loc="outside upper left", ncols=4)
    return figure


FIGURE = FigureKind(
    place=100,
    title="Timeline",
    reading=(
        "Each row is a worker process, each bar a trial from its start to its end. In gaps nothing was trained; many "
        "short rows mean that workers were restarted."
    ),
    info=timeline_info,
    plot=timeline_plot,
    drawing=timeline_drawing,
)
