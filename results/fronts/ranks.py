"""How well two rankings of the same items agree."""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

__all__ = ["Agreement", "agreement", "kendall"]


class Agreement(NamedTuple):
    """Kendall's tau-b with its 95 % interval; NaN where there are too few pairs."""

    tau: float
    """1 for the same order, 0 for unrelated orders, -1 for the opposite order."""
    low: float
    high: float
    pairs: int
    """How many pairs of values were compared."""


def agreement(first: NDArray[np.float64], second: NDArray[np.float64]) -> Agreement:
    """The agreement of two sequences of values; pairs with a NaN are left out.

    The interval takes atanh(tau) as normal with variance 0.437 / (n - 4) (Fieller, Hartley and Pearson 1957,
    doi 10.1093/biomet/44.3-4.470); it is NaN for four pairs or fewer.

    >>> agreement(np.arange(8.0), np.array([0.0, 1, 3, 2, 4, 5, 7, 6])).tau
    0.8571428571428571
    """
    known = ~(np.isnan(first) | np.isnan(second))
    first, second = first[known], second[known]
    tau = kendall(first, second)
    if math.isnan(tau) or len(first) <= 4:
        return Agreement(tau, math.nan, math.nan, len(first))
    middle, width = math.atanh(min(max(tau, -0.999), 0.999)), 1.96 * math.sqrt(0.437 / (len(first) - 4))
    return Agreement(tau, math.tanh(middle - width), math.tanh(middle + width), len(first))


def kendall(first: NDArray[np.float64], second: NDArray[np.float64]) -> float:
    """Kendall's tau-b; NaN for fewer than two pairs, and if all values of either sequence are equal."""
    from scipy.stats import kendalltau  # type: ignore[import-untyped]  # slow to import, and needed only here

    if len(first) < 2 or np.ptp(first) == 0 or np.ptp(second) == 0:
        return math.nan
    return float(kendalltau(first, second).statistic)
