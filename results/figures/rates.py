"""Firing rates of each neuron layer of each network on the front."""

from __future__ import annotations

from html import escape
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from numpy.typing import NDArray

from xoresnet.results.figures.kit.kind import FigureKind
from xoresnet.results.figures.kit.networks import describe
from xoresnet.results.figures.kit.paper import COLUMN, blank, drawing
from xoresnet.results.figures.kit.theme import plotly_figure, plotly_message
from xoresnet.results.tables.loading import Run

if TYPE_CHECKING:
    import matplotlib.figure
    from plotly.graph_objects import Figure

__all__ = ["FIGURE", "RatesInfo", "rates_drawing", "rates_info", "rates_plot"]

_MOST_NETWORKS = 40


class RatesInfo(NamedTuple):
    """What the figure shows."""

    rates: NDArray[np.float64]
    """`[networks, layers]`, between 0 and 1; NaN where a network has no such layer."""
    layers: tuple[tuple[str, ...], ...]
    """The names of the layers, by network."""
    trial_ids: tuple[int, ...]
    arch_ids: tuple[str, ...]
    networks: tuple[str, ...]
    """The networks in a few words."""
    notes: tuple[str, ...] = ()
    missing: str = ""


def rates_info(run: Run) -> RatesInfo:
    """The front, fewest spikes first; of a large front evenly spaced networks, including both ends."""
    front = run.front
    spread = np.unique(np.linspace(0, len(front) - 1, min(len(front), _MOST_NETWORKS)).round().astype(int))
    shown = front.iloc[spread]
    neurons = run.layers[(run.layers["kind"] == "neuron") & run.layers["trial_id"].isin(shown["trial_id"])]
    groups = {trial_id: rows.sort_values("layer") for trial_id, rows in neurons.groupby("trial_id")}
    shown = shown[shown["trial_id"].isin(groups)]
    parts = [groups[trial_id] for trial_id in shown["trial_id"]]
    rates = np.full((len(parts), max(map(len, parts), default=0)), np.nan)
    for row, part in zip(rates, parts, strict=True):
        row[: len(part)] = part["firing_rate"]
    note = f"Shows {len(spread)} of the {len(front):,} networks of the front, evenly spaced."
    return RatesInfo(
        rates,
        tuple(tuple(part["name"].astype(str)) for part in parts),
        tuple(map(int, shown["trial_id"])),
        tuple(map(str, shown["arch_id"])),
        tuple(describe(shown)),
        (note,) if len(spread) < len(front) else (),
        "" if len(parts) else "No layers were counted yet; they are counted when a trial is complete.",
    )


def rates_plot(info: RatesInfo) -> Figure:
    """The interactive figure; `customdata` of each cell begins with the `arch_id`."""
    if info.missing:
        return plotly_message(info.missing)
    width = info.rates.shape[1]
    custom = [
        [[escape(arch_id), escape(layer), escape(network)] for layer in (*layers, *[""] * (width - len(layers)))]
        for arch_id, layers, network in zip(info.arch_ids, info.layers, info.networks, strict=True)
    ]
    trace = {
        "type": "heatmap",
        "z": info.rates,
        "x": list(range(1, width + 1)),
        "y": [f"#{trial_id}" for trial_id in info.trial_ids],
        "customdata": custom,
        "colorscale": "Viridis",
        "zmin": 0,
        "zmax": float(np.nanmax(info.rates)) or 1.0,
        "hoverongaps": False,
        "xgap": 1,
        "ygap": 1,
        "hovertemplate": "<b>%{y}  %{customdata[0]}</b><br>%{customdata[1]}: %{z:.1%}<br>%{customdata[2]}"
        "<extra></extra>",
        "colorbar": {
            "tickformat": ".0%",
            "thickness": 12,
            "outlinewidth": 0,
            "title": {"text": "rate", "font": {"size": 13}},
        },
    }
    layout = {
        "xaxis": {"title": {"text": "neuron layer, counted from the input"}, "showgrid": False, "tickformat": "d"},
        "yaxis": {"autorange": "reversed", "showgrid": False, "type": "category", "title": {"text": "trial"}},
    }
    return plotly_figure([trace], layout, height=130 + max(120, 20 * len(info.trial_ids)))


def rates_drawing(info: RatesInfo) -> matplotlib.figure.Figure:
    """The figure for a paper, one column wide."""
    from matplotlib.ticker import FuncFormatter, MaxNLocator  # here, because infos are made without matplotlib

    if info.missing:
        return blank(info.missing)
    count, width = info.rates.shape
    with drawing(COLUMN, 0.8 + 0.13 * max(6, count)) as (figure, axes):
        image = axes.pcolormesh(
            np.arange(width + 1) + 0.5, np.arange(count + 1), np.ma.masked_invalid(info.rates), cmap="viridis", vmin=0
        )
        axes.grid(visible=False)
        axes.invert_yaxis()
        axes.set_yticks(np.arange(count) + 0.5, [f"#{trial_id}" for trial_id in info.trial_ids], fontsize=6)
        axes.xaxis.set_major_locator(MaxNLocator(8, integer=True))
        axes.set_xlabel("neuron layer, counted from the input")
        axes.set_ylabel("trial")
        bar = figure.colorbar(image, ax=axes, format=FuncFormatter(lambda rate, _: f"{100 * rate:.3g}"), pad=0.02)
        bar.outline.set_visible(False)
        bar.set_label("firing rate (%)")
    return figure


FIGURE = FigureKind(
    place=60,
    title="Firing rates",
    reading=(
        "Each row is a network of the front, each cell one of its neuron layers from input to output. The colour is "
        "the share of neurons that fire in a time step: dark layers are nearly silent, bright layers cause most of "
        "the spikes."
    ),
    info=rates_info,
    plot=rates_plot,
    drawing=rates_drawing,
)
