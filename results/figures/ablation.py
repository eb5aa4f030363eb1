"""Ablation: the effects of merge, XOR placement, time steps and depth, all else equal."""

from __future__ import annotations

from collections.abc import Iterator
from html import escape
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import pandas as pd
from pandas.api.types import is_numeric_dtype

from xoresnet.measures.metrics import metric_of
from xoresnet.results.analysis.ablation import ablation
from xoresnet.results.analysis.matched import FACTORS
from xoresnet.results.figures.kit.axes import Axis, axis_of, round_ticks
from xoresnet.results.figures.kit.kind import FigureKind
from xoresnet.results.figures.kit.networks import parameter_name, value_name
from xoresnet.results.figures.kit.palette import BLUE, GREY
from xoresnet.results.figures.kit.paper import COLUMN, PAGE, blank, drawing, plain_text, set_axis
from xoresnet.results.figures.kit.theme import plotly_figure, plotly_message
from xoresnet.results.fronts.objectives import eligible
from xoresnet.results.tables.loading import RunTables
from xoresnet.results.tables.parameters import varying_parameters

if TYPE_CHECKING:
    import matplotlib.figure
    from plotly.graph_objects import Figure

__all__ = ["FIGURE", "AblationInfo", "ablation_drawing", "ablation_info", "ablation_plot"]

_MOST_TRIALS = 10_000
_TIMES = "\u00d7"
_MOST_LEVELS = 8
_MOST_TICKS = 3
"""For which a panel of half a column has room."""
_SHOWN = ["level", "effect", "low", "high", "count"]
_MEANS = (
    "No two complete trials differ in only one of these parameters. The figure therefore shows the mean of all trials "
    "with each value, which also reflects what else these trials have in common."
)


class AblationInfo(NamedTuple):
    """What the figure shows."""

    effects: pd.DataFrame
    """Columns `[factor, metric, level, effect, low, high, count]`; `scales` says what an effect is."""
    references: dict[str, str]
    """The value with which the others are compared, by factor; empty for means."""
    axes: tuple[Axis, ...]
    """The axes of the metrics themselves."""
    scales: dict[str, str]
    """`difference`, `ratio` or `mean`, by metric."""
    notes: tuple[str, ...] = ()
    missing: str = ""
    counted: str = "comparisons"
    """What `count` counts."""


def ablation_info(run: RunTables) -> AblationInfo:
    """Matched effects if there are any, otherwise marginal means; at most eight values per parameter."""
    complete = run.trials[eligible(run.trials, run.objectives)]
    axes = tuple(axis_of(metric, complete) for metric in run.objectives)
    varying = [factor for factor in FACTORS if factor in varying_parameters(complete)] if len(complete) else []
    if not varying:
        names = f"{', '.join(FACTORS[:-1])} or {FACTORS[-1]}"
        sentence = f"No complete trials differ in {names}." if len(complete) else "No trial is complete yet."
        return AblationInfo(pd.DataFrame(), {}, axes, {}, missing=sentence)
    notes = []
    if len(complete) > _MOST_TRIALS:
        notes.append(f"Computed from a random sample of {_MOST_TRIALS:,} of the {len(complete):,} complete trials.")
        complete = complete.sample(_MOST_TRIALS, random_state=0).sort_index()
    frame = pd.concat([ablation(complete, factor, list(run.objectives)).assign(factor=factor) for factor in varying])
    matched = frame[(frame["kind"] == "matched") & (frame["count"] > 0)]
    kind = matched if len(matched) else frame[frame["kind"] == "marginal"]
    effects, references = _readable(kind)
    compared = list(dict.fromkeys(effects["factor"]))
    if matched.empty:
        notes.append(_MEANS)
    elif len(compared) < len(varying):
        others = " or ".join(factor for factor in varying if factor not in compared)
        notes.append(f"No two complete trials differ in {others} alone.")
    scales = dict(zip(kind["metric"], kind["scale"], strict=True))
    return AblationInfo(effects, references, axes, scales, tuple(notes))


def _readable(frame: pd.DataFrame) -> tuple[pd.DataFrame, dict[str, str]]:
    """The effects of each factor relative to a single reference, at its most frequent levels."""
    parts, references = [], {}
    for factor, rows in frame.groupby("factor", sort=False):
        if rows["reference"].notna().any():
            reference = rows.groupby("reference", sort=False)["count"].sum().idxmax()
            references[str(factor)] = str(reference)
            parts.append(_ordered(rows[rows["reference"] == reference]))
        else:
            parts.append(_ordered(rows))
    effects = pd.concat(parts)[["factor", "metric", *_SHOWN]].reset_index(drop=True)
    return effects.assign(level=effects["level"].astype(str)), references


