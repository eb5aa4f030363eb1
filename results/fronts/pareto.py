"""Pareto fronts: the trials that no other trial dominates.

A trial dominates another if it is no worse in every objective and better in at least one. Only eligible rows take part:
COMPLETE trials, if the frame has a column `state`, without NaN in any objective. Rows with equal values are all kept.
Infinite values are better or worse than every number.
"""

from __future__ import annotations

import numpy as np
import pandas as pd
from moocore import is_nondominated  # type: ignore[import-untyped]
from numpy.typing import NDArray

from xoresnet.results.fronts.objectives import HasTrials, Objectives, eligible, losses, trials_of

__all__ = ["is_pareto", "nondominated", "pareto_front"]


def pareto_front(frame: pd.DataFrame | HasTrials, objectives: Objectives | None = None) -> pd.DataFrame:
    """The rows of the front with all their columns, best in the last objective first.

    frame: trials, or a run. objectives: by default those of the run, for a frame accuracy and spikes (`OBJECTIVES`).
    Ties are ordered by `trial_id`, if there is such a column, then as in the frame. The index is kept.
    Raises `UsageError` for a missing column or an unknown direction.

    >>> trials = pd.DataFrame({"val_accuracy": [0.9, 0.8, 0.7], "spikes_per_sample": [900, 100, 200]})
    >>> list(pareto_front(trials).index)
    [1, 0]
    """
    frame, objectives = trials_of(frame, objectives)
    front = frame[is_pareto(frame, objectives).to_numpy()]
    keys = [losses(front, objectives)[:, -1]]
    if "trial_id" in front:
        keys.insert(0, front["trial_id"].to_numpy())
    return front.iloc[np.lexsort(keys)]


def is_pareto(frame: pd.DataFrame | HasTrials, objectives: Objectives | None = None) -> pd.Series[bool]:
    """Whether each row is on the front, with the index and order of the frame. Takes and raises as `pareto_front`."""
    frame, objectives = trials_of(frame, objectives)
    rows = eligible(frame, objectives)
    rows[rows] = nondominated(losses(frame, objectives)[rows])
    return pd.Series(rows, index=frame.index, name="is_pareto")


def nondominated(points: NDArray[np.float64]) -> NDArray[np.bool_]:
    """Which rows of `[rows, objectives]` no other row dominates; lower is better, NaN is not allowed.

    Equal rows are all kept.
    """
    if np.isinf(points).any():  # moocore does not promise to accept infinities; dominance depends on the order alone
        ranks = [np.unique(column, return_inverse=True)[1] for column in points.T]
        points = np.stack(ranks, axis=1).astype(np.float64)
    front: NDArray[np.bool_] = is_nondominated(points, keep_weakly=True)
    return front
