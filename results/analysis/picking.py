"""The knee and the best network of a run, by the figures that lead."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

import pandas as pd

from xoresnet.measures.metrics import Direction, column_of, metric_of
from xoresnet.results.analysis.leading import Leading, leading
from xoresnet.results.fronts.selection import best, knee
from xoresnet.results.tables.loading import RunTables

__all__ = ["leading_best", "leading_knee"]


def leading_knee(run: RunTables, lead: Leading | None = None, log: Collection[str] | None = None) -> pd.Series[Any]:
    """The knee of the leading front, a row of it. lead: what `leading(run)` returned, where it is known already.

    log: objectives of the run that are taken on log10; by default the spikes. Raises `UsageError` as `knee`.
    """
    lead = lead or leading(run)
    names = [log] if isinstance(log, str) else log
    return knee(lead.front, lead.objectives, None if names is None else [lead.column(name) for name in names])


def leading_best(
    run: RunTables, metric: str | None = None, direction: Direction | None = None, **limits: float
) -> pd.Series[Any]:
    """As `best`, where metrics mean their confirmed means if those lead. Returns a row of `leading(run).candidates`."""
    lead = leading(run)
    if not lead.is_confirmed:
        return best(run.trials, metric, direction, **limits)
    sides = {name: name.partition("_") for name in limits}
    if metric is None:
        fewest = [(side, column_of(of)) for side, _, of in sides.values()] == [("min", "val_accuracy")]
        metric = "spikes" if fewest else "accuracy"
    bounds = {f"{side}_{lead.column(of)}" if of else name: limits[name] for name, (side, _, of) in sides.items()}
    chosen = direction or metric_of(column_of(metric)).direction
    return best(lead.candidates, lead.column(metric), chosen, **bounds)
