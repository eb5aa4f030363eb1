"""Hypervolume: how much of the objective space, up to a reference point, a front dominates.

A larger volume is better. It is measured in the product of the objectives' units, decades for those on a logarithm.
Fronts can be compared only on one and the same reference point, so every function wants it said.
Zitzler and Thiele 1998, doi 10.1007/BFb0056872.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Collection, Iterator, Mapping
from itertools import pairwise
from math import inf, isfinite

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from xoresnet.description.schema import nearest
from xoresnet.results.fronts.objectives import OBJECTIVES, Objectives, check_log, eligible, losses, numbers

__all__ = ["hypervolume", "hypervolume_over_time", "reference_point"]

_Array = NDArray[np.float64]
_MARGIN = 0.1


def reference_point(
    frame: pd.DataFrame, objectives: Objectives = OBJECTIVES, log: Collection[str] = ()
) -> dict[str, float]:
    """A point that is worse than every eligible trial: for each objective the worst value and a tenth of the range.

    The range is that of eligible trials, infinities left out, on log10 for the objectives in `log`. Where all values
    are equal, the margin is a tenth of their magnitude; 0.1 where they are zero; a tenth of a decade on a logarithm.
    Raises ValueError where an objective has no finite value, or one in `log` a value of zero or less.
    """
    rows = frame[eligible(frame, objectives)]
    points = _points(rows, objectives, log)
    reference = {}
    for (metric, direction), column in zip(objectives.items(), points.T, strict=True):
        finite = column[np.isfinite(column)]
        if not len(finite):
            raise ValueError(f"no reference point: no eligible trial has a finite {metric}")
        logged = metric in check_log(objectives, log)
        worst = float(finite.max())
        span = worst - float(finite.min()) or (1.0 if logged else abs(worst) or 1.0)
        value = worst + _MARGIN * span
        value = -value if direction == "max" else value
        reference[metric] = 10.0**value if logged else value
    return reference


def hypervolume(
    frame: pd.DataFrame, objectives: Objectives, reference: Mapping[str, float], log: Collection[str] = ()
) -> float:
    """What the eligible trials dominate, up to the reference; 0 for none.

    reference: a value for each objective, as in the frame: signs are not flipped, logarithms not taken. Trials that
    are not better than it in every objective add nothing; one that is infinitely good makes the volume infinite.
    log: objectives measured on log10.
    Raises ValueError for a reference that is incomplete or not finite, and for values of zero or less in `log`.

    >>> trials = pd.DataFrame({"val_accuracy": [0.9, 0.5], "spikes_per_sample": [1000, 10]})
    >>> reference = {"val_accuracy": 0.0, "spikes_per_sample": 10_000}
    >>> round(hypervolume(trials, OBJECTIVES, reference, log=["spikes_per_sample"]), 9)
    1.9
    """
    rows = frame[eligible(frame, objectives)]
    return _volume(_points(rows, objectives, log), _corner(objectives, reference, log))


def hypervolume_over_time(
    frame: pd.DataFrame,
    objectives: Objectives,
    reference: Mapping[str, float],
    log: Collection[str] = (),
    by: str = "trial_id",
) -> pd.DataFrame:
    """The hypervolume and the size of the front after each eligible trial, in the order of a column.

    Columns `[by, hypervolume, front_size]`, a row for each eligible trial. by: `trial_id` or `ended`; missing values
    come last, equal ones in the order of the frame. front_size counts as `pareto_front` does: equal trials each, and
    also those that are not better than the reference. Raises as `hypervolume` does.

    With two objectives n trials take O(n log n), otherwise a volume is computed whenever the front changes.
    """
    if by not in frame:
        raise ValueError(f"the frame has no column {by!r}{nearest(by, map(str, frame.columns))}")
    rows = frame[eligible(frame, objectives)].sort_values(by, kind="stable")
    points, corner = _points(rows, objectives, log), _corner(objectives, reference, log)
    steps = _planar_steps(points, corner) if len(objectives) == 2 else _steps(points, corner)
    history = np.array(list(steps), dtype=np.float64).reshape(-1, 2)
    return pd.DataFrame(
        {by: rows[by].array, "hypervolume": history[:, 0], "front_size": history[:, 1].astype(np.int64)}
    )


def _points(rows: pd.DataFrame, objectives: Objectives, log: Collection[str]) -> _Array:
    """The losses, `[rows, objectives]`, where every logarithm can be taken."""
    for metric in check_log(objectives, log):
        values = numbers(rows, metric)
        if (values <= 0).any():
            count = int((values <= 0).sum())
            raise ValueError(f"log: {metric} must be above 0, and is not in {count} trials (lowest {values.min():g})")
    return losses(rows, objectives, log)


def _corner(objectives: Objectives, reference: Mapping[str, float], log: Collection[str]) -> _Array:
    """The reference as a point among the losses."""
    for metric in objectives:
        if metric not in reference:
            raise ValueError(f"reference: no value for {metric}; it has {', '.join(reference) or 'none'}")
        if not isfinite(reference[metric]):
            raise ValueError(f"reference: {metric} must be finite, got {reference[metric]}")
        if metric in check_log(objectives, log) and reference[metric] <= 0:
            raise ValueError(f"reference: {metric} is on a logarithm and must be above 0, got {reference[metric]}")
    corner: _Array = losses(pd.DataFrame({metric: [reference[metric]] for metric in objectives}), objectives, log)[0]
    return corner


def _volume(points: _Array, corner: _Array) -> float:
    from moocore import hypervolume as volume  # type: ignore[import-untyped]

    inside = points[(points < corner).all(axis=1)]
    if not len(inside):
        return 0.0
    if np.isneginf(inside).any():  # moocore 0.3 crashes on it
        return inf
    return float(volume(inside, ref=corner))


def _steps(points: _Array, corner: _Array) -> Iterator[tuple[float, int]]:
    """Volume and size of the front after each point."""
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
    """The same for two objectives."""
    staircase = _Staircase(*map(float, corner))
    for first, second in points.tolist():
        staircase.add(first, second)
        yield staircase.volume, staircase.size


class _Staircase:
    """A front of two losses, to which each new point adds strips of area.

    A stair is removed once at most, so that all strips together are not many more than the points.
    """

    def __init__(self, right: float, top: float) -> None:
        self.volume, self.size = 0.0, 0
        self._right, self._top = right, top
        self._firsts: list[float] = []  # of distinct points, ascending; their seconds descend
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
        for one in removed:
            del seconds[one]
        firsts[start:end] = [first]
        seconds[first], self._copies[first] = second, 1

    def _area(self, edges: list[float], ceilings: list[float], floor: float) -> float:
        """Of strips side by side from edge to edge, up to their ceilings, cut where the corner is."""
        area = 0.0
        for (left, right), ceiling in zip(pairwise(edges), ceilings, strict=True):
            width, height = min(right, self._right) - left, min(ceiling, self._top) - floor
            if width > 0 and height > 0:  # also keeps out infinity times zero
                area += width * height
        return area
