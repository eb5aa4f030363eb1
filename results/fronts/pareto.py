"""Pareto fronts: trials that no other dominates.

One trial dominates another if it is nowhere worse and somewhere better. Only eligible rows take part: COMPLETE where
there is a column `state`, and NaN in no objective. Of rows with equal values all are kept. Infinities are ordinary
values: better, or worse, than any number.
"""

from __future__ import annotations

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from xoresnet.results.fronts.objectives import OBJECTIVES, Objectives, eligible, losses

__all__ = ["is_pareto", "nondominated", "pareto_front"]


def pareto_front(frame: pd.DataFrame, objectives: Objectives = OBJECTIVES) -> pd.DataFrame:
    """The rows of the front with all their columns, best in the last objective first.

    Of equals the lower `trial_id` comes first, where there is one, then the order of the frame. The index is kept.
    Raises ValueError for a missing column or an unknown direction.

    >>> trials = pd.DataFrame({"val_accuracy": [0.9, 0.8, 0.7], "spikes_per_sample": [900, 100, 200]})
    >>> list(pareto_front(trials).index)
    [1, 0]
    """
    front = frame[is_pareto(frame, objectives).to_numpy()]
    keys = [losses(front, objectives)[:, -1]]
    if "trial_id" in front:
        keys.insert(0, front["trial_id"].to_numpy())
    return front.iloc[np.lexsort(keys)]


def is_pareto(frame: pd.DataFrame, objectives: Objectives = OBJECTIVES) -> pd.Series[bool]:
    """Whether each row is on the front; index and order are the frame's. Raises as `pareto_front` does."""
    rows = eligible(frame, objectives)
    rows[rows] = nondominated(losses(frame, objectives)[rows])
    return pd.Series(rows, index=frame.index, name="is_pareto")


def nondominated(points: NDArray[np.float64]) -> NDArray[np.bool_]:
    """Which rows of `[rows, objectives]` no other dominates; lower is better, without NaN. Equal rows are all kept."""
    from moocore import is_nondominated  # type: ignore[import-untyped]

    if np.isinf(points).any():  # which moocore does not promise to take; dominance heeds nothing but order
        ranks = [np.unique(column, return_inverse=True)[1] for column in points.T]
        points = np.stack(ranks, axis=1).astype(np.float64)
    front: NDArray[np.bool_] = is_nondominated(points, keep_weakly=True)
    return front
