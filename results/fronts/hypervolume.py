"""Hypervolume: the volume of objective space that a front dominates, bounded by a reference point.

A larger volume is better. Its unit is the product of the objectives' units, with decades for objectives on a
logarithmic scale. Volumes are comparable only with the same reference point, so every function takes it explicitly.
Zitzler and Thiele 1998, doi 10.1007/BFb0056872.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Collection, Iterator, Mapping
from itertools import pairwise
from math import inf, isfinite
from numbers import Real

import moocore  # type: ignore[import-untyped]
import numpy as np
import pandas as pd
from numpy.typing import NDArray

from xoresnet.description.schema import nearest
from xoresnet.errors import UsageError
from xoresnet.results.fronts.objectives import HasTrials, Objectives, check_log, eligible, losses, numbers, trials_of

__all__ = ["hypervolume", "hypervolume_over_time", "reference_point"]

_Array = NDArray[np.float64]
_MARGIN = 0.1


def reference_point(
    frame: pd.DataFrame | HasTrials, objectives: Objectives | None = None, log: Collection[str] = ()
) -> dict[str, float]:
    """A point that is worse than every eligible trial: the worst value of each objective plus a tenth of the range.

    frame: trials, or a run. objectives: by default those of the run, for a frame accuracy and spikes (`OBJECTIVES`).
    The range is that of the finite values of eligible trials, on log10 for the objectives in `log`. If all values are
    equal, the margin is a tenth of their magnitude, 0.1 if they are zero, and a tenth of a decade on a logarithm.
    Raises `UsageError` if an objective has no finite value, or if one in `log` has a value of zero or less.
    """
    frame, objectives = trials_of(frame, objectives)
    rows = frame[eligible(frame, objectives)]
    points = _points(rows, objectives, log)
    reference = {}
    for (metric, direction), column in zip(objectives.items(), points.T, strict=True):
        finite = column[np.isfinite(column)]
        if not len(finite):
            raise UsageError(f"no reference point: no eligible trial has a finite {metric}")
        logged = metric in check_log(objectives, log)
        worst = float(finite.max())
        span = worst - float(finite.min()) or (1.0 if logged else abs(worst) or 1.0)
        value = worst + _MARGIN * span
        value = -value if direction == "max" else value
        reference[metric] = 10.0**value if logged else value
    return reference


def hypervolume(
    frame: pd.DataFrame | HasTrials,
    objectives: Objectives | None = None,
    reference: Mapping[str, float] | None = None,
    log: Collection[str] = (),
) -> float:
    """The volume that the eligible trials dominate, bounded by the reference point; 0 if there are none.

    frame, objectives: as in `reference_point`. reference: required; a value per objective in the units of the frame,
    without flipped signs, without logarithms. Trials that are not better than it in every objective add nothing; an
    infinitely good trial makes the volume infinite. log: objectives taken on log10.
    Raises `UsageError` if the reference is incomplete or not finite, and for values of zero or less in `log`.

    >>> trials = pd.DataFrame({"val_accuracy": [0.9, 0.5], "spikes_per_sample": [1000, 10]})
    >>> reference = {"val_accuracy": 0.0, "spikes_per_sample": 10_000}
    >>> round(hypervolume(trials, reference=reference, log=["spikes_per_sample"]), 9)
    1.9
    """
    frame, objectives = trials_of(frame, objectives)
    rows = frame[eligible(frame, objectives)]
    return _volume(_points(rows, objectives, log), _corner(objectives, reference, log))


def hypervolume_over_time(
    frame: pd.DataFrame | HasTrials,
    objectives: Objectives | None = None,
    reference: Mapping[str, float] | None = None,
    log: Collection[str] = (),
    by: str = "trial_id",
) -> pd.DataFrame:
    """The hypervolume and the size of the front after each eligible trial, in the order of a column.

    Returns columns `[by, hypervolume, front_size]` with one row per eligible trial. by: `trial_id` or `ended`; missing
    values come last, ties keep the order of the frame. `front_size` counts what `pareto_front` returns: every one of
    several equal trials, and also trials that are not better than the reference. Takes and raises as `hypervolume`.

    With two objectives, n trials take O(n log n); with more, a volume is computed whenever the front changes.
    """
    frame, objectives = trials_of(frame, objectives)
    if by not in frame:
        raise UsageError(f"the frame has no column {by!r}{nearest(by, map(str, frame.columns))}")
    rows = frame[eligible(frame, objectives)].sort_values(by, kind="stable")
    points, corner = _points(rows, objectives, log), _corner(objectives, reference, log)
    steps = _planar_steps(points, corner) if len(objectives) == 2 else _steps(points, corner)
    history = np.array(list(steps), dtype=np.float64).reshape(-1, 2)
    return pd.DataFrame(
        {by: rows[by].array, "hypervolume": history[:, 0], "front_size": history[:, 1].astype(np.int64)}
    )


def _points(rows: pd.DataFrame, objectives: Objectives, log: Collection[str]) -> _Array:
    """The losses `[rows, objectives]`. Raises `UsageError` if a logarithm cannot be taken."""
    for metric in check_log(objectives, log):
        values = numbers(rows, metric)
        if (values <= 0).any():
            count = f"{int((values <= 0).sum())} rows have values of 0 or less (lowest {values.min():g})"
            raise UsageError(f"log: {metric} must be above 0 in every row; {count}")
    return losses(rows, objectives, log)


def _corner(objectives: Objectives, reference: Mapping[str, float] | None, log: Collection[str]) -> _Array:
    """The reference point in the space of losses. Raises `UsageError` if it does not bound the volume."""
    if not isinstance(reference, Mapping | pd.Series):
        rule = "must be a mapping with a value for each objective; reference_point(trials, objectives, log) makes one"
        raise UsageError(f"reference: {rule}, got {reference!r}")
    for metric in objectives:
        if metric not in reference:
            known = ", ".join(reference) or "no metric"
            raise UsageError(f"reference: no value for {metric}; it has values for {known}")
        if not isinstance(reference[metric], Real) or not isfinite(reference[metric]):
            raise UsageError(f"reference: {metric} must be finite, got {reference[metric]}")
        if metric in check_log(objectives, log) and reference[metric] <= 0:
            raise UsageError(f"reference: {metric} is in log and must be above 0, got {reference[metric]}")
    corner: _Array = losses(pd.DataFrame({metric: [reference[metric]] for metric in objectives}), objectives, log)[0]
    return corner


def _volume(points: _Array, corner: _Array) -> float:
    inside = points[(points < corner).all(axis=1)]
    if not len(inside):
        return 0.0
    if np.isneginf(inside).any():  # moocore 0.3 crashes on it
        return inf
    return float(moocore.hypervolume(inside, ref=corner))


def _steps(points: _Array, corner: _Array) -> Iterator[tuple[float, int]]:
    """The volume and the size of the front after each point."""
    front, volume = points[:0], 0.0
    for point in points:
        covering = (front <= point).all(axis=1)
        if not covering.any():
            front = np.vstack([front[~(front >= point).all(axis=1)], point])
            volume = _volume(front, corner)
        elif (front[covering] == point).all():
            front = np.vstack([front, point])
        yield volume, len(front)


def _planar_steps(points: _Array, corner: _Array) -> Iterator[tuple[float, int]]:
    """As `_steps`, for two objectives."""
    staircase = _Staircase(*map(float, corner))
    for first, second in points.tolist():
        staircase.add(first, second)
        yield staircase.volume, staircase.size


class _Staircase:
    """A front of two losses, to which each new point adds strips of area.

    Every stair is removed at most once, so the number of strips is linear in the number of points.
    """

    def __init__(self, right: float, top: float) -> None:
        self.volume, self.size = 0.0, 0
        self._right, self._top = right, top
        self._firsts: list[float] = []  # first losses of distinct points, ascending; the second losses descend
        self._seconds: dict[float, float] = {}
        self._copies: dict[float, int] = {}

    def add(self, first: float, second: float) -> None:
        firsts, seconds = self._firsts, self._seconds
        start = end = bisect_left(firsts, first)
        ceiling = seconds[firsts[start - 1]] if start else inf
        if start and ceiling <= second:
            return
        if start < len(firsts) and firsts[start] == first and seconds[first] <= second:
            same = int(seconds[first] == second)
            self._copies[first] += same
            self.size += same
            return
        while end < len(firsts) and seconds[firsts[end]] >= second:
            end += 1
        removed = firsts[start:end]
        edges = [first, *removed, firsts[end] if end < len(firsts) else inf]
        self.volume += self._area(edges, [ceiling, *map(seconds.__getitem__, removed)], second)
        self.size += 1 - sum(map(self._copies.pop, removed))
        for stair in removed:
            del seconds[stair]
        firsts[start:end] = [first]
        seconds[first], self._copies[first] = second, 1

    def _area(self, edges: list[float], ceilings: list[float], floor: float) -> float:
        """The area of adjacent strips between edges, from the floor to their ceilings, clipped at the corner."""
        area = 0.0
        for (left, right), ceiling in zip(pairwise(edges), ceilings, strict=True):
            width, height = min(right, self._right) - left, min(ceiling, self._top) - floor
            if width > 0 and height > 0:  # also avoids infinity times zero
                area += width * height
        return area
