"""The best networks of a run in a short table."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from xoresnet.description.schema import nearest
from xoresnet.errors import UsageError
from xoresnet.measures.metrics import SHORT_NAMES, metric_of
from xoresnet.results.analysis.leading import Leading, leading
from xoresnet.results.fronts.objectives import Objectives, eligible, losses, numbers
from xoresnet.results.fronts.pareto import is_pareto
from xoresnet.results.tables.loading import RunTables
from xoresnet.results.tables.parameters import varying_parameters

__all__ = ["leaderboard"]

_BESIDE = ("synops_per_sample", "params_count")
_MOST_PARAMETERS = 8
_NAMES = {column: short for short, column in SHORT_NAMES.items()}


def leaderboard(run: RunTables, n: int | None = 10, *, by: str | None = None) -> pd.DataFrame:
    """The best networks of a run, as a short frame to read; `run.trials` has every column and digit.

    The networks of the front come first, best in the first objective first, then the dominated ones in the same order.
    Ties go to the better second objective, then to the lower trial. The index `rank` counts from 1.

    n: the largest number of rows; None for all networks. by: a metric by which all networks are ordered instead, such
    as `spikes` or `energy`.

    Columns: `trial` (missing for known networks that only `confirm` trained), `front` (whether no other network
    dominates it), the objectives under their short names (`accuracy`, `spikes`), `synops`, `params`, and at most eight
    parameters that differ between the networks. Once the whole front is confirmed, the means over the confirmed seeds
    lead, as in `leading`: the columns are then `test_accuracy`, `test_accuracy_std`, ..., and `seeds`. Shares are
    rounded to four digits, other columns to whole numbers if all their values are at least 100, else to two digits.

    Raises `UsageError` if n is not a positive whole number, and for an unknown metric.
    """
    if n is not None and (not isinstance(n, int) or isinstance(n, bool) or n < 1):
        raise UsageError(f"n must be a whole number of at least 1, or None for all, got {n!r}")
    lead = leading(run)
    rows = lead.candidates[eligible(lead.candidates, lead.objectives)]
    front = is_pareto(rows, lead.objectives)
    order = _order(rows, lead, None if by is None else _column(lead, by), front)
    shown = rows.iloc[order[:n]]
    figures = [*lead.objectives, *(name for name in _BESIDE if name not in lead.objectives)]
    columns = {"trial": shown["trial_id"], "front": front.loc[shown.index]}
    for metric in figures:
        columns[_short(metric)] = _rounded(shown, metric)
        spread = f"{metric.removesuffix('_mean')}_std"
        if lead.is_confirmed and metric in lead.objectives and spread in shown:
            columns[f"{_short(metric)}_std"] = _rounded(shown, spread, like=metric)
    if lead.is_confirmed:
        columns["seeds"] = shown["seeds"]
    varying = varying_parameters(rows.drop(columns="config.recipe.seed", errors="ignore"))
    columns |= {name: shown[column] for name, column in list(varying.items())[:_MOST_PARAMETERS]}
    table = pd.DataFrame(columns)
    table.index = pd.RangeIndex(1, len(table) + 1, name="rank")
    return table


def _column(lead: Leading, by: str) -> str:
    """The column to sort by. Raises `UsageError` if there is none."""
    name = lead.column(by)
    if name not in lead.candidates:
        hint = nearest(by, [*SHORT_NAMES, *map(str, lead.candidates.columns)])
        raise UsageError(f"the frame has no column {by!r}{hint}")
    numbers(lead.candidates, name)
    return name


def _order(rows: pd.DataFrame, lead: Leading, by: str | None, front: pd.Series[bool]) -> NDArray[np.intp]:
    objectives: Objectives = dict(lead.objectives)
    if by is not None:
        direction = lead.objectives.get(by) or metric_of(by.removesuffix("_mean")).direction
        if direction is None:
            raise UsageError(f"the direction of {by} is not known; sort run.trials instead")
        objectives = {by: direction, **{name: way for name, way in objectives.items() if name != by}}
    keys = losses(rows, {**objectives, **({"trial_id": "min"} if "trial_id" not in objectives else {})}).T
    dominated = (~front).to_numpy() if by is None else np.zeros(len(rows))
    return np.lexsort([*keys[::-1], dominated])


def _short(metric: str) -> str:
    """`accuracy` for `val_accuracy`, `test_spikes` for `test_spikes_per_sample_mean`."""
    name = metric.removesuffix("_mean")
    on_test = name.startswith("test_")
    measured = name.removeprefix("test_")
    for column in (measured, f"val_{measured}"):
        measured = _NAMES.get(column, measured)
    return f"test_{measured}" if on_test else measured


def _rounded(rows: pd.DataFrame, column: str, like: str = "") -> pd.Series[Any]:
    """A column with the digits that its metric deserves; like: the metric, where the column is its spread."""
    values = pd.Series(numbers(rows, column), index=rows.index)
    if metric_of((like or column).removesuffix("_mean")).share:
        return values.round(4)
    whole = bool(np.isfinite(values).all() and (values.abs() >= 100).all())
    return values.round(0).astype("Int64") if whole else values.round(2)