def _ordered(rows: pd.DataFrame) -> pd.DataFrame:
    """The most frequent levels; numeric levels in ascending order."""
    levels = rows.groupby("level", sort=False)["count"].sum().nlargest(_MOST_LEVELS).index
    kept = rows[rows["level"].isin(levels)]
    numeric = is_numeric_dtype(kept["level"].infer_objects())
    return kept.sort_values("level", kind="stable") if numeric else kept


class _Row(NamedTuple):
    """One row of the figure; the heading of a factor if level is None."""

    factor: str
    level: str | None


def _rows(info: AblationInfo) -> list[_Row]:
    rows: list[_Row] = []
    for factor, effects in info.effects.groupby("factor", sort=False):
        rows += [_Row(str(factor), None), *(_Row(str(factor), level) for level in dict.fromkeys(effects["level"]))]
    return rows


def _heading(info: AblationInfo, factor: str) -> str:
    if factor not in info.references:
        return parameter_name(factor)
    return f"vs {value_name(factor, info.references[factor])}"


class _Panel(NamedTuple):
    """The effects on one metric, with their rows in the figure."""

    axis: Axis
    scale: str
    label: str
    points: pd.DataFrame
    """The columns of `effects`, and `row`; differences of shares are in percentage points."""


def _panels(info: AblationInfo) -> Iterator[_Panel]:
    places = {row: place for place, row in enumerate(_rows(info))}
    for axis in info.axes:
        points = info.effects[info.effects["metric"] == axis.metric]
        if points.empty:
            continue
        scale, name = info.scales[axis.metric], metric_of(axis.metric).heading
        if scale == "difference" and axis.share:
            points = points.assign(**{column: 100 * points[column] for column in ("effect", "low", "high")})
        label = {
            "ratio": f"{name}, times",
            "difference": f"{name}{', points' if axis.share else ', difference'}",
            "mean": f"mean {axis.label}",
        }[scale]
        row = [places[_Row(*pair)] for pair in zip(points["factor"], points["level"], strict=True)]
        yield _Panel(axis, scale, label, points.assign(row=row))


def ablation_plot(info: AblationInfo) -> Figure:
    """The interactive figure."""
    if info.missing:
        return plotly_message(info.missing)
    rows, panels = _rows(info), list(_panels(info))
    labels = [
        f"<b>{escape(_heading(info, r.factor))}</b>" if r.level is None else escape(value_name(r.factor, r.level))
        for r in rows
    ]
    height, gap = 25 * len(rows), 0.06
    width, tall = (1 - gap * (len(panels) - 1)) / len(panels), (1 - 0.12 * (len(panels) - 1)) / len(panels)
    layout: dict[str, Any] = {"showlegend": False, "shapes": []}
    narrow: dict[str, Any] = {"height": (height + 90) * len(panels)}
    for number, panel in enumerate(panels):
        x, y = (f"{way}{number + 1 if number else ''}" for way in "xy")
        left, top = number * (width + gap), 1 - number * (tall + 0.12)
        long_x, long_y = x.replace("x", "xaxis"), y.replace("y", "yaxis")
        layout[long_x] = {"domain": [left, left + width], "anchor": y, **_plotly_scale(panel)}
        layout[long_y] = {
            "tickvals": list(range(len(rows))),
            "ticktext": labels,
            "showgrid": False,
            "anchor": x,
            "autorange": False,
            "range": [len(rows) - 0.4, -0.6],
            "showticklabels": not number,
        }
        narrow |= {f"{long_x}.domain": [0, 1], f"{long_y}.domain": [max(0, top - tall), top]}
        narrow |= {f"{long_y}.showticklabels": True}
        layout["shapes"] += [_no_effect_line(panel, x, y)] if panel.scale != "mean" else []
    traces = [_dots(panel, str(number + 1) if number else "", info.counted) for number, panel in enumerate(panels)]
    return plotly_figure(traces, {**layout, "meta": {"narrow": narrow}}, height=90 + height)


def _no_effect_line(panel: _Panel, x: str, y: str) -> dict[str, Any]:
    """The vertical line that marks no effect."""
    place = 1 if panel.scale == "ratio" else 0
    return {
        "type": "line",
        "xref": x,
        "yref": f"{y} domain",
        "x0": place,
        "x1": place,
        "y0": 0,
        "y1": 1,
        "line": {"color": GREY, "width": 1},
        "layer": "below",
    }


def _plotly_scale(panel: _Panel) -> dict[str, Any]:
    scale: dict[str, Any] = {"title": {"text": escape(panel.label)}, "nticks": 5, "tickangle": 0}
    if panel.scale == "ratio":
        ticks = round_ticks(*_ratio_bounds(panel.points))
        scale |= {"type": "log", "tickvals": ticks, "ticktext": [f"{_TIMES}{tick:g}" for tick in ticks]}
    elif panel.scale == "mean":
        scale |= {"type": "log" if panel.axis.log else "linear"}
        scale |= {"tickformat": ".3~%"} if panel.axis.share else {"tickformat": ".3~s"}
    return scale


