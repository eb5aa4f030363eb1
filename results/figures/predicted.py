"""What shared weights said of the networks that were trained, beside what these came to."""

from __future__ import annotations

import math
from collections.abc import Mapping
from html import escape
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import pandas as pd

from xoresnet.measures.metrics import metric_of
from xoresnet.results.analysis.prediction import predicted_and_measured, prediction_quality
from xoresnet.results.figures.kit.axes import Axis, axis_of, drawable
from xoresnet.results.figures.kit.networks import describe
from xoresnet.results.figures.kit.palette import BLUE, GREY, VERMILLION, faint
from xoresnet.results.figures.kit.sample import MOST_POINTS, thin
from xoresnet.results.fronts.ranks import Agreement
from xoresnet.results.tables.loading import Run

if TYPE_CHECKING:
    import matplotlib.figure
    from plotly.graph_objects import Figure

__all__ = ["PredictedInfo", "predicted_drawing", "predicted_info", "predicted_plot"]

TITLE = "Predicted and measured"
READING = (
    "What weights shared by all networks said of those that were then trained, against what these came to. Orange ones "
    "were tried because of it. Predictions decide what is tried and nothing else: no figure above is one."
)
_CHOSEN = "prior"
"""Source of trials that were tried because of their prediction."""


class Panel(NamedTuple):
    """One objective."""

    axis: Axis
    """Of both ways."""
    networks: pd.DataFrame
    """Columns `[x, y, is_chosen, hover]`: predicted, measured."""
    ends: tuple[float, float]
    """Of the line on which a prediction would be right."""


class PredictedInfo(NamedTuple):
    """What the figure shows."""

    panels: tuple[Panel, ...]
    quality: Mapping[str, Agreement]
    """How well predictions ranked these networks, by objective."""
    notes: tuple[str, ...] = ()
    missing: str = ""
    """Why there is nothing to show."""


def predicted_info(run: Run) -> PredictedInfo:
    """All complete trials whose networks were predicted, one panel for each of the first two objectives that are."""
    pairs = predicted_and_measured(run)
    missing = "" if len(pairs) else _why_nothing(run)
    quality = prediction_quality(pairs, run.objectives)
    shown, note = thin(pairs, MOST_POINTS, (pairs["source"] == _CHOSEN).to_numpy(dtype=np.bool_))
    words = dict(zip(run.trials["trial_id"], describe(run.trials), strict=True)) if len(pairs) else {}
    panels = tuple(_panel(metric, shown, words) for metric in [*quality][:2])
    notes = (_quality_note(quality, len(pairs)), _cost_note(run), note)
    return PredictedInfo(panels, quality, tuple(filter(None, notes)) if not missing else (), missing)


def _why_nothing(run: Run) -> str:
    if run.prior.get("failed"):
        return f"Shared weights could not be trained: {str(run.prior['failed']).rstrip('.').replace('. ', '; ')}."
    if len(run.predicted):
        return "No network that was predicted is trained to its end yet."
    return "The search was told of no prior."


def _panel(metric: str, pairs: pd.DataFrame, words: Mapping[int, str]) -> Panel:
    said = f"predicted_{metric}"
    both = pd.DataFrame({metric: np.concatenate([pairs[metric].to_numpy(), pairs[said].to_numpy()])})
    axis = axis_of(metric, both)
    places = drawable(pairs, [axis]) & drawable(pairs, [axis._replace(metric=said)])
    rows = pairs[places]
    table = pd.DataFrame(
        {
            "x": rows[said].to_numpy(dtype=np.float64),
            "y": rows[metric].to_numpy(dtype=np.float64),
            "is_chosen": (rows["source"] == _CHOSEN).to_numpy(dtype=np.bool_),
            "hover": [
                f"<b>#{row['trial_id']}  {escape(str(row['arch_id']))}</b><br>{escape(words[row['trial_id']])}"
                for row in rows.to_dict("records")
            ],
        }
    )
    values = table[["x", "y"]].to_numpy()
    return Panel(axis, table, (float(values.min()), float(values.max())) if len(table) else (0.0, 1.0))


