"""Comparison of two searches."""

from __future__ import annotations

from collections.abc import Collection

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from xoresnet.results.fronts.hypervolume import hypervolume, reference_point
from xoresnet.results.fronts.objectives import (
    HasTrials,
    Objectives,
    check_log,
    eligible,
    losses,
    numbers,
    shared_objectives,
    trials_of,
)
from xoresnet.results.fronts.pareto import nondominated, pareto_front

__all__ = ["compare"]

_Array = NDArray[np.float64]


def compare(
    a: pd.DataFrame | HasTrials,
    b: pd.DataFrame | HasTrials,
    objectives: Objectives | None = None,
    log: Collection[str] = (),
) -> pd.DataFrame:
    """Compare the results and the cost of two searches: columns `[measure, a, b]`, NaN for unknown values.

    a, b: frames of trials, or runs. objectives: by default those of the runs, for frames accuracy and spikes.

    `trials`: the number of rows. `complete`: the number of eligible rows, see `pareto_front`. `front_size`.
    `hypervolume`: of each front, bounded by the reference point of both frames together, which the rows
    `reference.<metric>` give; objectives in `log` are taken on log10.
    `front_covered_by_other`: the share of the front that the other front covers, i.e. for which it has a trial that is
    at least as good in every objective (the C-metric of Zitzler and Thiele 1998, doi 10.1007/BFb0056872). Lower is
    better. The two shares need not add up to 1.
    `best.<metric>`: the best value among complete trials. `epochs_trained`, `train_seconds`: sums over all trials,
    including pruned and failed ones.
    Raises `UsageError` for a missing objective, for runs with different ones, and for values of zero or less in `log`.
    """
    pairs = [trials_of(a, objectives), trials_of(b, objectives)]
    frames = [frame for frame, _ in pairs]
    known = [each for source, (_, each) in zip((a, b), pairs, strict=True) if not isinstance(source, pd.DataFrame)]
    objectives = shared_objectives(known or [pairs[0][1]])
    complete = [frame[eligible(frame, objectives)] for frame in frames]
    fronts = [pareto_front(frame, objectives) for frame in frames]
    measures: dict[str, list[float]] = {
        "trials": [len(frame) for frame in frames],
        "complete": [len(frame) for frame in complete],
        "front_size": [len(front) for front in fronts],
        **_hypervolumes(complete, objectives, log),
        "front_covered_by_other": _covered([losses(front, objectives) for front in fronts]),
        **{
            f"best.{metric}": [_best(numbers(frame, metric), direction == "max") for frame in complete]
            for metric, direction in objectives.items()
        },
        **{name: [_total(frame, name) for frame in frames] for name in ("epochs_trained", "train_seconds")},
    }
    rows = [(name, float(first), float(second)) for name, (first, second) in measures.items()]
    return pd.DataFrame(rows, columns=["measure", "a", "b"])


def _hypervolumes(complete: list[pd.DataFrame], objectives: Objectives, log: Collection[str]) -> dict[str, list[float]]:
    check_log(objectives, log)
    both = pd.DataFrame({m: np.concatenate([numbers(frame, m) for frame in complete]) for m in objectives})
    if both.empty:
        return {name: [np.nan, np.nan] for name in ("hypervolume", *(f"reference.{metric}" for metric in objectives))}
    reference = reference_point(both, objectives, log)
    return {
        "hypervolume": [hypervolume(frame, objectives, reference, log) for frame in complete],
        **{f"reference.{metric}": [value, value] for metric, value in reference.items()},
    }


def _covered(fronts: list[_Array]) -> list[float]:
    """The share of each of two fronts that the other covers."""
    first, second = fronts
    both = np.vstack(fronts)
    dominated = np.split(~nondominated(both), [len(first)])
    shares = []
    for front, other, below in zip(fronts, (second, first), dominated, strict=True):
        others = set(map(tuple, other.tolist()))  # equal points do not dominate each other, but they cover
        covered = [hit or tuple(point) in others for point, hit in zip(front.tolist(), below, strict=True)]
        shares.append(float(np.mean(covered)) if covered else np.nan)
    return shares


def _best(values: _Array, most: bool) -> float:
    if not len(values):
        return np.nan
    return float(values.max() if most else values.min())


def _total(frame: pd.DataFrame, column: str) -> float:
    return float(np.nansum(numbers(frame, column))) if column in frame else np.nan
