"""Selection of one trial: the knee of a front, and the best trial within limits."""

from __future__ import annotations

from collections.abc import Collection
from math import isnan
from numbers import Real
from typing import Any, NamedTuple, Protocol, cast

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from xoresnet.description.schema import nearest
from xoresnet.errors import UsageError
from xoresnet.measures.metrics import SHORT_NAMES, Direction, column_of, metric_of
from xoresnet.results.fronts.objectives import (
    Objectives,
    check_log,
    eligible,
    losses,
    numbers,
    trials_of,
)
from xoresnet.results.fronts.pareto import pareto_front

__all__ = ["best", "knee"]

_LOGGED = ("spikes_per_sample", "test_spikes_per_sample", "test_spikes_per_sample_mean")
"""Objectives that a knee takes on a logarithm: the spikes of the search, and the confirmed ones."""
_DIGITS = 9  # sums that differ by rounding only are equal
_Array = NDArray[np.float64]


class _Selects(Protocol):
    """A run, which knows which of its figures lead."""

    def knee(self, objectives: Objectives | None = None, log: Collection[str] | None = None) -> pd.Series[Any]: ...

    def best(
        self, metric: str | None = None, direction: Direction | None = None, **limits: float
    ) -> pd.Series[Any]: ...


def knee(
    front: pd.DataFrame | _Selects, objectives: Objectives | None = None, log: Collection[str] | None = None
) -> pd.Series[Any]:
    """The best compromise of a front: the row from which improving either objective costs much of the other.

    Every objective is scaled to 0 (best on the front) ... 1 (worst); the row with the smallest sum wins. With two
    objectives it is the point farthest beyond the straight line through both ends of the front (Branke et al. 2004,
    doi 10.1007/978-3-540-30217-9_73); with more, the point farthest beyond the plane through the ends of the axes.

    front: a frame, in which dominated and incomplete trials are ignored, or a run: then as `Run.knee`. objectives: by
    default those of the run, for a frame accuracy and spikes (`OBJECTIVES`). log: objectives taken on log10; by default
    spikes, on the test set too. An objective whose values are all equal has no influence. Ties go to the best
    in the first objective, then to the lower `trial_id`: so where no row lies beyond the line through both ends, as in
    a front of two, the knee is the most accurate row. Rows with
    an infinite coordinate, such as a network without spikes on a logarithm, come last.
    Raises `UsageError` for a front without rows and for a missing column.
    """
    if not isinstance(front, pd.DataFrame):
        return _run(front).knee(objectives, log)
    front, objectives = trials_of(front, objectives)
    logged = set(_LOGGED) & set(objectives) if log is None else check_log(objectives, log)
    rows = pareto_front(front, objectives)
    if rows.empty:
        raise UsageError("no knee: the front is empty")
    points = losses(rows, objectives, logged)
    numbers_of_trials = numbers(rows, "trial_id") if "trial_id" in rows else np.zeros(len(rows))
    return _row(rows, np.lexsort([numbers_of_trials, points[:, 0], _sums(points)])[0])


def _sums(points: _Array) -> _Array:
    """The sum of the normalised losses of each row; infinite if one of them is."""
    sums = np.full(len(points), np.inf)
    finite = np.isfinite(points).all(axis=1)
    if finite.any():
        places = points[finite] - points[finite].min(axis=0)
        spans = places.max(axis=0)
        sums[finite] = np.round((places / np.where(spans > 0, spans, 1.0)).sum(axis=1), _DIGITS)
    return sums


