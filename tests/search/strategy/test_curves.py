"""Learning curves from rung to rung."""

from __future__ import annotations

import numpy as np
import pytest

from xoresnet.search.strategy.curves import Curves

PRIOR = 0.01**2


def test_without_any_step_a_network_stays_where_it_is() -> None:
    values = np.array([[1.0, np.nan, np.nan], [2.0, np.nan, np.nan]])
    at = np.zeros(2, dtype=np.int64)
    mean, variance = Curves(values, at, PRIOR).final(values[:, 0], at)
    assert mean == pytest.approx([1.0, 2.0])
    assert (variance > 0).all()


def test_growth_is_that_of_the_networks_that_went_on() -> None:
    rng = np.random.default_rng(0)
    start = rng.uniform(0, 1, 30)
    values = np.stack([start, start + 1.0, start + 1.5], axis=1) + rng.normal(0, 0.01, (30, 3))
    at = np.full(30, 2)
    new = np.array([0.2, 0.8])
    curves = Curves(values, at, PRIOR)
    mean, variance = curves.final(new, np.array([0, 0]))
    assert mean == pytest.approx(new + 1.5, abs=0.05)
    later, less = curves.final(new + 1.0, np.array([1, 1]))
    assert later == pytest.approx(new + 1.5, abs=0.05)
    assert (less < variance).all()


def test_a_complete_network_is_certain() -> None:
    values = np.array([[0.0, 1.0], [0.5, 1.2], [0.2, 1.1], [0.9, 1.4]])
    at = np.array([1, 1, 1, 1])
    mean, variance = Curves(values, at, PRIOR).final(values[:, 1], at)
    assert mean == pytest.approx(values[:, 1])
    assert not variance.any()


def test_what_is_low_grows_as_its_neighbours_did() -> None:
    """Slow starters gain more than fast ones: the slope is negative, but never below -1, which would reverse ranks."""
    start = np.linspace(0, 1, 40)
    values = np.stack([start, 1.0 + 0.2 * start], axis=1)
    curves = Curves(values, np.ones(40, dtype=np.int64), PRIOR)
    mean, _ = curves.final(np.array([0.1, 0.9]), np.array([0, 0]))
    assert mean[0] == pytest.approx(1.02, abs=0.1)
    assert mean[0] < mean[1]


def test_gaps_are_no_numbers() -> None:
    values = np.array([[0.0, np.nan, 2.0], [0.1, 1.0, np.nan], [0.2, 1.1, 2.1], [0.3, 1.2, 2.2], [0.4, 1.3, 2.3]])
    at = np.array([2, 1, 2, 2, 2])
    mean, variance = Curves(values, at, PRIOR).final(np.array([0.15]), np.array([0]))
    assert np.isfinite(mean).all()
    assert np.isfinite(variance).all()
