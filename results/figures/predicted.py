"""Predictions of shared weights against the measured results of the same networks."""

from __future__ import annotations

import math
from collections.abc import Mapping
from html import escape
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import pandas as pd

from xoresnet.measures.metrics import duration, metric_of
from xoresnet.results.analysis.networks import describe
from xoresnet.results.analysis.prediction import predicted_and_measured, prediction_quality
from xoresnet.results.figures.kit.axes import Axis, axis_of, drawable
from xoresnet.results.figures.kit.kind import FigureKind
from xoresnet.results.figures.kit.palette import BLUE, GREY, VERMILLION
from xoresnet.results.figures.kit.paper import COLUMN, blank, drawing, set_axis
from xoresnet.results.figures.kit.sample import MOST_POINTS, thin
from xoresnet.results.figures.kit.theme import plotly_axis, plotly_figure, plotly_message
from xoresnet.results.fronts.ranks import Agreement
from xoresnet.results.tables.loading import RunTables

if TYPE_CHECKING:
    import matplotlib.figure
    from plotly.graph_objects import Figure

__all__ = ["FIGURE", "PredictedInfo", "predicted_drawing", "predicted_info", "predicted_plot"]

_REASONS = ((False, "tried for other reasons", BLUE), (True, "tried because of its prediction", VERMILLION))
_CHOSEN = "prior"
"""The source of trials that were tried because of their prediction."""


class Panel(NamedTuple):
    """One objective."""

    axis: Axis
    """The axis of both directions."""
    networks: pd.DataFrame
    """Columns `[x, y, is_chosen, hover]`; x is predicted, y is measured."""
    ends: tuple[float, float]
    """The ends of the diagonal, on which predictions are exact."""


class PredictedInfo(NamedTuple):
    """What the figure shows."""

    panels: tuple[Panel, ...]
    quality: Mapping[str, Agreement]
    """How well the predictions ranked these networks, by objective."""
    notes: tuple[str, ...] = ()
    missing: str = ""
    """Why there is nothing to show."""


def predicted_info(run: RunTables) -> PredictedInfo:
    """All complete trials with a prediction, in one panel for each of the first two predicted objectives."""
    pairs = predicted_and_measured(run)
    missing = "" if len(pairs) else _why_nothing(run)
    quality = prediction_quality(pairs, run.objectives)
    shown, note = thin(pairs, MOST_POINTS, (pairs["source"] == _CHOSEN).to_numpy(dtype=np.bool_))
    words = dict(zip(run.trials["trial_id"], describe(run.trials), strict=True)) if len(pairs) else {}
    panels = tuple(_panel(metric, shown, words) for metric in [*quality][:2])
    notes = (_quality_note(quality, len(pairs)), _cost_note(run), note)
    return PredictedInfo(panels, quality, tuple(filter(None, notes)) if not missing else (), missing)


def _why_nothing(run: RunTables) -> str:
    if run.prior.get("failed"):
        return f"Shared weights could not be trained: {str(run.prior['failed']).rstrip('.').replace('. ', '; ')}."
    if len(run.predicted):
        return "No network with a prediction was trained to the end yet."
    return "This search used no shared weights."


