from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from moocore import hypervolume

from xoresnet.search.strategy.gains import expected_gains, gains

Figures = tuple[float, float]


def area(points: Sequence[Sequence[float]], corner: Sequence[float]) -> float:
    """By definition, in two dimensions."""
    total, lowest = 0.0, corner[1]
    for first, second in sorted(points):
        if first < corner[0] and second < lowest:
            total += (corner[0] - first) * (lowest - second)
            lowest = second
    return total


POINTS = st.lists(st.tuples(st.floats(0, 1), st.floats(0, 1)), min_size=1, max_size=8)


@given(st.lists(st.tuples(st.floats(0, 1), st.floats(0, 1)), max_size=6), POINTS)
def test_gains_are_differences_of_areas(front: list[Figures], points: list[Figures]) -> None:
    corner = [0.9, 0.8]  # some lie beyond it
    gained = gains(np.array(front).reshape(-1, 2), np.array(points), np.array(corner))
    expected = [area([*front, point], corner) - area(front, corner) for point in points]
    assert gained == pytest.approx(expected, abs=1e-9)


@given(st.integers(0, 2**32 - 1), st.sampled_from([3, 4]))
def test_gains_in_more_objectives_are_differences_of_hypervolumes(seed: int, objectives: int) -> None:
    """Here they are measured by samples, in moocore exactly."""
    rng = np.random.default_rng(seed)
    front, points = rng.random((rng.integers(1, 6), objectives)), rng.random((7, objectives))
    corner = np.array([0.9, 0.8, 0.75, 0.7][:objectives])  # some lie beyond it
    exact = [hypervolume(np.vstack([front, point]), ref=corner) - hypervolume(front, ref=corner) for point in points]
    assert gains(front, points, corner) == pytest.approx(exact, abs=0.01)


@given(POINTS, POINTS, st.floats(0, 0.3))
def test_what_is_expected_is_the_mean_over_what_may_be(front: list[Figures], means: list[Figures], wide: float) -> None:
    """Against many draws; and what is certain gains what it gains."""
    corner, rng = np.array([1.2, 1.1]), np.random.default_rng(0)
    known, points = np.array(front), np.array(means)
    certain = expected_gains(known, points, np.zeros_like(points), corner)
    assert certain == pytest.approx(gains(known, points, corner))
    gained = expected_gains(known, points, np.full_like(points, wide), corner)
    draws = [gains(known, points + wide * rng.standard_normal(2), corner) for _ in range(400)]
    assert gained == pytest.approx(np.mean(draws, axis=0), abs=0.02 + 0.15 * wide)


def test_a_point_behind_the_front_still_promises_something_unless_it_is_certain() -> None:
    front, corner = np.array([[0.2, 0.6], [0.5, 0.3]]), np.array([1.0, 1.0])
    points = np.array([[0.55, 0.35], [0.9, 0.9]])
    assert gains(front, points, corner).tolist() == [0.0, 0.0]
    near, far = expected_gains(front, points, np.full((2, 2), 0.1), corner)
    assert near > 10 * far >= 0
