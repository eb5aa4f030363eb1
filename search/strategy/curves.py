"""Learning curves from rung to rung: what a stopped network would come to if it went on.

The growth of each objective from a rung to the next is a robust line in what a network reported at the rung, in all
objectives (one that spikes much also learns for longer), with a correction from networks that reported alike. The steps
are composed to the last rung, and their variances add up (through the own slopes only). Networks unlike all that went
on have an uncertain growth, because the slopes are uncertain; otherwise what was completed first, often the small ones,
would speak for all.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from xoresnet.search.strategy.progress import Array, Flags, Rows

__all__ = ["Curves"]

_ENOUGH = 4
"""How many networks must have gone from a rung to the next before a line is fitted."""
_REACH = 2.0
"""Lines hold up to so many widths from their middle, and are constant beyond."""
_FARTHEST = 4.0
"""The uncertainty of a slope grows up to so many widths from the middle."""
_LEAST_WIDTH, _FAR = 0.02, 1e4
"""The least spread of the reports at a rung; more where they are so far from zero that they are rounded."""
_RIDGE = 2.0
"""Slopes are drawn to zero as by so many networks one width away that did not grow otherwise."""


class _Step(NamedTuple):
    """The growth of m objectives from one rung to the next, as a function of what was reported at the first."""

    values: Array
    """`[networks, m]`: what those reported that went on."""
    residuals: Array | None
    """`[networks, m]`; None where too few networks have taken the step; their growth is then the same for all."""
    middle: Array
    """`[m]`"""
    growth: Array
    """`[m]`"""
    slopes: Array
    """`[m, m]`: of the growth of each objective (the second place) per width of each report (the first)."""
    widths: Array
    """`[m]`: the spread of the reports at the rung."""
    variance: Array
    """`[m]`"""
    uncertainty: Array
    """`[m, m]`: the covariance of the slopes, as a multiple of the variance."""

    def line(self, values: Array) -> Array:
        offsets = np.clip((values - self.middle) / self.widths, -_REACH, _REACH)
        line: Array = self.growth + offsets @ self.slopes
        return line

    def predict(self, values: Array) -> tuple[Array, Array]:
        """Growth and its variance, each `[wanted, m]`, by the reports `[wanted, m]`."""
        growth = self.line(values)
        if self.residuals is None:
            return growth, np.broadcast_to(self.variance, growth.shape)
        near = _likeness((values - self.middle) / self.widths, (self.values - self.middle) / self.widths)
        weight = near.sum(axis=1)[:, None]
        total, squares = near @ self.residuals, near @ self.residuals**2
        local = total / (weight + 1)
        spread = squares - 2 * local * total + weight * local**2 + 3 * self.variance
        variance = np.maximum(spread / (weight + 3), 0.2 * self.variance) * (1 + 1 / (weight + 1))
        away = np.clip((values - self.middle) / self.widths, -_FARTHEST, _FARTHEST)
        unlike = ((away @ self.uncertainty) * away).sum(axis=1)[:, None]
        return growth + local, variance + unlike * self.variance


class Curves:
    """The learning curves of all objectives."""

    def __init__(self, losses: Array, at: Rows, priors: Array) -> None:
        """losses: `[networks, rungs, m]`, NaN where a network has not been; at: the deepest rung of each network.

        priors: `[m]`: how much the outcome of one training varies, as a variance.
        """
        self._steps = [_step(losses, at, rung, priors) for rung in range(losses.shape[1] - 1)]

    def final(self, losses: Array, at: Rows) -> tuple[Array, Array]:
        """Means and variances of the last losses, each `[networks, m]`, by the losses at the rungs `at`."""
        means, variances = losses.copy(), np.zeros_like(losses)
        for rung, step in enumerate(self._steps):
            on = at <= rung
            if on.any():
                growth, more = step.predict(means[on])
                means[on] += growth
                variances[on] = variances[on] * (1 + step.slopes.diagonal() / step.widths) ** 2 + more
        return means, variances


def _step(losses: Array, at: Rows, rung: int, priors: Array) -> _Step:
    known: Flags = np.asarray(np.isfinite(losses).all(axis=2))
    here = losses[(at >= rung) & known[:, rung], rung]
    went = (at > rung) & known[:, rung] & known[:, rung + 1]
    low, high = np.percentile(here, [25, 75], axis=0) if len(here) else np.zeros((2, len(priors)))
    widths = np.maximum((high - low) / 1.35, _LEAST_WIDTH * np.maximum(1.0, np.abs(low) / _FAR))
    values = losses[went, rung]
    growth = losses[went, rung + 1] - values
    none, flat = np.zeros(len(priors)), np.zeros((len(priors),) * 2)
    if len(values) < _ENOUGH:
        median, spread = (np.median(growth, axis=0), growth.var(axis=0)) if len(values) else (none, none)
        return _Step(values, None, none, median, flat, widths, 4 * priors + spread, flat)
    far = (((values - np.median(values, axis=0)) / (3 * widths)) ** 2).mean(axis=1)
    weights = 1 / (1 + far)  # networks at chance level count less
    middle, mean = weights @ values / weights.sum(), weights @ growth / weights.sum()
    offsets = (values - middle) / widths
    inner = (offsets.T * weights) @ offsets + _RIDGE * np.eye(len(priors))
    slopes = _slopes(inner, (offsets.T * weights) @ (growth - mean), widths)
    step = _Step(values, None, middle, mean, slopes, widths, none, np.linalg.inv(inner))
    residuals = growth - step.line(values)
    variance = (2 * priors + weights @ residuals**2) / (2 + weights.sum())
    return step._replace(residuals=residuals, variance=variance)


def _slopes(inner: Array, right: Array, widths: Array) -> Array:
    """Slopes that fit best where the own one is between -1, below which ranks would be reversed, and 0."""
    slopes: Array = np.asarray(np.linalg.solve(inner, right), dtype=np.float64)
    for place, width in enumerate(widths):
        own = float(np.clip(slopes[place, place], -width, 0.0))
        if own != slopes[place, place]:
            others = np.arange(len(widths)) != place
            rest = right[others, place] - inner[others, place] * own
            slopes[place, place] = own
            slopes[others, place] = np.linalg.solve(inner[np.ix_(others, others)], rest)
    return slopes


def _likeness(first: Array, second: Array) -> Array:
    """exp(-d²/2) for the distances d between all rows, `[first, second]`."""
    squares = (first**2).sum(axis=1)[:, None] + (second**2).sum(axis=1) - 2 * first @ second.T
    likeness: Array = np.exp(-0.5 * np.maximum(squares, 0.0))
    return likeness
