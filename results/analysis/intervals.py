"""95 % intervals of single numbers: of a share of images, and of a mean over seeds or networks."""

from __future__ import annotations

import math
from dataclasses import dataclass
from fractions import Fraction
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

__all__ = [
    "NONE",
    "Interval",
    "Sample",
    "guessing_band",
    "images_of",
    "mean_interval",
    "mean_of",
    "ratio_interval",
    "share_error",
    "share_interval",
]

_Z = 1.959963984540054
"""The 97.5 % quantile of the normal distribution."""
_MOST_IMAGES = 1_000_000
_FEWEST_VALUES = 8


class Interval(NamedTuple):
    """The bounds of an interval; NaN where there is none."""

    low: float
    high: float

    def within(self, least: float, most: float) -> Interval:
        """The part of it between the smallest and the largest possible value; NaN stays NaN."""
        return Interval(*(bound if math.isnan(bound) else min(max(bound, least), most) for bound in self))


NONE = Interval(math.nan, math.nan)
"""No interval."""


def images_of(accuracies: NDArray[np.float64]) -> int | None:
    """The number of images on which accuracies were measured: the smallest that makes whole numbers of all of them.

    It divides the true number; eight different accuracies are required, of which it is unlikely that they share a
    factor with it. None for fewer, or if there is no such number up to a million, as for accuracies that were averaged.

    >>> images_of(np.arange(1, 10) / 287), images_of(np.array([0.5]))
    (287, None)
    """
    shares = np.unique(accuracies[np.isfinite(accuracies)])
    if len(shares) < _FEWEST_VALUES or shares[0] < 0 or shares[-1] > 1:
        return None
    images = 1
    for share in shares:
        fraction = Fraction(float(share)).limit_denominator(_MOST_IMAGES)
        images = math.lcm(images, fraction.denominator)
        if images > _MOST_IMAGES or abs(float(fraction) - share) > 1e-12:
            return None
    return images


def share_interval(share: float, images: int | None) -> Interval:
    """Wilson's interval for a share of so many images (1927, doi 10.1080/01621459.1927.10502953).

    It covers which images were drawn, and neither training nor selection. NaN if the number of images is unknown.
    """
    if not images or not 0 <= share <= 1:
        return NONE
    middle = share + _Z**2 / (2 * images)
    width = _Z * math.sqrt(share * (1 - share) / images + _Z**2 / (4 * images**2))
    whole = 1 + _Z**2 / images
    return Interval(max(0.0, (middle - width) / whole), min(1.0, (middle + width) / whole))


def share_error(share: float, images: int) -> float:
    """The standard error of a share of so many images, with two successes and two failures added so that it is not 0
    for a share of 0 or 1 (Agresti and Coull 1998, doi 10.1080/00031305.1998.10480550).

    >>> round(share_error(1.0, 287), 4)
    0.0048
    """
    middle = (share * images + 2) / (images + 4)
    return math.sqrt(middle * (1 - middle) / (images + 4))


def guessing_band(level: float, images: int) -> float:
    """How far above the accuracy of guessing a network may be by luck: three standard deviations of the share.

    Three, and not the two of an interval, because the best of many networks is compared. level: the accuracy of
    guessing. images: on how many the accuracy is measured.

    >>> round(guessing_band(0.1, 900), 4)
    0.03
    """
    return 3 * math.sqrt(max(0.0, level * (1 - level)) / images)


def mean_interval(mean: float, deviation: float, count: int) -> Interval:
    """Student's interval for a mean; NaN for fewer than two values, and for equal ones, which tell nothing of a spread.

    deviation: the sample standard deviation.
    """
    if count < 2 or not deviation > 0:
        return NONE
    width = _quantile(count - 1) * deviation / math.sqrt(count)
    return Interval(mean - width, mean + width)


@dataclass(frozen=True)
class Sample:
    """The mean of a positive amount, its sample standard deviation, and the number of values."""

    mean: float
    deviation: float
    count: int


def ratio_interval(above: Sample, below: Sample) -> Interval:
    """The interval for the ratio of two means: Welch's, on logarithms, with the variances of the delta method."""
    if min(above.count, below.count) < 2 or not (above.mean > 0 and below.mean > 0):
        return NONE
    parts = [((sample.deviation / sample.mean) ** 2 / sample.count, sample.count - 1) for sample in (above, below)]
    variance = sum(part for part, _ in parts)
    middle = math.log(above.mean / below.mean)
    if not variance > 0:
        return NONE
    freedom = variance**2 / sum(part**2 / degrees for part, degrees in parts)
    width = _quantile(freedom) * math.sqrt(variance)
    return Interval(math.exp(middle - width), math.exp(middle + width))


def _quantile(freedom: float) -> float:
    """The 97.5 % quantile of Student's distribution."""
    from scipy.special import stdtrit  # type: ignore[import-untyped]  # slow to import, and needed only here

    return float(stdtrit(freedom, 0.975))


def mean_of(values: NDArray[np.float64]) -> tuple[float, Interval, int]:
    """The mean of the values that are not NaN, its interval, and how many they are."""
    known = values[~np.isnan(values)]
    if not len(known):
        return math.nan, NONE, 0
    deviation = float(known.std(ddof=1)) if len(known) > 1 else math.nan
    return float(known.mean()), mean_interval(float(known.mean()), deviation, len(known)), len(known)
