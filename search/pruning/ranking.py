"""The mathematics of `ParetoPruner`: non-dominated ranks, and which of several equally ranked trials go on.

Losses are arrays `[trials, objectives]`; lower is better. The first row is the trial to be judged.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Sequence
from typing import Literal, cast

import numpy as np
from numpy.typing import NDArray

__all__ = ["Scale", "Ties", "best_rows", "goes_on", "ranks"]

Ties = Literal["epsilon-net", "hypervolume", "pass"]
Scale = Literal["rank", "range", "log-range"]
_Array = NDArray[np.float64]
_DIGITS = 9
"""Distances and areas are rounded to so many digits: rounding errors must not decide between ties."""


def goes_on(losses: _Array, violations: _Array, places: int, ties: Ties, scales: Sequence[Scale]) -> bool:
    """Whether no other row dominates the first one, or it is among the best `places`.

    losses: `[trials, objectives]`; rows with NaN are worse than all others. violations: `[trials]`, by how much each
    trial breaks its constraints; 0 for a feasible one. Feasible rows come first, then those with smaller violations.
    ties and scales: as in `ParetoPruner`.

    >>> losses = np.array([[2.0, 2.0], [1.0, 3.0], [3.0, 1.0], [1.0, 1.0]])
    >>> goes_on(losses, np.zeros(4), 2, "epsilon-net", ["rank"])  # the last row dominates all others
    False
    >>> goes_on(losses, np.zeros(4), 2, "pass", ["rank"])
    True
    """
    has_nan: NDArray[np.bool_] = np.any(np.isnan(losses), axis=1)
    if has_nan[0]:
        return int((~has_nan).sum()) < places
    losses, violations = losses[~has_nan], violations[~has_nan]
    if violations[0] > 0:
        better = violations < violations[0]
        return int(better.sum()) < places
    losses = losses[violations <= 0]
    dominating = int(_dominates(losses, losses[0]).sum())
    if not dominating:
        return True
    if dominating >= places:  # each of them has a better rank
        return False
    ahead, front = _front_of_first(losses)
    if ahead >= places:
        return False
    if ahead + len(front) <= places or ties == "pass":
        return True
    points = _scaled(losses, scales)[front]
    first, left = int(np.flatnonzero(front == 0)[0]), places - ahead
    chosen = _by_contribution(points)[:left] if ties == "hypervolume" else _spread_out(points, left, until=first)
    return first in chosen


def ranks(losses: _Array) -> NDArray[np.intp]:
    """The non-dominated rank of each row, from 0; equal rows share one. Losses must not be NaN.

    >>> ranks(np.array([[2.0, 2.0], [1.0, 3.0], [3.0, 1.0], [1.0, 1.0]]))
    array([1, 1, 1, 0])
    """
    order = np.lexsort(losses.T[::-1])
    ordered = losses[order]
    is_new = np.concatenate(([True], (ordered[1:] != ordered[:-1]).any(axis=1)))
    ranked = np.empty(len(losses), dtype=np.intp)
    ranked[order] = _ranks(ordered[is_new])[np.cumsum(is_new) - 1]
    return ranked


def best_rows(losses: _Array, places: int) -> list[int]:
    """The best `places` rows: by non-dominated rank, and spread over the last front that does not fit in whole."""
    chosen: list[int] = []
    if not len(losses):
        return chosen
    ranked = ranks(losses)
    order = np.argsort(ranked, kind="stable")
    for front in np.split(order, np.flatnonzero(np.diff(ranked[order])) + 1):
        left = places - len(chosen)
        if left <= 0:
            break
        if len(front) > left:
            front = front[_spread_out(_scaled(losses, ("rank",))[front], left, until=-1)]
        chosen += [int(row) for row in front]
    return chosen


def _dominates(losses: _Array, row: _Array) -> NDArray[np.bool_]:
    """Which rows dominate this one: nowhere worse, and better somewhere."""
    nowhere_worse: NDArray[np.bool_] = np.all(losses <= row, axis=1)
    somewhere_better: NDArray[np.bool_] = np.any(losses < row, axis=1)
    return nowhere_worse & somewhere_better


def _front_of_first(losses: _Array) -> tuple[int, NDArray[np.intp]]:
    """How many rows have a better rank than the first one, and the rows of its rank in lexicographic order."""
    order = np.lexsort(losses.T[::-1])  # stable: of equal rows the first one stays first
    ordered = losses[order]
    is_new = np.concatenate(([True], (ordered[1:] != ordered[:-1]).any(axis=1)))
    ranks = _ranks(ordered[is_new])[np.cumsum(is_new) - 1]  # equal rows share a rank
    own = ranks[order == 0]
    return int((ranks < own).sum()), order[ranks == own]


def _ranks(losses: _Array) -> NDArray[np.intp]:
    """Non-dominated ranks, from 0, of distinct rows in lexicographic order, where no row dominates an earlier one."""
    if losses.shape[1] == 1:
        return np.arange(len(losses))
    if losses.shape[1] == 2:
        return _ranks_of_two(losses[:, 1])
    if losses.shape[1] == 3:
        return _ranks_of_three(losses[:, 1:])
    ranks = np.zeros(len(losses), dtype=np.intp)
    for row in range(1, len(losses)):
        dominating = np.all(losses[:row] <= losses[row], axis=1)
        ranks[row] = ranks[:row].max(initial=-1, where=dominating) + 1
    return ranks


def _ranks_of_two(second: _Array) -> NDArray[np.intp]:
    """A row belongs to the first front whose lowest second objective it undercuts."""
    lowest: list[float] = []  # of each front; ascending
    ranks = []
    for value in second.tolist():
        rank = bisect_right(lowest, value)
        lowest[rank : rank + 1] = [value]
        ranks.append(rank)
    return np.array(ranks, dtype=np.intp)


def _ranks_of_three(others: _Array) -> NDArray[np.intp]:
    """A row belongs to the first front without a member that is at least as good in the second and third objective.

    Of each front only the members matter that no other member beats in both: ascending in the second objective, they
    descend in the third.
    """
    fronts: list[tuple[list[float], list[float]]] = []
    ranks = []
    for second, third in others.tolist():
        low, high = 0, len(fronts)
        while low < high:  # a row that is dominated by one front is dominated by all fronts before it
            middle = (low + high) // 2
            seconds, thirds = fronts[middle]
            position = bisect_right(seconds, second)
            if position and thirds[position - 1] <= third:
                low = middle + 1
            else:
                high = middle
        if low == len(fronts):
            fronts.append(([], []))
        seconds, thirds = fronts[low]
        start = end = bisect_left(seconds, second)
        while end < len(thirds) and thirds[end] >= third:
            end += 1
        seconds[start:end], thirds[start:end] = [second], [third]
        ranks.append(low)
    return np.array(ranks, dtype=np.intp)


def _scaled(losses: _Array, scales: Sequence[Scale]) -> _Array:
    """Each objective on a scale from 0 to 1 over all rows."""
    each = scales if len(scales) > 1 else tuple(scales) * losses.shape[1]
    return np.stack([_scaled_column(column, scale) for column, scale in zip(losses.T, each, strict=True)], axis=1)


def _scaled_column(column: _Array, scale: Scale) -> _Array:
    if scale == "rank":
        column = np.unique(column, return_inverse=True)[1].astype(np.float64)
    elif scale == "log-range" and ((column >= 0).all() or (column <= 0).all()):
        with np.errstate(divide="ignore"):
            logs = np.log(np.abs(column))  # infinite for zero
        column = -logs if (column < 0).any() else logs  # losses are negative for an objective that is maximised
    finite = column[np.isfinite(column)]
    low, high = (finite.min(), finite.max()) if len(finite) else (0.0, 0.0)
    return cast(_Array, np.clip((column - low) / ((high - low) or 1.0), -0.05, 1.05))  # infinities lie a little outside


def _spread_out(points: _Array, wanted: int, until: int) -> list[int]:
    """The first `wanted` points in farthest-point order, from the best in the first objective; stops at `until`.

    The first of several equally distant points is taken.
    """
    order = [int(np.lexsort(points.T[::-1])[0])]
    distance = np.full(len(points), np.inf)
    while len(order) < wanted and order[-1] != until:
        squares = ((points - points[order[-1]]) ** 2).sum(axis=1)
        distance = np.minimum(distance, np.round(squares, _DIGITS))
        distance[order[-1]] = -1.0
        order.append(int(distance.argmax()))
    return order


def _by_contribution(points: _Array) -> list[int]:
    """Points of one front by descending exclusive hypervolume, up to the corner (1.1, 1.1)."""
    order = np.lexsort(points.T[::-1])
    first, second = points[order].T
    widths = np.append(first[1:], 1.1) - first
    heights = np.insert(second[:-1], 0, 1.1) - second
    best_first = np.argsort(-np.round(widths * heights, _DIGITS), kind="stable")
    return cast("list[int]", order[best_first].tolist())
