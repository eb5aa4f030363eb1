"""What is still to be gained: a Gaussian process for what networks come to, and the hypervolume that is expected of it.

Everything here is to be minimised; arrays are `[rows, objectives]`.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

__all__ = ["distances", "expected_gains", "fitted", "gains"]

Array = NDArray[np.float64]
_SAMPLES = 16
"""Drawn of what each network may come to."""


def gains(front: Array, points: Array, reference: Array) -> Array:
    """The hypervolume, up to a reference point, that each point would add to a front."""
    if points.shape[1] == 2:
        return _areas(front, points, reference)
    from moocore import hypervolume  # type: ignore[import-untyped]

    before = hypervolume(front, ref=reference) if len(front) else 0.0
    return np.array([hypervolume(np.vstack([front, point]), ref=reference) - before for point in points])


def _areas(front: Array, points: Array, reference: Array) -> Array:
    """Of two objectives, of all points at once: what lies between each and the front's steps."""
    first, second = front[np.argsort(front[:, 0], kind="stable")].T
    heights = np.minimum.accumulate([reference[1], *second])  # of the step that begins at each of the front
    starts, ends = np.array([-np.inf, *first]), np.minimum([*first, np.inf], reference[0])
    widths = np.maximum(ends - np.maximum(starts, points[:, :1]), 0.0)
    found: Array = (widths * np.maximum(heights - points[:, 1:], 0.0)).sum(axis=1)
    return found


def expected_gains(
    front: Array, means: Array, deviations: Array, reference: Array, scale: Callable[[Array], Array] = np.asarray
) -> Array:
    """The same of points that are known within a standard deviation: the mean over some of what each may be, the same
    quantiles for all. scale: from the scale on which they are known to that of the front.
    """
    if not deviations.any():
        return gains(front, scale(means), reference)
    drawn = [scale(means + deviations * one) for one in _normals(means.shape[1])]
    found: Array = np.mean([gains(front, points, reference) for points in drawn], axis=0)
    return found


def distances(front: Array, points: Array, reference: Array) -> Array:
    """By how much all objectives of each point would have to be lower for it to be on the front, in shares of the way
    from the front's best to the reference point, as far as which there must be a front.
    """
    scale = np.maximum(reference - front.min(axis=0), 1e-12)
    behind: Array = ((points[:, None] - front[None]) / scale).min(axis=2).max(axis=1)
    found: Array = np.maximum(behind, ((points - reference) / scale).max(axis=1))
    return found


def fitted(inputs: Array, targets: Array, variances: Array, wanted: Array) -> tuple[Array, Array]:
    """Mean and standard deviation, each `[wanted]`, of a Gaussian process through targets `[rows]` with variances of
    their own.
    """
    from sklearn.gaussian_process import GaussianProcessRegressor  # type: ignore[import-untyped]
    from sklearn.gaussian_process.kernels import RBF, ConstantKernel, DotProduct, WhiteKernel  # type: ignore[import-untyped]

    middle, spread = float(targets.mean()), float(targets.std()) or 1.0
    kernel = (
        ConstantKernel(1.0, (1e-2, 1e2)) * RBF(2.0, (0.5, 20.0))
        + ConstantKernel(0.3, (1e-2, 1e1)) * DotProduct(1e-3, "fixed")
        + WhiteKernel(0.1, (1e-3, 1.0))
    )
    model = GaussianProcessRegressor(kernel, alpha=1e-8 + variances / spread**2, random_state=0)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of kernels at their bounds
        mean, deviation = model.fit(inputs, (targets - middle) / spread).predict(wanted, return_std=True)
    return middle + spread * mean, spread * deviation


def _normals(objectives: int) -> Array:
    """Of the standard normal distribution, spread evenly."""
    from scipy.stats import norm, qmc  # type: ignore[import-untyped]

    found: Array = norm.ppf(qmc.Sobol(objectives, seed=0).random(_SAMPLES))
    return found
