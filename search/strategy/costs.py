"""What a step of each network costs in time, by what the steps so far have taken.

The logarithm of the seconds of a step is a sum of effects of the parameters, because depth, width and time steps
multiply the work; the effects are fitted to all networks that were measured (ridge regression, in which outliers of a
busy machine count less). A network that was measured itself counts half by itself.
"""

from __future__ import annotations

import numpy as np

from xoresnet.search.strategy.progress import Array

__all__ = ["step_costs"]

_ENOUGH = 4
"""With fewer networks measured, all steps cost the same."""
_RIDGE = 0.5
_REFITS = 5
_OUTLIER, _LEAST_DEVIATION = 2.0, 0.1
"""Measurements more than so many typical deviations away count less; a typical deviation is at least so large."""


def step_costs(rows: Array, seconds: Array, new: Array) -> tuple[Array, Array]:
    """The cost of a step, as a ratio to that of a typical network, of networks that were tried and of new ones.

    rows, new: encoded, `[n, places]` and `[new, places]`. seconds: `[n]`, measured for a step; NaN where nothing was.
    """
    measured = np.isfinite(seconds) & (seconds > 0)
    if measured.sum() < _ENOUGH:
        return np.ones(len(rows)), np.ones(len(new))
    known, times = rows[measured], np.log(seconds[measured])
    weights = np.ones(len(times))
    for _ in range(_REFITS):
        middle, mean = weights @ known / weights.sum(), float(weights @ times / weights.sum())
        offsets = known - middle
        inner = (offsets.T * weights) @ offsets + _RIDGE * np.eye(known.shape[1])
        effects = np.linalg.solve(inner, (offsets.T * weights) @ (times - mean))
        residuals = times - mean - offsets @ effects
        away = np.abs(residuals)
        weights = np.minimum(1.0, _OUTLIER * max(float(np.median(away)), _LEAST_DEVIATION) / np.maximum(away, 1e-9))
    tried = (rows - middle) @ effects
    tried[measured] += 0.5 * residuals
    return np.exp(tried), np.exp((new - middle) @ effects)
