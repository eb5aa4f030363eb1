"""Expected hypervolume improvement: what networks with uncertain results are expected to add to a front.

All objectives are minimised; arrays are `[rows, objectives]`.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray
from scipy.stats import norm, qmc  # type: ignore[import-untyped]

__all__ = ["expected_gains", "gains"]

Array = NDArray[np.float64]
_SAMPLES = 16
"""Samples of each network's prediction."""
_VOLUME_SAMPLES = 1024
"""Samples by which hypervolumes of three and more objectives are measured."""


def gains(front: Array, points: Array, reference: Array) -> Array:
    """The hypervolume, up to a reference point, that each point would add to a front, `[points]`.

    >>> gains(np.array([[0.0, 0.0]]), np.array([[-1.0, 0.5], [0.5, 0.5]]), np.array([1.0, 1.0]))
    array([0.5, 0. ])
    """
    if points.shape[1] == 2:
        return _areas(front, points, reference)
    return _volumes(front, points, reference)


def _areas(front: Array, points: Array, reference: Array) -> Array:
    """The same for two objectives and all points at once: the area between each point and the front's steps."""
    first, second = front[np.argsort(front[:, 0], kind="stable")].T
    heights = np.minimum.accumulate([reference[1], *second])  # of the step that begins at each point of the front
    starts, ends = np.array([-np.inf, *first]), np.minimum([*first, np.inf], reference[0])
    widths = np.maximum(ends - np.maximum(starts, points[:, :1]), 0.0)
    areas: Array = (widths * np.maximum(heights - points[:, 1:], 0.0)).sum(axis=1)
    return areas


def _volumes(front: Array, points: Array, reference: Array) -> Array:
    """The same for any number of objectives, by counting evenly spread samples of the space up to the reference."""
    lowest = np.vstack([front, points]).min(axis=0)
    box = np.maximum(reference - lowest, 0.0)
    samples = lowest + box * _evenly(len(reference))
    free = samples[~(front[:, None] <= samples).all(axis=2).any(axis=0)] if len(front) else samples
    hits = np.ones((len(points), len(free)), dtype=np.bool_)
    for place in range(len(reference)):  # one objective at a time needs less memory
        hits &= points[:, place, None] <= free[None, :, place]
    volumes: Array = hits.sum(axis=1) / len(samples) * box.prod()
    return volumes


@lru_cache
def _evenly(objectives: int) -> Array:
    """Evenly spread points of the unit cube, `[samples, objectives]`."""
    spread: Array = qmc.Sobol(objectives, seed=0).random(_VOLUME_SAMPLES)
    return spread


def expected_gains(
    front: Array, means: Array, deviations: Array, reference: Array, scale: Callable[[Array], Array] = np.asarray
) -> Array:
    """The mean gain of points with normally distributed coordinates, `[points]`; the same quantiles are used for all.

    means, deviations: of the normal distributions. scale: a function from the scale of the predictions to the scale of
    the front, on which the hypervolume is measured.
    """
    if not deviations.any():
        return gains(front, scale(means), reference)
    drawn = [scale(means + deviations * quantiles) for quantiles in _normals(means.shape[1])]
    expected: Array = np.mean([gains(front, points, reference) for points in drawn], axis=0)
    return expected


@lru_cache
def _normals(objectives: int) -> Array:
    """Evenly spread quantiles of the standard normal distribution, `[samples, objectives]`."""
    quantiles: Array = norm.ppf(qmc.Sobol(objectives, seed=0).random(_SAMPLES))
    return quantiles
