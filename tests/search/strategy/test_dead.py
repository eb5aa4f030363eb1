"""The dead rule, and which rung is the first that tells anything."""

from __future__ import annotations

import numpy as np
import pytest

from tests.search.strategy.made_progress import made_progress
from xoresnet.search.strategy.dead import Chance, first_rung, hopeless, images_of

CHANCE = Chance(0, 0.1, 1000)


def test_networks_at_chance_are_dead_where_most_are_above() -> None:
    progress = made_progress([[0.1], [0.12], [0.5], [0.6], [0.7], [0.8]])
    assert list(hopeless(progress, CHANCE, 1.0)) == [True, True, False, False, False, False]


def test_the_band_is_three_standard_deviations_of_the_images() -> None:
    level = 0.1 + 3 * np.sqrt(0.1 * 0.9 / 1000)
    progress = made_progress([[level - 1e-6], [level + 1e-6], [0.5], [0.6]])
    assert list(hopeless(progress, CHANCE, 1.0)) == [True, False, False, False]
    assert list(hopeless(progress, Chance(0, 0.1), 1.0))[:2] == [False, False]  # 0.6 points without a number of images


def test_the_number_of_images_is_told_by_the_accuracies() -> None:
    rng = np.random.default_rng(0)
    for images in (100, 287, 2000, 10_000):
        shares = rng.integers(0, images, 200) / images
        assert images_of(shares) == images
        assert images_of(np.round(shares * 100, 2) / 100) in (images, None)  # percents with two places
    assert images_of(rng.random(200)) is None
    assert images_of(np.array([0.1, 0.2])) is None


def test_where_most_are_at_chance_nobody_is_dead_yet() -> None:
    progress = made_progress([[0.1], [0.1], [0.1], [0.5]])
    assert not hopeless(progress, CHANCE, 1.0).any()


def test_infeasible_ones_are_as_good_as_dead() -> None:
    progress = made_progress([[0.5], [0.6]], feasible=[False, True])
    assert list(hopeless(progress, None, 1.0)) == [True, False]


def test_percents_and_an_unknown_level() -> None:
    progress = made_progress([[10.0], [55.0], [60.0]])
    assert list(hopeless(progress, Chance(0), 100.0)) == [True, False, False]


def test_nan_is_no_success() -> None:
    progress = made_progress([[float("nan")], [0.5], [0.6]])
    assert list(hopeless(progress, CHANCE, 1.0)) == [True, False, False]


@pytest.mark.parametrize(
    ("curves", "first"),
    [
        ([[0.1], [0.1], [0.1]], 0),  # too few to say
        ([[0.1], [0.1], [0.1], [0.5]], 1),
        ([[0.1], [0.1], [0.5], [0.5]], 0),
        ([[0.1, 0.1], [0.1, 0.1], [0.1, 0.1], [0.1, 0.5]], 2),
        ([[0.1, 0.4], [0.1, 0.5], [0.1, 0.1], [0.1, 0.5]], 1),
    ],
)
def test_first_rung(curves: list[list[float]], first: int) -> None:
    assert first_rung(made_progress(curves), CHANCE, 1.0) == first
    assert first_rung(made_progress(curves), None, 1.0) == 0
