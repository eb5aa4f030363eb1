"""The dead rule: networks that learn nothing, silent ones above all, are cheap to the last and never worth a training.

A network without spikes is at chance accuracy and on every front, because nothing has fewer spikes.
"""

from __future__ import annotations

from dataclasses import dataclass
from numbers import Real

import numpy as np

from xoresnet.results.analysis.intervals import guessing_band
from xoresnet.search.strategy.progress import Array, Flags, Progress

__all__ = ["Chance", "first_rung", "hopeless", "images_of"]

_BAND = 0.006
"""Where the number of images cannot be told: accuracies up to so far above chance count as chance."""
_ENOUGH_ACCURACIES, _MOST_IMAGES = 8, 200_000
"""The number of images is told by more than so many accuracies; the largest number that is considered."""
_ENOUGH = 4
"""How many networks must have been at a rung before it is passed over."""


@dataclass(frozen=True)
class Chance:
    """What a network that learns nothing reports in an accuracy; a sampler also accepts the level alone."""

    place: int = 0
    """The place of the accuracy among the objectives of the study, from 0."""
    level: float | None = None
    """None for the lowest accuracy that was reported."""
    images: int | None = None
    """How many images the accuracy is measured on; None to tell it by the accuracies."""

    @classmethod
    def of(cls, given: Chance | float | None) -> Chance | None:
        """From a level of the first objective, as 0.1. Raises `ValueError` for anything that is no level."""
        if given is None or isinstance(given, Chance):
            return given
        if isinstance(given, bool) or not isinstance(given, Real) or not 0 <= given <= 100:
            raise ValueError(f"chance must be an accuracy, as 0.1, or a Chance, got {given!r}")
        return cls(level=float(given))

    def found(self, values: Array) -> float:
        """The level, by the accuracies that were reported, `[reports]`."""
        if self.level is not None:
            return self.level
        finite = values[np.isfinite(values)]
        return float(finite.min()) if len(finite) else 0.0

    def band(self, level: float, values: Array, unit: float) -> float:
        """How far above chance an accuracy may be by luck: three standard deviations.

        values: the accuracies that were reported, from which the number of images is told where it is not known. unit:
        100 for percents.
        """
        share = level / unit
        images = self.images or images_of(values / unit)
        return unit * (_BAND if images is None else guessing_band(share, images))


def images_of(accuracies: Array) -> int | None:
    """The number of images on which accuracies were measured, which makes all of them whole multiples of a share.

    None if there is no such number, or if there are too few different accuracies to tell.

    >>> images_of(np.array([29, 100, 101, 250, 286, 31, 47, 62, 9]) / 287)
    287
    """
    distinct = np.unique(accuracies[np.isfinite(accuracies)])
    if len(distinct) <= _ENOUGH_ACCURACIES:
        return None
    images = 1 / np.diff(distinct).min()  # the closest two of many differ by one image
    for whole in range(max(round(images) - 1, 1), min(round(images) + 2, _MOST_IMAGES)):
        if np.abs(distinct * whole - np.round(distinct * whole)).max() < 1e-6 * whole:
            return whole
    return None


def hopeless(progress: Progress, chance: Chance | None, unit: float) -> Flags:
    """`[n]`: networks at chance level, where at least half of those at their rung are above; infeasible ones; and those
    that have reported NaN or an infinity.
    """
    reports = np.arange(len(progress.rungs)) <= progress.at[:, None]
    without_hope = ~progress.feasible | (reports & ~np.isfinite(progress.values).all(axis=2)).any(axis=1)
    if chance is None:
        return without_hope
    reached, last = progress.at >= 0, progress.last[:, chance.place]
    accuracies = progress.values[:, :, chance.place]
    level = chance.found(accuracies)
    dead = reached & ~(last > level + chance.band(level, accuracies, unit))  # NaN is no success
    for rung in range(len(progress.rungs)):
        here = progress.at >= rung
        if 2 * (here & ~dead).sum() < here.sum():
            dead &= progress.at != rung
    return without_hope | dead


def first_rung(progress: Progress, chance: Chance | None, unit: float) -> int:
    """The first rung that tells networks apart: at earlier ones, most of those that were there were at chance level."""
    if chance is None:
        return 0
    accuracies = progress.values[:, :, chance.place]
    level = chance.found(accuracies)
    above = level + chance.band(level, accuracies, unit)
    for rung in range(len(progress.rungs) - 1):
        here = accuracies[progress.at >= rung, rung]
        if len(here) < _ENOUGH or 2 * (here > above).sum() >= len(here):
            return rung
    return len(progress.rungs) - 1
