"""The networks of a front by one kind of figures: those of the search, or confirmed means."""

from __future__ import annotations

from collections.abc import Collection
from typing import NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from xoresnet.measures.metrics import metric_of
from xoresnet.results.analysis.leading import Leading
from xoresnet.results.analysis.networks import baseline_of
from xoresnet.results.figures.kit.axes import Axis, axis_of, drawable
from xoresnet.results.figures.kit.means import mean_axis, mean_hovers
from xoresnet.results.figures.kit.networks import hover_texts
from xoresnet.results.figures.kit.sample import MOST_POINTS, thin
from xoresnet.results.figures.kit.stairs import stairs
from xoresnet.results.fronts.objectives import Objectives, eligible
from xoresnet.results.fronts.pareto import is_pareto
from xoresnet.results.fronts.selection import knee

__all__ = ["Layer", "layer_behind", "layer_of"]


class Layer(NamedTuple):
    """What is drawn of the networks."""

    x: Axis
    y: Axis
    table: pd.DataFrame
    """Columns `[trial_id, arch_id, x, y, is_front, is_knee, is_behind, family, label, hover]`."""
    steps: pd.DataFrame
    """The corners of the staircase through the front, columns `[x, y]`; empty with more than two objectives."""
    notes: tuple[str, ...]


def layer_of(lead: Leading, objectives: Objectives, single: Leading, highlight: Collection[int]) -> Layer:
    """The networks by the figures that lead.

    objectives: those of the search. single: the search's figures, which the axes of confirmed ones have to show, too.
    highlight: trials that are drawn whatever else is left out.
    """
    metrics, columns = list(objectives), list(lead.objectives)
    rows = lead.candidates[eligible(lead.candidates, lead.objectives)]
    if lead.is_confirmed:
        searched = single.candidates[eligible(single.candidates, objectives)]
        y, x = (mean_axis(metric, rows, searched[metric]) for metric in metrics[:2])
    else:
        y, x = (axis_of(metric, rows) for metric in metrics[:2])
    front = is_pareto(rows, lead.objectives).to_numpy(dtype=np.bool_)
    places = drawable(rows, (x, y))
    pointed = rows["trial_id"].isin(list(highlight)).to_numpy(dtype=np.bool_)
    drawn, note = thin(rows[places], MOST_POINTS, (front | pointed)[places])
    table = _table(drawn, x, y).assign(
        hover=mean_hovers(drawn, metrics) if lead.is_confirmed else hover_texts(drawn, metrics),
        is_front=front[places][np.isin(rows.index[places], drawn.index)],
        is_knee=_is_knee(drawn, lead) if front.any() else False,
    )
    corners = table[table["is_front"] & (len(metrics) == 2)]
    steps = stairs(corners["x"], corners["y"], lead.objectives[columns[1]])
    return Layer(x, y, table, steps, (note, _left_out(int((~places).sum()), x, y)))


def layer_behind(single: Leading, objectives: Objectives, highlight: Collection[int]) -> Layer:
    """What the search measured, to be drawn behind confirmed figures: no network of it is on the front or named."""
    layer = layer_of(single, objectives, single, highlight)
    table = layer.table.assign(is_front=False, is_knee=False, is_behind=True, family="", label="")
    return layer._replace(table=table)


def _is_knee(rows: pd.DataFrame, lead: Leading) -> NDArray[np.bool_]:
    middle = knee(lead.front, lead.objectives)
    trials = rows["trial_id"]  # missing for known networks that the search did not try
    same = trials.isna() if pd.isna(middle["trial_id"]) else trials.eq(middle["trial_id"]).fillna(False)
    return (same & rows["arch_id"].eq(middle["arch_id"])).to_numpy(dtype=np.bool_)


def _table(rows: pd.DataFrame, x: Axis, y: Axis) -> pd.DataFrame:
    known = [baseline_of(source) for source in (rows["source"] if "source" in rows else [None] * len(rows))]
    return pd.DataFrame(
        {
            "trial_id": rows["trial_id"].astype("Int64").array,
            "arch_id": rows["arch_id"].astype(str).to_numpy(),
            "x": rows[x.metric].to_numpy(dtype=np.float64),
            "y": rows[y.metric].to_numpy(dtype=np.float64),
            "is_behind": False,
            "family": [network.family if network else "" for network in known],
            "label": pd.Series([str(network) if network else "" for network in known], dtype="str"),
        }
    )


def _left_out(count: int, x: Axis, y: Axis) -> str:
    if not count:
        return ""
    logged = " or ".join(metric_of(axis.metric.removesuffix("_mean")).heading for axis in (x, y) if axis.log)
    what = f"without any {logged}" if logged else "with infinite values"
    return f"{count:,} complete trial{'s' if count > 1 else ''} {what} cannot be drawn on these axes."
