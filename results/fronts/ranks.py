"""How well two rankings of the same things agree."""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

__all__ = ["Agreement", "agreement", "kendall"]


class Agreement(NamedTuple):
    """Kendall's tau-b with its interval of 95 %; NaN where there is too little to tell."""

    tau: float
    """1 for the same order, 0 for none, -1 for the opposite."""
    low: float
    high: float
    pairs: int
    """Pairs of values that were compared."""


def agreement(one: NDArray[np.float64], other: NDArray[np.float64]) -> Agreement:
    """Of two rows of values; pairs with NaN are left out.

    The interval is Fieller's (Fieller, Hartley and Pearson 1957): atanh(tau) with a variance of 0.437 / (n - 4).

    >>> agreement(np.arange(8.0), np.array([0.0, 1, 3, 2, 4, 5, 7, 6])).tau
    0.8571428571428571
    """
    known = ~(np.isnan(one) | np.isnan(other))
    one, other = one[known], other[known]
    tau = kendall(one, other)
    if math.isnan(tau) or len(one) <= 4:
        return Agreement(tau, math.nan, math.nan, len(one))
    middle, width = math.atanh(min(max(tau, -0.999), 0.999)), 1.96 * math.sqrt(0.437 / (len(one) - 4))
    return Agreement(tau, math.tanh(middle - width), math.tanh(middle + width), len(one))


def kendall(one: NDArray[np.float64], other: NDArray[np.float64]) -> float:
    """Kendall's tau-b; NaN for fewer than two pairs, and where all values of one row are equal."""
    from scipy.stats import kendalltau  # type: ignore[import-untyped]

    if len(one) < 2 or np.ptp(one) == 0 or np.ptp(other) == 0:
        return math.nan
    return float(kendalltau(one, other).statistic)