def _ratio_bounds(points: pd.DataFrame) -> tuple[float, float]:
    """The range of a panel of ratios: it includes 1 and has a margin on both sides."""
    values = points[["effect", "low", "high"]].to_numpy(dtype=np.float64)
    return 0.9 * min(1.0, float(np.nanmin(values))), 1.1 * max(1.0, float(np.nanmax(values)))


def _dots(panel: _Panel, number: str, counted: str) -> dict[str, Any]:
    points = panel.points
    up, down = points["high"] - points["effect"], points["effect"] - points["low"]
    unit = _TIMES if panel.scale == "ratio" else ""
    texts = [
        f"<b>{escape(value_name(factor, level))}</b><br>{escape(panel.label)} {unit}{effect:.4g}"
        f"<br>{_interval(low, high)}<br>{count:,} {'trials' if panel.scale == 'mean' else counted}"
        for factor, level, effect, low, high, count in points[["factor", *_SHOWN]].itertuples(index=False, name=None)
    ]
    return {
        "x": points["effect"],
        "y": points["row"],
        "xaxis": f"x{number}",
        "yaxis": f"y{number}",
        "mode": "markers",
        "marker": {
            "color": [BLUE if known else "rgba(0,0,0,0)" for known in points["low"].notna()],
            "size": 9,
            "line": {"color": BLUE, "width": 1.5},
        },
        "error_x": {
            "type": "data",
            "symmetric": False,
            "array": up.fillna(0),
            "arrayminus": down.fillna(0),
            "color": BLUE,
            "thickness": 2,
            "width": 0,
        },
        "hovertext": texts,
        "hoverinfo": "text",
    }


def _interval(low: float, high: float) -> str:
    return "no interval" if np.isnan(low) else f"95 % interval {low:.4g} … {high:.4g}"


def ablation_drawing(info: AblationInfo) -> matplotlib.figure.Figure:
    """The figure for a paper, one column wide, or two for three or more objectives."""
    from matplotlib.ticker import NullFormatter  # here, because infos are made without matplotlib

    if info.missing:
        return blank(info.missing)
    rows, panels = _rows(info), list(_panels(info))
    with drawing(
        COLUMN if len(panels) <= 2 else PAGE, 0.6 + 0.17 * len(rows), 1, len(panels), sharey=True, squeeze=False
    ) as (figure, axes):
        for place, panel in zip(axes[0], panels, strict=True):
            points = panel.points
            errors = np.nan_to_num([points["effect"] - points["low"], points["high"] - points["effect"]])
            place.errorbar(points["effect"], points["row"], xerr=errors, fmt="none", ecolor=BLUE)
            fills = [BLUE if known else "white" for known in points["low"].notna()]
            place.scatter(points["effect"], points["row"], s=13, c=fills, edgecolors=BLUE, linewidths=0.9, zorder=3)
            place.grid(visible=False, axis="y")
            if panel.scale == "mean":
                set_axis(place, "x", panel.axis)
            else:
                place.axvline(1 if panel.scale == "ratio" else 0, color=GREY, linewidth=0.8, zorder=0)
            if panel.scale == "ratio":
                low, high = _ratio_bounds(points)
                place.set_xscale("log")
                place.set_xlim(low, high)
                ticks = round_ticks(low, high)
                ticks = ticks[:: -(-len(ticks) // _MOST_TICKS)]
                place.set_xticks(ticks, [f"{_TIMES}{tick:g}" for tick in ticks])
                place.xaxis.set_minor_formatter(NullFormatter())
            place.set_xlabel(plain_text(panel.label))
        first = axes[0][0]
        first.set_yticks(
            range(len(rows)),
            [plain_text(_heading(info, r.factor) if r.level is None else value_name(r.factor, r.level)) for r in rows],
        )
        for row, label in zip(rows, first.get_yticklabels(), strict=True):
            label.set_fontweight("bold" if row.level is None else "normal")
        first.set_ylim(len(rows) - 0.4, -0.6)
    return figure


FIGURE = FigureKind(
    place=50,
    title="Ablation",
    reading=(
        "Each dot compares trials that differ in a single parameter: it shows how much the named value changes an "
        "objective relative to the value after “vs”. Lines are 95 % intervals; if a line crosses the vertical line, "
        "the difference may be due to chance."
    ),
    info=ablation_info,
    plot=ablation_plot,
    drawing=ablation_drawing,
)
