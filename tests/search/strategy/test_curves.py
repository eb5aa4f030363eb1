"""Learning curves from rung to rung."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from xoresnet.search.strategy.curves import Curves

Array = NDArray[np.float64]
PRIORS = np.array([0.01**2])


def columns(*values: list[float]) -> Array:
    """Losses of one objective, `[networks, rungs, 1]`."""
    return np.array(values)[:, :, None]


def test_without_any_step_a_network_stays_where_it_is() -> None:
    losses = columns([1.0, np.nan, np.nan], [2.0, np.nan, np.nan])
    at = np.zeros(2, dtype=np.int64)
    means, variances = Curves(losses, at, PRIORS).final(losses[:, 0], at)
    assert means[:, 0] == pytest.approx([1.0, 2.0])
    assert (variances > 0).all()


def test_growth_is_that_of_the_networks_that_went_on() -> None:
    rng = np.random.default_rng(0)
    start = rng.uniform(0, 1, 30)
    values = np.stack([start, start + 1.0, start + 1.5], axis=1) + rng.normal(0, 0.01, (30, 3))
    new = np.array([[0.2], [0.8]])
    curves = Curves(values[:, :, None], np.full(30, 2), PRIORS)
    means, variances = curves.final(new, np.array([0, 0]))
    assert means == pytest.approx(new + 1.5, abs=0.05)
    later, less = curves.final(new + 1.0, np.array([1, 1]))
    assert later == pytest.approx(new + 1.5, abs=0.05)
    assert (less < variances).all()


def test_a_complete_network_is_certain() -> None:
    losses = columns([0.0, 1.0], [0.5, 1.2], [0.2, 1.1], [0.9, 1.4])
    at = np.array([1, 1, 1, 1])
    means, variances = Curves(losses, at, PRIORS).final(losses[:, 1], at)
    assert means == pytest.approx(losses[:, 1])
    assert not variances.any()


def test_what_is_low_grows_as_its_neighbours_did() -> None:
    """Slow starters gain more than fast ones: the slope is negative, but never below -1, which would reverse ranks."""
    start = np.linspace(0, 1, 40)
    losses = np.stack([start, 1.0 + 0.2 * start], axis=1)[:, :, None]
    means, _ = Curves(losses, np.ones(40, dtype=np.int64), PRIORS).final(np.array([[0.1], [0.9]]), np.array([0, 0]))
    assert means[0, 0] == pytest.approx(1.02, abs=0.1)
    assert means[0, 0] < means[1, 0]


def two_objectives(count: int, most: float, rng: np.random.Generator) -> Array:
    """Loss and spikes, `[networks, 2 rungs, 2]`: the more a network spikes, the more it still learns."""
    spikes = rng.uniform(0, most, count)
    loss = rng.normal(0, 0.05, count)
    first = np.stack([loss, spikes], axis=1)
    return np.stack([first, np.stack([loss - spikes, spikes], axis=1)], axis=1)


def test_growth_depends_on_what_else_was_reported() -> None:
    losses = two_objectives(40, 1.0, np.random.default_rng(0))
    curves = Curves(losses, np.ones(40, dtype=np.int64), np.full(2, 0.01**2))
    means, _ = curves.final(np.array([[0.0, 0.1], [0.0, 0.9]]), np.array([0, 0]))
    assert means[:, 0] == pytest.approx([-0.1, -0.9], abs=0.1)
    assert means[:, 1] == pytest.approx([0.1, 0.9], abs=0.05)


def test_networks_unlike_all_that_went_on_are_uncertain() -> None:
    """Only networks with few spikes were completed; others are at the rung, so that its widths are known."""
    rng = np.random.default_rng(0)
    few, many = two_objectives(20, 0.3, rng), two_objectives(20, 3.0, rng)
    many[:, 1] = np.nan
    at = np.r_[np.ones(20, dtype=np.int64), np.zeros(20, dtype=np.int64)]
    curves = Curves(np.concatenate([few, many]), at, np.full(2, 0.1**2))
    _, variances = curves.final(np.array([[0.0, 0.15], [0.0, 2.9]]), np.array([0, 0]))
    assert (variances[1] > 1.5 * variances[0]).all()


def test_what_is_far_from_zero_is_predicted_as_well() -> None:
    rng = np.random.default_rng(0)
    losses = two_objectives(40, 1.0, rng)
    wanted, begun = np.array([[0.0, 0.3], [0.1, 0.9]]), np.array([0, 0])
    near, near_variances = Curves(losses, np.ones(40, dtype=np.int64), np.full(2, 0.01**2)).final(wanted, begun)
    shift = np.array([0.0, 1000.0])
    far, far_variances = Curves(losses + shift, np.ones(40, dtype=np.int64), np.full(2, 0.01**2)).final(
        wanted + shift, begun
    )
    assert far - shift == pytest.approx(near, abs=1e-6)
    assert far_variances == pytest.approx(near_variances, rel=1e-4)


def test_gaps_are_no_numbers() -> None:
    gap = np.nan
    losses = columns([0.0, gap, 2.0], [0.1, 1.0, gap], [0.2, 1.1, 2.1], [0.3, 1.2, 2.2], [0.4, 1.3, 2.3])
    means, variances = Curves(losses, np.array([2, 1, 2, 2, 2]), PRIORS).final(np.array([[0.15]]), np.array([0]))
    assert np.isfinite(means).all()
    assert np.isfinite(variances).all()
