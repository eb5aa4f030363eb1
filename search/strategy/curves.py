"""Learning curves from rung to rung: what a stopped network would come to if it went on.

For one objective: the growth from each rung to the next is a robust line in the value at the rung, with a correction
from networks of similar value; the steps are composed to the last rung, and their variances add up.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from xoresnet.search.strategy.progress import Array, Rows

__all__ = ["Curves"]

_ENOUGH = 4
"""How many networks must have gone from a rung to the next before a line is fitted."""
_REACH = 2.0
"""Lines hold up to so many widths from their middle, and are constant beyond."""


class _Step(NamedTuple):
    """The growth from one rung to the next, as a function of the value at the first."""

    values: Array
    residuals: Array | None
    """None where too few networks have taken the step; its growth is then the same for all."""
    middle: float
    growth: float
    slope: float
    width: float
    variance: float

    def line(self, values: Array) -> Array:
        line: Array = self.growth + self.slope * np.clip(
            values - self.middle, -_REACH * self.width, _REACH * self.width
        )
        return line

    def predict(self, values: Array) -> tuple[Array, Array]:
        """Growth and its variance."""
        growth = self.line(values)
        if self.residuals is None:
            return growth, np.full_like(growth, self.variance)
        near = np.exp(-0.5 * ((values[:, None] - self.values) / self.width) ** 2)
        weight = near.sum(axis=1)
        local = (near * self.residuals).sum(axis=1) / (weight + 1)
        spread = (near * (self.residuals - local[:, None]) ** 2).sum(axis=1) + 3 * self.variance
        variance = np.maximum(spread / (weight + 3), 0.2 * self.variance) * (1 + 1 / (weight + 1))
        return growth + local, variance


class Curves:
    """The learning curves of one objective."""

    def __init__(self, values: Array, at: Rows, prior: float) -> None:
        """values: `[networks, rungs]`, NaN where a network has not been; at: the deepest rung of each network.

        prior: how much the outcome of one training varies, as a variance.
        """
        self._prior = prior
        self._steps = [self._step(values, at, rung) for rung in range(values.shape[1] - 1)]

    def _step(self, values: Array, at: Rows, rung: int) -> _Step:
        went = (at > rung) & np.isfinite(values[:, rung]) & np.isfinite(values[:, rung + 1])
        x = values[went, rung]
        growth = values[went, rung + 1] - x
        here = values[(at >= rung) & np.isfinite(values[:, rung]), rung]
        low, high = np.percentile(here, [25, 75]) if len(here) else (0.0, 0.0)
        width = max((high - low) / 1.35, 0.02) if len(here) else 1.0
        if len(x) < _ENOUGH:
            median = float(np.median(growth)) if len(growth) else 0.0
            spread = float(growth.var()) if len(growth) > 1 else 0.0
            return _Step(x, None, 0.0, median, 0.0, width, 4 * self._prior + spread)
        weights = 1 / (1 + ((x - np.median(x)) / (3 * width)) ** 2)  # networks at chance level count less
        middle, mean = (float((weights * each).sum() / weights.sum()) for each in (x, growth))
        ridge = 2 * width * width
        covariance = (weights * (x - middle) * (growth - mean)).sum()
        slope = float(np.clip(covariance / ((weights * (x - middle) ** 2).sum() + ridge), -1, 0))
        step = _Step(x, None, middle, mean, slope, width, 0.0)
        residuals = growth - step.line(x)
        variance = (2 * self._prior + (weights * residuals**2).sum()) / (2 + weights.sum())
        return step._replace(residuals=residuals, variance=float(variance))

    def final(self, values: Array, at: Rows) -> tuple[Array, Array]:
        """Mean and variance at the last rung of networks with these values at the rungs `at`, each `[networks]`."""
        mean, variance = values.copy(), np.zeros_like(values)
        for rung, step in enumerate(self._steps):
            on = at <= rung
            if on.any():
                growth, more = step.predict(mean[on])
                mean[on] += growth
                variance[on] = variance[on] * (1 + step.slope) ** 2 + more
        return mean, variance