def _quality_note(quality: Mapping[str, Agreement], count: int) -> str:
    known = {metric: found for metric, found in quality.items() if not math.isnan(found.tau)}
    if not known:
        return ""
    said = "; ".join(f"{metric_of(metric).heading} {_tau_text(found)}" for metric, found in known.items())
    return f"Kendall's tau over {count:,} networks, some of which these predictions may have chosen: {said}."


def _tau_text(found: Agreement) -> str:
    interval = "" if math.isnan(found.low) else f" (95 %: {found.low:.2f} to {found.high:.2f})"
    return f"{found.tau:.2f}{interval}"


def _cost_note(run: Run) -> str:
    if "epochs_charged" not in run.prior:
        return ""
    epochs, trials, seconds = (float(run.prior[name]) for name in ("epochs_charged", "trials_charged", "seconds"))
    cost = f"as much as {epochs:,.0f} epochs of one network, counted as {trials:,.0f} trials"
    return f"{len(run.predicted):,} networks were predicted; that cost {seconds:,.0f} s of machine time, {cost}."


def predicted_plot(info: PredictedInfo) -> Figure:
    """The interactive figure, one panel below the other."""
    from xoresnet.results.figures.kit.theme import figure, message, plotly_axis

    if info.missing:
        return message(info.missing)
    traces: list[dict[str, Any]] = []
    layout: dict[str, Any] = {}
    for number, panel in enumerate(info.panels):
        name = str(number + 1) if number else ""
        axes = {"xaxis": f"x{name}", "yaxis": f"y{name}"}
        traces.append(
            {**axes, "x": panel.ends, "y": panel.ends, "mode": "lines", "hoverinfo": "skip", "showlegend": False,
             "line": {"color": faint(GREY, 0.6), "width": 1, "dash": "dot"}}
        )  # fmt: skip
        for chosen, label, colour in ((False, "tried for other reasons", BLUE), (True, "tried for this", VERMILLION)):
            rows = panel.networks[panel.networks["is_chosen"] == chosen]
            traces.append(
                {**axes, "x": rows["x"], "y": rows["y"], "mode": "markers", "name": label, "showlegend": number == 0,
                 "marker": {"color": faint(colour, 0.7), "size": 7}, "hovertext": rows["hover"], "hoverinfo": "text"}
            )  # fmt: skip
        low, high = 1 - (number + 1) / len(info.panels), 1 - number / len(info.panels)
        axis = plotly_axis(panel.axis)
        said = axis["title"]["text"]
        layout[f"xaxis{name}"] = {**axis, "anchor": f"y{name}", "title": {"text": f"predicted {said}"}}
        layout[f"yaxis{name}"] = {
            **axis, "anchor": f"x{name}", "title": {"text": f"measured {said}"},
            "domain": [low + (0.13 if number + 1 < len(info.panels) else 0), high],
        }  # fmt: skip
    return figure([trace for trace in traces if len(trace["x"])], layout, height=280 * len(info.panels) + 40)


def predicted_drawing(info: PredictedInfo) -> matplotlib.figure.Figure:
    """The figure for a paper, two columns wide."""
    from xoresnet.results.figures.kit.paper import PAGE, blank, drawing, set_axis

    if info.missing:
        return blank(info.missing)
    with drawing(PAGE, 2.7, 1, len(info.panels), squeeze=False) as (made, axes):
        for place, panel in zip(axes[0], info.panels, strict=True):
            place.plot(panel.ends, panel.ends, color=GREY, linestyle=":", linewidth=0.8)
            for chosen, label, colour in ((False, "other reasons", BLUE), (True, "tried for this", VERMILLION)):
                rows = panel.networks[panel.networks["is_chosen"] == chosen]
                place.scatter(rows["x"], rows["y"], s=9, color=colour, alpha=0.7, linewidths=0, label=label)
            set_axis(place, "x", panel.axis)
            set_axis(place, "y", panel.axis)
            place.set_xlabel(f"predicted {panel.axis.label}")
            place.set_ylabel(f"measured {panel.axis.label}")
        handles, labels = axes[0][0].get_legend_handles_labels()
        made.legend(handles, labels, loc="outside upper left", ncols=2)
    figure: matplotlib.figure.Figure = made
    return figure
