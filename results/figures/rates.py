"""Firing rates of each neuron layer of each network on the front."""

from __future__ import annotations

from html import escape
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from xoresnet.results.analysis.networks import describe
from xoresnet.results.figures.kit.kind import FigureKind
from xoresnet.results.figures.kit.networks import short_names
from xoresnet.results.figures.kit.palette import GREY
from xoresnet.results.figures.kit.paper import COLUMN, blank, drawing, plain_text
from xoresnet.results.figures.kit.theme import plotly_figure, plotly_message
from xoresnet.results.tables.loading import RunTables

if TYPE_CHECKING:
    import matplotlib.figure
    from plotly.graph_objects import Figure

__all__ = ["FIGURE", "RatesInfo", "rates_drawing", "rates_info", "rates_plot"]

_MOST_NETWORKS = 40
_FEW = 14
"""Up to so many layers each has a tick."""


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
    names: tuple[str, ...]
    """The same still shorter, for the rows."""
    notes: tuple[str, ...] = ()
    missing: str = ""


def rates_info(run: RunTables) -> RatesInfo:
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
        tuple(short_names(shown)),
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
    numbers = [f"#{trial_id}" for trial_id in info.trial_ids]
    trace = {
        "type": "heatmap",
        "z": info.rates,
        "x": list(range(1, width + 1)),
        "y": list(range(len(numbers))),
        "text": [[number] * width for number in numbers],
        "customdata": custom,
        "colorscale": "Viridis",
        "zmin": 0,
        "zmax": float(np.nanmax(info.rates)) or 1.0,
        "hoverongaps": False,
        "hovertemplate": "<b>%{text}  %{customdata[0]}</b><br>%{customdata[1]}: %{z:.1%}<br>%{customdata[2]}"
        "<extra></extra>",
        "colorbar": {
            "tickformat": ".0%",
            "thickness": 12,
            "outlinewidth": 0,
            "title": {"text": "firing rate", "font": {"size": 13}, "side": "right"},
        },
    }
    layout = {
        "xaxis": {
            "title": {"text": "neuron layer, counted from the input"},
            "showgrid": False,
            "tickformat": "d",
            **({"dtick": 1} if width <= _FEW else {}),
        },
        "yaxis": {
            "autorange": False,
            "range": [len(numbers) - 0.4, -0.6],
            "showgrid": False,
            "tickvals": list(range(len(numbers))),
            "ticktext": [f"{number} {escape(name)}" for number, name in zip(numbers, info.names, strict=True)],
        },
        "shapes": [_outline(row, len(layers)) for row, layers in enumerate(info.layers)],
        "meta": {"narrow": {"yaxis.ticktext": numbers, "xaxis.dtick": max(1, width // 5)}},
    }
    return plotly_figure([trace], layout, height=130 + max(60, 24 * len(numbers)))


def _outline(row: int, layers: int) -> dict[str, Any]:
    """A frame around the layers of a network, so that silent layers can be told from missing ones on any background."""
    corners = {"x0": 0.5, "x1": layers + 0.5, "y0": row - 0.5, "y1": row + 0.5}
    return {"type": "rect", **corners, "line": {"color": GREY, "width": 1}}


def rates_drawing(info: RatesInfo) -> matplotlib.figure.Figure:
    """The figure for a paper, one column wide."""
    from matplotlib.patches import Rectangle  # here, because infos are made without matplotlib
    from matplotlib.ticker import FuncFormatter, MaxNLocator

    if info.missing:
        return blank(info.missing)
    count, width = info.rates.shape
    with drawing(COLUMN, 0.8 + 0.13 * max(4, count)) as (figure, axes):
        image = axes.pcolormesh(
            np.arange(width + 1) + 0.5, np.arange(count + 1), np.ma.masked_invalid(info.rates), cmap="viridis", vmin=0
        )
        for row, layers in enumerate(info.layers):
            axes.add_patch(Rectangle((0.5, row), len(layers), 1, fill=False, edgecolor="white", linewidth=0.6))
        axes.grid(visible=False)
        axes.invert_yaxis()
        names = [f"#{trial_id} {name}" for trial_id, name in zip(info.trial_ids, info.names, strict=True)]
        axes.set_yticks(np.arange(count) + 0.5, [plain_text(name) for name in names], fontsize=6)
        axes.xaxis.set_major_locator(MaxNLocator(8, integer=True))
        axes.set_xlabel("neuron layer, from the input")
        bar = figure.colorbar(image, ax=axes, format=FuncFormatter(lambda rate, _: f"{100 * rate:.3g}"), pad=0.02)
        bar.outline.set_visible(False)
        bar.set_label("firing rate (%)")
    return figure


FIGURE = FigureKind(
    place=60,
    title="Firing rates",
    reading=(
        "Each row is a network of the front, each cell one of its neuron layers from input to output. The colour is "
        "the firing rate: the share of its neurons that fire in a time step, as a mean over time steps and validation "
        "images. Dark layers are nearly silent. How many spikes a layer emits also depends on how many neurons it has, "
        "usually more in early layers."
    ),
    info=rates_info,
    plot=rates_plot,
    drawing=rates_drawing,
)
