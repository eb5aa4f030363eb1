"""The front in the tables of a run as a table on a terminal."""

from __future__ import annotations

import pandas as pd

from xoresnet.measures.metrics import metric_of
from xoresnet.results.figures.kit.networks import describe
from xoresnet.results.tables.loading import Run
from xoresnet.search.views.network_table import NetworkTable
from xoresnet.search.views.words import counted

__all__ = ["saved_front_table"]


def saved_front_table(rows: pd.DataFrame, run: Run) -> NetworkTable:
    """rows: of the front, all or some."""
    metrics = [*run.objectives, *(name for name in ("params_count",) if name not in run.objectives)]
    whole = len(run.front)
    title = f"front: {'' if len(rows) == whole else f'{len(rows)} of '}{counted(whole, 'network')}"
    cells = []
    for row, network in zip(rows.to_dict("records"), describe(rows), strict=True):
        figures = [metric_of(name).compact_text(float(row[name])) for name in metrics]
        source = f" ({row['source']})" if isinstance(row["source"], str) and row["source"] else ""
        cells.append([str(row["trial_id"]), str(row["arch_id"]), *figures, network + source])
    return NetworkTable(title, ["trial", "arch_id", *metrics, "network"], cells, metrics)
