"""Intervals against published values and against the plainest way to compute them."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import t

from xoresnet.results.analysis.intervals import (
    NONE,
    Interval,
    Sample,
    images_of,
    mean_interval,
    mean_of,
    ratio_interval,
    share_interval,
)


@pytest.mark.parametrize(
    ("hits", "images", "low", "high"),
    [  # Newcombe 1998, doi 10.1002/(SICI)1097-0258(19980430)17:8<857::AID-SIM777>3.0.CO;2-E, table I, method 3
        (81, 263, 0.2553, 0.3662),
        (15, 148, 0.0624, 0.1605),
        (0, 20, 0.0, 0.1611),
        (1, 29, 0.0061, 0.1718),
    ],
)
def test_a_share_of_images(hits: int, images: int, low: float, high: float) -> None:
    assert tuple(share_interval(hits / images, images)) == pytest.approx((low, high), abs=5e-5)
    mirrored = share_interval(1 - hits / images, images)
    assert (mirrored.low, mirrored.high) == pytest.approx((1 - high, 1 - low), abs=5e-5)


@pytest.mark.parametrize(("share", "images"), [(0.5, None), (0.5, 0), (math.nan, 20), (1.5, 20)])
def test_a_share_without_an_interval(share: float, images: int | None) -> None:
    assert all(map(math.isnan, share_interval(share, images)))


@given(st.lists(st.floats(-100, 100), min_size=2, max_size=9))
def test_a_mean(values: list[float]) -> None:
    mean, interval, count = mean_of(np.array([math.nan, *values]))
    assert (mean, count) == (pytest.approx(np.mean(values)), len(values))
    width = t.ppf(0.975, count - 1) * np.std(values, ddof=1) / math.sqrt(count)
    expected = (mean - width, mean + width) if width else NONE
    assert tuple(interval) == pytest.approx(expected, abs=1e-9, nan_ok=True)


def test_a_mean_of_too_few() -> None:
    assert all(map(math.isnan, mean_interval(1.0, math.nan, 1)))
    assert all(map(math.isnan, mean_interval(1.0, 0.1, 1)))
    mean, _, count = mean_of(np.array([math.nan]))
    assert (math.isnan(mean), count) == (True, 0)


def test_a_ratio_has_the_interval_of_its_logarithm() -> None:
    """Equal samples: Welch's degrees of freedom are those of both together."""
    sample = Sample(50.0, 1.0, 4)
    low, high = ratio_interval(sample, sample)
    width = t.ppf(0.975, 6) * math.sqrt(2 * (1 / 50) ** 2 / 4)
    assert (math.log(low), math.log(high)) == pytest.approx((-width, width))
    above = ratio_interval(Sample(100.0, 2.0, 4), sample)
    assert tuple(above) == pytest.approx((2 * low, 2 * high))
    for wrong in (Sample(50.0, math.nan, 1), Sample(0.0, 0.0, 4), Sample(50.0, math.nan, 4)):
        assert all(map(math.isnan, ratio_interval(sample, wrong)))
    assert all(map(math.isnan, ratio_interval(Sample(3.0, 0.0, 2), Sample(2.0, 0.0, 2))))


@given(st.integers(50, 20_000), st.data())
def test_the_number_of_images(images: int, data: st.DataObject) -> None:
    """It divides the true one, and makes whole numbers of all accuracies."""
    hits = data.draw(st.lists(st.integers(0, images), min_size=8, max_size=20, unique=True))
    guess = images_of(np.array(hits) / images)
    assert guess is not None
    assert images % guess == 0
    assert all((hit * guess) % images == 0 for hit in hits)


@pytest.mark.parametrize("values", [[], [math.nan] * 9, [0.5] * 20, list(np.random.default_rng(0).random(20))])
def test_accuracies_that_do_not_tell(values: list[float]) -> None:
    assert images_of(np.array(values, dtype=np.float64)) is None


def test_bounds_of_what_is_possible() -> None:
    assert Interval(-0.1, 1.2).within(0, 1) == (0, 1)
    assert Interval(0.1, 0.2).within(0, 1) == (0.1, 0.2)
    assert all(map(math.isnan, NONE.within(0, 1)))