def best(
    trials: pd.DataFrame | _Selects,
    metric: str | None = None,
    direction: Direction | None = None,
    **limits: float,
) -> pd.Series[Any]:
    """The best complete trial within the limits `max_<metric>=` and `min_<metric>=`, both inclusive.

        best(trials, max_spikes=2000)                    # most accurate
        best(trials, min_accuracy=0.9)                   # fewest spikes
        best(trials, max_spikes=2000, min_accuracy=0.9)  # most accurate
        best(trials, "energy", min_accuracy=0.9)         # least energy

    trials: a frame, or a run: then as `Run.best`. metric: by default `val_accuracy`; `spikes_per_sample` if
    `min_accuracy` is the only limit. Metrics are columns; `accuracy`, `spikes`, `synops`, `energy` and `params` are
    short for `val_accuracy`, `spikes_per_sample`, ..., `params_count`. direction: `max` or `min`;
    required for metrics that `xoresnet` does not measure itself.

    Ties go to fewer spikes, then higher accuracy, then the lower `trial_id`, if there are such columns. NaN is outside
    every limit. Raises `UsageError` if no trial is within the limits; the message names the closest trial, which is
    the one whose violations, relative to the limits, have the smallest sum.
    """
    if not isinstance(trials, pd.DataFrame):
        return _run(trials).best(metric, direction, **limits)
    bounds = [_bound(trials, name, value) for name, value in limits.items()]
    if metric is None:
        fewest = [(bound.metric, bound.side) for bound in bounds] == [("val_accuracy", "min")]
        metric = "spikes" if fewest else "accuracy"
    metric = _column(trials, metric)
    direction = direction or metric_of(metric).direction
    if direction is None:
        raise UsageError(f"the direction of {metric} is not known; add direction='max' or direction='min'")
    needed: Objectives = {**{bound.metric: "min" for bound in bounds}, metric: direction}
    rows = trials[eligible(trials, needed)]
    if rows.empty:
        raise UsageError(f"no complete trial has a number for {' and '.join(needed)}")
    fitting = rows[np.logical_and.reduce([bound.allows(rows) for bound in bounds], axis=0)] if bounds else rows
    if fitting.empty:
        raise UsageError(_nothing_fits(rows, bounds))
    return _row(fitting, _order(fitting, {metric: direction})[0])


def _run(source: _Selects) -> _Selects:
    """The run. Raises `UsageError` for anything else."""
    if not hasattr(source, "knee"):
        raise UsageError(f"trials must be a pandas DataFrame or a run, got {type(source).__name__}")
    return source


class _Bound(NamedTuple):
    metric: str
    side: Direction
    value: float

    def allows(self, rows: pd.DataFrame) -> NDArray[np.bool_]:
        values = numbers(rows, self.metric)
        return values <= self.value if self.side == "max" else values >= self.value

    def misses(self, rows: pd.DataFrame) -> _Array:
        """The violation of each row relative to the limit, absolute if the limit is zero; 0 within the limit."""
        beyond = np.abs(numbers(rows, self.metric) - self.value) / (abs(self.value) or 1.0)
        return np.where(self.allows(rows), 0.0, beyond)

    def __str__(self) -> str:
        return f"{self.metric} {'<=' if self.side == 'max' else '>='} {self.value:g}"


def _bound(trials: pd.DataFrame, name: str, value: float) -> _Bound:
    side, _, metric = name.partition("_")
    if side not in ("max", "min") or not metric:
        raise UsageError(f"limits must be named max_<metric> or min_<metric>, got {name!r}")
    if not isinstance(value, Real) or isnan(value):
        raise UsageError(f"{name} must be a number, got {value}")
    return _Bound(_column(trials, metric), cast(Direction, side), value)


def _column(trials: pd.DataFrame, metric: str) -> str:
    """The column of a metric, given by its full or short name. Raises `UsageError` if there is none."""
    name = metric if metric in trials else column_of(metric)
    if name not in trials:
        raise UsageError(f"the frame has no column {name!r}{nearest(name, [*map(str, trials.columns), *SHORT_NAMES])}")
    return name


def _row(rows: pd.DataFrame, place: int) -> pd.Series[Any]:
    row: pd.Series[Any] = rows.iloc[[place]].astype(object).iloc[0]  # integers stay integers
    return row


def _order(rows: pd.DataFrame, objectives: Objectives) -> NDArray[np.intp]:
    """The order of the rows, best first; ties as in `best`."""
    ties: Objectives = {"spikes_per_sample": "min", "val_accuracy": "max", "trial_id": "min"}
    keys = {**objectives, **{name: side for name, side in ties.items() if name in rows and name not in objectives}}
    return np.lexsort(losses(rows, keys).T[::-1])


def _nothing_fits(rows: pd.DataFrame, bounds: list[_Bound]) -> str:
    wanted = " and ".join(map(str, bounds))
    closest = _row(rows, int(np.argmin(sum(bound.misses(rows) for bound in bounds))))
    name = f"trial {closest['trial_id']}" if "trial_id" in closest else f"row {closest.name}"
    if "trial_id" in closest and pd.isna(closest["trial_id"]):  # a known network that only `confirm` trained
        name = str(closest["source"])
    if "run" in closest:
        name += f" of {closest['run']}"
    reached = " and ".join(f"{bound.metric} {closest[bound.metric]:.6g}" for bound in bounds)
    return f"no complete trial has {wanted}; {name} comes closest, with {reached}"