def _panel(metric: str, pairs: pd.DataFrame, words: Mapping[int, str]) -> Panel:
    predicted = f"predicted_{metric}"
    both = pd.DataFrame({metric: np.concatenate([pairs[metric].to_numpy(), pairs[predicted].to_numpy()])})
    axis = axis_of(metric, both)
    places = drawable(pairs, [axis]) & drawable(pairs, [axis._replace(metric=predicted)])
    rows = pairs[places]
    table = pd.DataFrame(
        {
            "x": rows[predicted].to_numpy(dtype=np.float64),
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
    known = {metric: agreement for metric, agreement in quality.items() if not math.isnan(agreement.tau)}
    if not known:
        return ""
    taus = "; ".join(f"{metric_of(metric).heading} {_tau_text(agreement)}" for metric, agreement in known.items())
    return f"Kendall's tau over {count:,} networks, some of which these predictions may have selected: {taus}."


def _tau_text(agreement: Agreement) -> str:
    interval = "" if math.isnan(agreement.low) else f" (95 %: {agreement.low:.2f} to {agreement.high:.2f})"
    return f"{agreement.tau:.2f}{interval}"


def _cost_note(run: RunTables) -> str:
    if "epochs_charged" not in run.prior:
        return ""
    epochs, seconds = (float(run.prior[name]) for name in ("epochs_charged", "seconds"))
    cost = f"and the budget has paid {epochs:,.0f} epochs of one network for it"
    return f"Predicting {len(run.predicted):,} networks took {duration(seconds)} of machine time, {cost}."


def predicted_plot(info: PredictedInfo) -> Figure:
    """The interactive figure, one panel below the other."""
    if info.missing:
        return plotly_message(info.missing)
    traces: list[dict[str, Any]] = []
    layout: dict[str, Any] = {}
    for number, panel in enumerate(info.panels):
        suffix = str(number + 1) if number else ""
        axes = {"xaxis": f"x{suffix}", "yaxis": f"y{suffix}"}
        traces.append(
            {
                **axes,
                "x": panel.ends,
                "y": panel.ends,
                "mode": "lines",
                "hoverinfo": "skip",
                "showlegend": False,
                "line": {"color": GREY, "width": 1, "dash": "dot"},
            }
        )
        for chosen, name, colour in _REASONS:
            rows = panel.networks[panel.networks["is_chosen"] == chosen]
            traces.append(
                {
                    **axes,
                    "x": rows["x"],
                    "y": rows["y"],
                    "mode": "markers",
                    "name": name,
                    "showlegend": number == 0,
                    "marker": {"color": colour, "size": 6},
                    "hovertext": rows["hover"],
                    "hoverinfo": "text",
                }
            )
        low, high = 1 - (number + 1) / len(info.panels), 1 - number / len(info.panels)
        axis = plotly_axis(panel.axis)
        label = axis["title"]["text"]
        layout[f"xaxis{suffix}"] = {**axis, "anchor": f"y{suffix}", "title": {"text": f"predicted {label}"}}
        layout[f"yaxis{suffix}"] = {
            **axis,
            "anchor": f"x{suffix}",
            "title": {"text": f"measured {label}"},
            "domain": [low + (0.13 if number + 1 < len(info.panels) else 0), high],
        }
    return plotly_figure([trace for trace in traces if len(trace["x"])], layout, height=280 * len(info.panels) + 40)


def predicted_drawing(info: PredictedInfo) -> matplotlib.figure.Figure:
    """The figure for a paper, one column wide."""
    if info.missing:
        return blank(info.missing)
    with drawing(COLUMN, 2.3 * len(info.panels) + 0.3, len(info.panels), 1, squeeze=False) as (figure, axes):
        for place, panel in zip(axes[:, 0], info.panels, strict=True):
            place.plot(panel.ends, panel.ends, color=GREY, linestyle=":", linewidth=0.8)
            for chosen, name, colour in _REASONS:
                rows = panel.networks[panel.networks["is_chosen"] == chosen]
                place.scatter(rows["x"], rows["y"], s=9, color=colour, linewidths=0, label=name)
            set_axis(place, "x", panel.axis)
            set_axis(place, "y", panel.axis)
            place.set_xlabel(f"predicted {panel.axis.label}")
            place.set_ylabel(f"measured {panel.axis.label}")
        handles, labels = axes[0][0].get_legend_handles_labels()
        figure.legend(handles, labels, loc="outside upper left", ncols=1)
    return figure


FIGURE = FigureKind(
    place=90,
    title="Predicted and measured",
    reading=(
        "Predictions of shared weights against the results of the networks that were then trained. Orange networks "
        "were tried because of their prediction. Predictions only decide what is tried; no other figure contains "
        "predicted values."
    ),
    info=predicted_info,
    plot=predicted_plot,
    drawing=predicted_drawing,
)
