"""The front in the tables of a run as a table on a terminal, by the figures that lead."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import pandas as pd

from xoresnet.measures.metrics import metric_of
from xoresnet.results.analysis.confirmation import confirmed_objectives
from xoresnet.results.analysis.leading import Leading
from xoresnet.results.analysis.networks import describe
from xoresnet.search.views.network_table import NetworkTable
from xoresnet.search.views.words import counted

__all__ = ["saved_front_table"]


def saved_front_table(rows: pd.DataFrame, lead: Leading, sorted_by: str | None = None) -> NetworkTable:
    """rows: of the front of these figures, all or some. Beside figures of the search stand confirmed ones, if any.

    sorted_by: a column that is shown, too.
    """
    whole = len(lead.front)
    title = f"front: {'' if len(rows) == whole else f'{len(rows)} of '}{counted(whole, 'network')}"
    columns = [*lead.objectives]
    if lead.is_confirmed:
        title += "; confirmed on the test set, mean ± standard deviation over seeds"
    elif lead.covered:
        title += f" of the search, {lead.covered} of them confirmed (test: mean ± standard deviation over seeds)"
        columns += confirmed_objectives(lead.objectives)
    columns += [name for name in ("seeds", "params_count") if name != "seeds" or lead.covered]
    if sorted_by is not None and sorted_by not in columns and pd.api.types.is_float_dtype(rows[sorted_by]):
        columns.append(sorted_by)
    names = [lead.metric(column).name for column in columns]
    cells = []
    for row, network in zip(rows.to_dict("records"), describe(rows), strict=True):
        number = "" if pd.isna(row["trial_id"]) else str(row["trial_id"])
        source = f" ({row['source']})" if isinstance(row["source"], str) and row["source"] else ""
        figures = [_figure(column, row) for column in columns]
        cells.append([number, str(row["arch_id"]), *figures, network + source])
    return NetworkTable(title, ["trial", "arch_id", *names, "network"], cells, names)


def _figure(column: str, row: Mapping[Any, Any]) -> str:
    """Empty for a network that was not confirmed."""
    value = row[column]
    if pd.isna(value) or (column == "seeds" and not value):
        return ""
    name = column.removesuffix("_mean")
    deviation = float(row[f"{name}_std"]) if name != column else math.nan
    return metric_of(name).spread_text(float(value), deviation, compact=True)
