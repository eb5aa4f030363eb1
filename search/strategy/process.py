"""A Gaussian process on configurations, with a weight for each parameter and a noise of its own for each row.

The kernel is a product over the parameters, exp(-sum of w_k d_k), where d_k is the distance in parameter k
(`encoding.py`): a Hamming distance for texts, a rank distance for numbers. The weights, the variance and the common
noise maximise the posterior under log-normal priors; nothing is kept from one fit to the next, so that equal records
lead to equal predictions.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from scipy.linalg import cho_factor, cho_solve, solve_triangular  # type: ignore[import-untyped]
from scipy.optimize import minimize  # type: ignore[import-untyped]

from xoresnet.search.strategy.encoding import Encoding, distances
from xoresnet.search.strategy.progress import Array

__all__ = ["Hyperparameters", "Process", "fit", "posterior_loss"]

_MOST_FITTED = 80
"""The hyperparameters are fitted to so many rows at most, those with the least noise."""
_ITERATIONS = 15
_WEIGHT, _NOISE = np.log(0.3), np.log(0.05)
"""Medians of the priors of the weights and the noise, as logarithms."""
_SPREAD = 1.2
"""Their standard deviation; that of the variance's prior is 1."""
_BOUNDS = ((-6.0, 2.0), (-3.0, 3.0), (-7.0, 1.0))
"""Of weights, variance and noise, as logarithms."""
_JITTER = 1e-8


class Hyperparameters(NamedTuple):
    """Of targets with variance 1."""

    weights: Array
    """`[parameters]`"""
    variance: float
    noise: float
    """Of every training, besides that of its row."""


class Process:
    """A process that is fitted to noisy targets."""

    def __init__(
        self,
        encoding: Encoding,
        rows: Array,
        targets: Array,
        noise: Array,
        hyperparameters: Hyperparameters | None = None,
        middle: float | None = None,
        unit: float | None = None,
    ) -> None:
        """rows: `[n, places]`; targets and the variances of their noise: `[n]`.

        hyperparameters, middle, unit: None for those that fit best, the mean and the standard deviation.
        """
        weights = 1 / (noise + targets.var() + 1e-12)
        self.middle = float(np.average(targets, weights=weights)) if middle is None else middle
        self.unit = (float(targets.std()) or 1.0) if unit is None else unit
        self._encoding, self._rows = encoding, rows
        self._targets, self._noise = (targets - self.middle) / self.unit, noise / self.unit**2
        self.hyperparameters = hyperparameters or fit(encoding, rows, self._targets, self._noise)
        inner = self._kernel(rows) + np.diag(self._noise + self.hyperparameters.noise + _JITTER)
        self._factor = np.linalg.cholesky(inner)
        self._alpha = cho_solve((self._factor, True), self._targets)

    def predict(self, rows: Array) -> tuple[Array, Array]:
        """Mean and variance of one training of each network, `[wanted]`."""
        kernel = self._kernel(rows)
        explained = solve_triangular(self._factor, kernel.T, lower=True, check_finite=False)
        own = np.maximum(self.hyperparameters.variance - (explained**2).sum(axis=0), 1e-9)
        variance = self.unit**2 * (own + self.hyperparameters.noise)
        return self.middle + self.unit * (kernel @ self._alpha), variance

    def left_out(self) -> tuple[Array, Array]:
        """For each row, mean and variance of one training, predicted from all other rows."""
        inverse = np.diag(cho_solve((self._factor, True), np.eye(len(self._rows))))
        mean = self.middle + self.unit * (self._targets - self._alpha / inverse)
        return mean, np.maximum(self.unit**2 * (1 / inverse - self._noise - _JITTER), 1e-8)

    def _kernel(self, rows: Array) -> Array:
        weights = self.hyperparameters.weights[self._encoding.owners] * self._encoding.shares
        kernel: Array = self.hyperparameters.variance * np.exp(-distances(rows, self._rows, weights))
        return kernel


def fit(encoding: Encoding, rows: Array, targets: Array, noise: Array) -> Hyperparameters:
    """The hyperparameters that fit best to standardised targets."""
    chosen = np.argsort(noise, kind="stable")[:_MOST_FITTED]
    fields = len(encoding.names)
    lowest, variance, noises = _BOUNDS
    found = minimize(
        posterior_loss(encoding, rows[chosen], targets[chosen], noise[chosen]),
        np.r_[np.full(fields, _WEIGHT), 0.0, _NOISE],
        jac=True,
        method="L-BFGS-B",
        bounds=[lowest] * fields + [variance, noises],
        options={"maxiter": _ITERATIONS},
    )
    best = np.exp(found.x)
    return Hyperparameters(best[:-2], float(best[-2]), float(best[-1]))


def posterior_loss(
    encoding: Encoding, rows: Array, targets: Array, noise: Array
) -> Callable[[Array], tuple[float, Array]]:
    """The negative log posterior and its gradient, as a function of the logarithms of weights, variance and noise."""
    fields, count = len(encoding.names), len(rows)
    parts = np.zeros((fields, count, count))
    for field in range(fields):
        own = encoding.owners == field
        parts[field] = distances(rows[:, own], rows[:, own], encoding.shares[own])
    flat = parts.reshape(fields, -1)
    middles, widths = np.r_[np.full(fields, _WEIGHT), 0.0, _NOISE], np.r_[np.full(fields, _SPREAD), 1.0, _SPREAD]

    def loss(theta: Array) -> tuple[float, Array]:
        weights = np.exp(theta[:-2])
        kernel = np.exp(theta[-2] - (weights @ flat).reshape(count, count))
        try:
            factor = cho_factor(kernel + np.diag(noise + np.exp(theta[-1]) + _JITTER), lower=True)
        except np.linalg.LinAlgError:
            return 1e10, np.zeros_like(theta)
        inverse = cho_solve(factor, np.eye(count))
        alpha = inverse @ targets
        prior = (theta - middles) / widths
        value = 0.5 * targets @ alpha + np.log(np.diag(factor[0])).sum() + 0.5 * (prior**2).sum()
        slope = inverse - np.outer(alpha, alpha)
        on_kernel = (slope * kernel).ravel()
        by_noise = 0.5 * np.trace(slope) * np.exp(theta[-1])
        gradient = np.r_[-0.5 * weights * (flat @ on_kernel), 0.5 * on_kernel.sum(), by_noise]
        return float(value), gradient + prior / widths

    return loss
