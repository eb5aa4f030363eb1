"""A Gaussian process on configurations, with a weight for each parameter and a noise of its own for each row.

The kernel is a product over the parameters, exp(-sum of w_k d_k), where d_k is the distance in parameter k
(`encoding.py`): a Hamming distance for texts, a rank distance for numbers. The weights, the variance and the common
noise maximise the posterior under log-normal priors.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from scipy.linalg import cho_factor, cho_solve, solve_triangular  # type: ignore[import-untyped]
from scipy.optimize import minimize  # type: ignore[import-untyped]

from xoresnet.search.strategy.encoding import Encoding, distances
from xoresnet.search.strategy.progress import Array

__all__ = ["Process", "fit_weights"]

_MOST_FITTED = 80
"""The weights are fitted to so many rows at most, those with the least noise."""
_ITERATIONS = 15
_WEIGHT, _NOISE = np.log(0.3), np.log(0.05)
"""Medians of the priors of the weights and the noise, as logarithms."""
_SPREAD = 1.2
"""Their standard deviation; that of the variance's prior is 1."""
_JITTER = 1e-8


class Process:
    """A process that is fitted to noisy targets."""

    def __init__(self, encoding: Encoding, rows: Array, targets: Array, noise: Array) -> None:
        """rows: `[n, places]`; targets and the variances of their noise: `[n]`."""
        self._middle = float(np.average(targets, weights=1 / (noise + targets.var() + 1e-12)))
        self._unit = float(targets.std()) or 1.0
        self._encoding, self._rows = encoding, rows
        scaled, self._noise = (targets - self._middle) / self._unit, noise / self._unit**2
        self._theta = fit_weights(encoding, rows, scaled, self._noise)
        kernel = self._kernel(rows) + np.diag(self._noise + np.exp(self._theta[-1]) + _JITTER)
        self._factor = np.linalg.cholesky(kernel)
        self._alpha = cho_solve((self._factor, True), scaled)
        self._scaled = scaled

    def predict(self, rows: Array) -> tuple[Array, Array]:
        """Mean and variance of one training of each network, `[wanted]`."""
        kernel = self._kernel(rows)
        explained = solve_triangular(self._factor, kernel.T, lower=True, check_finite=False)
        variance = np.maximum(np.exp(self._theta[-2]) - (explained**2).sum(axis=0), 1e-9) + np.exp(self._theta[-1])
        return self._middle + self._unit * (kernel @ self._alpha), self._unit**2 * variance

    def left_out(self) -> tuple[Array, Array]:
        """For each row, mean and variance of one training, predicted from all other rows."""
        inverse = np.diag(cho_solve((self._factor, True), np.eye(len(self._rows))))
        mean = self._middle + self._unit * (self._scaled - self._alpha / inverse)
        return mean, np.maximum(self._unit**2 * (1 / inverse - self._noise), 1e-8)

    def _kernel(self, rows: Array) -> Array:
        weights = np.exp(self._theta[:-2])[self._encoding.owners] * self._encoding.shares
        return np.asarray(np.exp(self._theta[-2] - distances(rows, self._rows, weights)))


def fit_weights(encoding: Encoding, rows: Array, targets: Array, noise: Array) -> Array:
    """Logarithms of the weights, the variance and the noise, in this order."""
    chosen = np.argsort(noise, kind="stable")[:_MOST_FITTED]
    rows, targets, noise = rows[chosen], targets[chosen], noise[chosen]
    fields = len(encoding.names)
    parts = [
        distances(rows[:, own], rows[:, own], encoding.shares[own])
        for own in (encoding.owners == field for field in range(fields))
    ]
    problem = _Problem(np.array(parts).reshape(fields, len(rows), len(rows)), targets, noise)
    bounds = [(-6, 2)] * fields + [(-3, 3), (-7, 1)]
    start = np.r_[np.full(fields, _WEIGHT), 0.0, _NOISE]
    options = {"maxiter": _ITERATIONS}
    theta: Array = minimize(problem.loss, start, jac=True, method="L-BFGS-B", bounds=bounds, options=options).x
    return theta


class _Problem(NamedTuple):
    """The negative log posterior of the hyperparameters."""

    parts: Array
    """`[fields, n, n]`: the distances in each parameter."""
    targets: Array
    noise: Array

    def loss(self, theta: Array) -> tuple[float, Array]:
        """The loss and its gradient."""
        rows, weights = len(self.targets), np.exp(theta[:-2])
        kernel = np.exp(theta[-2] - np.tensordot(weights, self.parts, axes=1))
        try:
            factor = cho_factor(kernel + np.diag(self.noise + np.exp(theta[-1]) + _JITTER), lower=True)
        except np.linalg.LinAlgError:
            return 1e10, np.zeros_like(theta)
        inverse = cho_solve(factor, np.eye(rows))
        alpha = inverse @ self.targets
        prior = (theta - np.r_[np.full(len(weights), _WEIGHT), 0.0, _NOISE]) / _widths(len(weights))
        loss = 0.5 * self.targets @ alpha + np.log(np.diag(factor[0])).sum() + 0.5 * (prior**2).sum()
        slope = inverse - np.outer(alpha, alpha)
        on_kernel = (slope * kernel).ravel()
        by_weight = -0.5 * weights * (self.parts.reshape(len(weights), -1) @ on_kernel)
        by_noise = 0.5 * np.trace(slope) * np.exp(theta[-1])
        gradient = np.r_[by_weight, 0.5 * on_kernel.sum(), by_noise]
        return float(loss), gradient + prior / _widths(len(weights))


def _widths(fields: int) -> Array:
    widths: Array = np.r_[np.full(fields, _SPREAD), 1.0, _SPREAD]
    return widths
