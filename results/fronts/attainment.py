"""Empirical attainment: the fronts that a given share of several runs reached.

A run attains a point if one of its trials is at least as good in every objective. The attainment surface of a level
consists of the best points that at least this share of the runs attains: the surface of level 0.5 is the median front.
Grunert da Fonseca, Fonseca and Hall 2001, doi 10.1007/3-540-44719-9_15.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from math import ceil

import numpy as np
import pandas as pd
from moocore import eaf  # type: ignore[import-untyped]
from numpy.typing import NDArray

from xoresnet.description.schema import nearest
from xoresnet.errors import UsageError
from xoresnet.results.fronts.objectives import HasTrials, Objectives, eligible, losses, shared_objectives, trials_of
from xoresnet.results.fronts.pareto import nondominated

__all__ = ["attainment"]

_Array = NDArray[np.float64]
_DIGITS = 9  # 0.7 of 10 runs is 7 runs, although 0.7 * 10 > 7 in floating point


def attainment(
    trials: pd.DataFrame | HasTrials | Iterable[HasTrials],
    objectives: Objectives | None = None,
    by: str = "run",
    levels: Sequence[float] = (0.25, 0.5, 0.75),
) -> pd.DataFrame:
    """The attainment surfaces: columns `[level, <objectives>]` with one row per corner of each surface.

    trials: a frame, the `Runs` that `load_many` returns, or several runs, each of which then counts as one.
    objectives: by default those of the runs, for a frame accuracy and spikes (`OBJECTIVES`).
    by: the column that identifies the run. A run without eligible trials counts as a run that attained nothing.
    levels: shares of the runs, above 0 and at most 1. A level that too few runs reach has no rows.
    Corners are distinct, best in the last objective first, in the units and signs of the frame.
    Raises `UsageError` for a level out of range, a missing column, and trials without a run.

    Fast for two and three objectives; with more, suitable for the fronts of a few small runs only.
    """
    trials, objectives = _joined(trials, objectives)
    for level in levels:
        if not 0 < level <= 1:
            raise UsageError(f"a level is a share of the runs, above 0 and at most 1, got {level}")
    if by not in trials:
        raise UsageError(f"the frame has no column {by!r}{nearest(by, map(str, trials.columns))}")
    if trials[by].isna().any():
        missing = int(trials[by].isna().sum())
        raise UsageError(f"column {by!r} must name the run of every trial; it is empty in {missing} rows")
    rows = eligible(trials, objectives)
    points, runs = losses(trials[rows], objectives), pd.factorize(trials[by])[0]
    needed = [max(1, ceil(round(level * len(set(runs)), _DIGITS))) for level in levels]
    surfaces = _surfaces(points, runs[rows], sorted(set(needed)))
    signs = [-1.0 if direction == "max" else 1.0 for direction in objectives.values()]
    parts = [_tidy(surfaces[count] * signs, level, objectives) for level, count in zip(levels, needed, strict=True)]
    return pd.concat(parts or [_tidy(points[:0], 0.0, objectives)], ignore_index=True)


def _joined(
    trials: pd.DataFrame | HasTrials | Iterable[HasTrials], objectives: Objectives | None
) -> tuple[pd.DataFrame, Objectives]:
    """One frame with the column `run`, and the objectives. Raises `UsageError` for runs with different objectives."""
    if isinstance(trials, pd.DataFrame) or not isinstance(trials, Iterable) or isinstance(trials, str):
        return trials_of(trials, objectives)  # which refuses what is neither
    pairs = [trials_of(run, objectives) for run in trials]
    if not pairs:
        raise UsageError("attainment expects at least one run")
    shared_objectives([each for _, each in pairs])
    return pd.concat([frame.assign(run=place) for place, (frame, _) in enumerate(pairs)], ignore_index=True), pairs[0][
        1
    ]


def _tidy(surface: _Array, level: float, objectives: Objectives) -> pd.DataFrame:
    frame = pd.DataFrame(surface, columns=list(objectives))
    frame.insert(0, "level", np.full(len(frame), level, dtype=np.float64))
    return frame


def _surfaces(points: _Array, runs: NDArray[np.intp], counts: Sequence[int]) -> dict[int, _Array]:
    """For each count, the surface that at least so many runs attain, sorted by the last loss; lower is better."""
    reached = [count for count in counts if count <= len(np.unique(runs))]
    surfaces = dict.fromkeys(counts, points[:0])
    if reached:
        find = _surfaces_of_few_objectives if points.shape[1] in (2, 3) else _surfaces_by_joins
        surfaces.update(find(points, runs, reached))
    return {count: surface[np.lexsort(surface.T)] for count, surface in surfaces.items()}


def _surfaces_of_few_objectives(points: _Array, runs: NDArray[np.intp], counts: Sequence[int]) -> dict[int, _Array]:
    order = np.argsort(runs, kind="stable")  # moocore expects the rows of a run to be adjacent
    values, ranks = zip(*(np.unique(column, return_inverse=True) for column in points[order].T), strict=True)
    # moocore rounds percentiles up to whole runs; half a run less is safe from rounding errors
    percentiles = {count: 100 * (count - 0.5) / len(np.unique(runs)) for count in counts}
    corners = eaf(np.stack(ranks, axis=1), runs[order], percentiles=list(percentiles.values()))
    surfaces = {}
    for count, percentile in percentiles.items():
        surface = corners[corners[:, -1] == percentile, :-1].astype(np.intp)
        surfaces[count] = np.stack([v[rank] for v, rank in zip(values, surface.T, strict=True)], axis=1)
    return surfaces


def _surfaces_by_joins(points: _Array, runs: NDArray[np.intp], counts: Sequence[int]) -> dict[int, _Array]:
    """Add one run at a time: k runs attain a point if k did before, or if k - 1 did and the new run attains it too."""
    surfaces = [np.full((1, points.shape[1]), -np.inf)]  # zero runs attain every point
    for run in np.unique(runs):
        front = points[runs == run]
        front = front[nondominated(front)]
        joins = [np.maximum(surface[:, None], front).reshape(-1, front.shape[1]) for surface in surfaces]
        for count, join in enumerate(joins[: max(counts)], start=1):
            before = surfaces[count] if count < len(surfaces) else join[:0]
            both = np.unique(np.vstack([before, join]), axis=0)
            surfaces[count : count + 1] = [both[nondominated(both)]]
    return {count: surfaces[count] for count in counts}
