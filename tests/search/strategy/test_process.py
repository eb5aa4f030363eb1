"""The Gaussian process against formulas written out, and against itself without a row."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import approx_fprime  # type: ignore[import-untyped]

from xoresnet.search.strategy.encoding import Encoding, distances
from xoresnet.search.strategy.process import Hyperparameters, Process, fit, posterior_loss

NETWORKS = [
    {"merge": merge, "depth": depth, "rate": rate}
    for merge in ("add", "or", "oa")
    for depth, rate in ((8, 0.1), (14, 0.3), (20, 0.2), (44, 0.7))
]


def made(seed: int = 0) -> tuple[Encoding, np.ndarray, np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    encoding = Encoding(NETWORKS)
    rows = encoding.rows(NETWORKS)
    effect = {"add": 0.0, "or": 1.0, "oa": 2.0}
    targets = np.array([effect[str(net["merge"])] + 0.02 * float(net["depth"]) for net in NETWORKS])
    return encoding, rows, targets + rng.normal(0, 0.05, len(targets)), rng.uniform(0.01, 0.1, len(targets))


def test_distances_are_those_of_the_fields() -> None:
    encoding = Encoding(NETWORKS)
    rows = encoding.rows(NETWORKS)
    apart = distances(rows, rows, encoding.shares)
    levels = {"depth": [8, 14, 20, 44], "rate": [0.1, 0.2, 0.3, 0.7]}
    for i, first in enumerate(NETWORKS):
        for j, second in enumerate(NETWORKS):
            by_rank = [
                abs(levels[name].index(first[name]) - levels[name].index(second[name])) / 3
                for name in ("depth", "rate")
            ]
            assert apart[i, j] == pytest.approx((first["merge"] != second["merge"]) + sum(by_rank))


def test_a_parameter_that_some_networks_lack_is_a_difference() -> None:
    networks = [{"kind": "a", "rate": 0.5}, {"kind": "b"}, {"kind": "a", "rate": 0.1}]
    encoding = Encoding(networks)
    rows = encoding.rows(networks)
    apart = distances(rows, rows, encoding.shares)
    assert encoding.names == ("kind", "rate")
    assert apart[0, 1] > apart[0, 2] > 0
    assert np.allclose(apart, apart.T)
    assert np.allclose(np.diag(apart), 0)


def test_values_that_were_not_seen_have_a_place() -> None:
    encoding = Encoding(NETWORKS)
    rows = encoding.rows([{"merge": "iand", "depth": 30, "rate": 5.0}])
    assert np.isfinite(distances(rows, encoding.rows(NETWORKS), encoding.shares)).all()


def test_many_levels_are_grouped() -> None:
    networks = [{"rate": rate} for rate in np.linspace(0, 1, 300).tolist()]
    assert len(Encoding(networks).shares) < 20


def test_predictions_are_those_of_the_formulas() -> None:
    encoding, rows, targets, noise = made()
    process = Process(encoding, rows[:9], targets[:9], noise[:9])
    mean, variance = process.predict(rows[9:])
    theta = process.hyperparameters
    weights = theta.weights[encoding.owners] * encoding.shares
    middle = np.average(targets[:9], weights=1 / (noise[:9] + targets[:9].var() + 1e-12))
    unit = targets[:9].std()
    kernel = theta.variance * np.exp(-distances(rows, rows, weights))
    inner = kernel[:9, :9] + np.diag(noise[:9] / unit**2 + theta.noise + 1e-8)
    expected = middle + unit * kernel[9:, :9] @ np.linalg.solve(inner, (targets[:9] - middle) / unit)
    spread = np.diag(kernel[9:, 9:] - kernel[9:, :9] @ np.linalg.solve(inner, kernel[:9, 9:])) + theta.noise
    assert mean == pytest.approx(expected)
    assert variance == pytest.approx(unit**2 * spread)


def test_what_is_left_out_is_predicted_as_if_it_had_never_been_there() -> None:
    encoding, rows, targets, noise = made()
    process = Process(encoding, rows, targets, noise)
    mean, variance = process.left_out()
    for row in range(len(rows)):
        others = np.arange(len(rows)) != row
        alone = Process(
            encoding,
            rows[others],
            targets[others],
            noise[others],
            process.hyperparameters,
            process.middle,
            process.unit,
        )
        expected, spread = alone.predict(rows[[row]])
        assert mean[row] == pytest.approx(expected[0])
        assert variance[row] == pytest.approx(spread[0], rel=1e-4)


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 10**6))
def test_the_gradient_is_that_of_the_loss(seed: int) -> None:
    encoding, rows, targets, noise = made(seed)
    theta = np.random.default_rng(seed).normal(-1, 0.5, len(encoding.names) + 2)
    loss = posterior_loss(encoding, rows, targets - targets.mean(), noise)
    _, gradient = loss(theta)
    numeric = approx_fprime(theta, lambda at: loss(at)[0], 1e-6)
    assert gradient == pytest.approx(numeric, rel=1e-3, abs=1e-3)


def test_what_matters_gets_weight() -> None:
    rng = np.random.default_rng(0)
    networks = [{name: str(rng.integers(3)) for name in ("yes", "no")} for _ in range(60)]
    encoding = Encoding(networks)
    targets = np.array([float(net["yes"]) for net in networks]) + rng.normal(0, 0.1, 60)
    fitted = fit(encoding, encoding.rows(networks), targets - targets.mean(), np.full(60, 0.01))
    assert isinstance(fitted, Hyperparameters)
    yes, no = encoding.names.index("yes"), encoding.names.index("no")
    assert fitted.weights[yes] > 3 * fitted.weights[no]
