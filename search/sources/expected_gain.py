"""Expected hypervolume improvement: a Gaussian process predicts networks, and what each would add to the front.

All objectives are minimised; arrays are `[rows, objectives]`.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

__all__ = ["distances", "expected_gains", "fitted", "gains"]

Array = NDArray[np.float64]
_SAMPLES = 16
"""Samples of each network's prediction."""


def gains(front: Array, points: Array, reference: Array) -> Array:
    """The hypervolume, up to a reference point, that each point would add to a front, `[points]`.

    >>> gains(np.array([[0.0, 0.0]]), np.array([[-1.0, 0.5], [0.5, 0.5]]), np.array([1.0, 1.0]))
    array([0.5, 0. ])
    """
    if points.shape[1] == 2:
        return _areas(front, points, reference)
    from moocore import hypervolume  # type: ignore[import-untyped]

    before = hypervolume(front, ref=reference) if len(front) else 0.0
    return np.array([hypervolume(np.vstack([front, point]), ref=reference) - before for point in points])


def _areas(front: Array, points: Array, reference: Array) -> Array:
    """The same for two objectives and all points at once: the area between each point and the front's steps."""
    first, second = front[np.argsort(front[:, 0], kind="stable")].T
    heights = np.minimum.accumulate([reference[1], *second])  # of the step that begins at each point of the front
    starts, ends = np.array([-np.inf, *first]), np.minimum([*first, np.inf], reference[0])
    widths = np.maximum(ends - np.maximum(starts, points[:, :1]), 0.0)
    areas: Array = (widths * np.maximum(heights - points[:, 1:], 0.0)).sum(axis=1)
    return areas


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


def distances(front: Array, points: Array, reference: Array) -> Array:
    """How far each point is from joining the front, `[points]`: the amount by which all its objectives would have to be
    lower, as a share of the distance from the front's best values to the reference point. The front must not be empty.
    """
    scale = np.maximum(reference - front.min(axis=0), 1e-12)
    behind: Array = ((points[:, None] - front[None]) / scale).min(axis=2).max(axis=1)
    distance: Array = np.maximum(behind, ((points - reference) / scale).max(axis=1))
    return distance


def fitted(inputs: Array, targets: Array, variances: Array, wanted: Array) -> tuple[Array, Array]:
    """Mean and standard deviation, each `[wanted]`, of a Gaussian process that is fitted to noisy targets.

    inputs: `[rows, features]`; targets and their variances: `[rows]`; wanted: `[wanted, features]`.
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
        warnings.simplefilter("ignore")  # about kernel parameters at their bounds
        mean, deviation = model.fit(inputs, (targets - middle) / spread).predict(wanted, return_std=True)
    return middle + spread * mean, spread * deviation


def _normals(objectives: int) -> Array:
    """Evenly spread quantiles of the standard normal distribution, `[samples, objectives]`."""
    from scipy.stats import norm, qmc  # type: ignore[import-untyped]

    quantiles: Array = norm.ppf(qmc.Sobol(objectives, seed=0).random(_SAMPLES))
    return quantiles
