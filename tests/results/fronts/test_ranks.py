from __future__ import annotations

import math
from itertools import combinations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from xoresnet.results.fronts.ranks import agreement, kendall

VALUES = st.lists(st.tuples(st.integers(0, 6), st.integers(0, 6)), min_size=2, max_size=12)


def by_definition(first: list[int], second: list[int]) -> float:
    """Tau-b: concordant less discordant pairs, over those that are no ties in one row times those in the other."""
    agree, mine, its = 0, 0, 0
    for i, j in combinations(range(len(first)), 2):
        a, b = np.sign(first[i] - first[j]), np.sign(second[i] - second[j])
        agree, mine, its = agree + a * b, mine + a * a, its + b * b
    return agree / math.sqrt(mine * its) if mine and its else math.nan


@given(VALUES)
def test_tau_is_what_its_definition_says(pairs: list[tuple[int, int]]) -> None:
    first, second = map(list, zip(*pairs, strict=True))
    tau = kendall(np.array(first, dtype=np.float64), np.array(second, dtype=np.float64))
    assert tau == pytest.approx(by_definition(first, second), nan_ok=True)


def test_pairs_with_nan_are_left_out() -> None:
    first = np.array([1.0, 2.0, math.nan, 3.0, 4.0, 5.0, 6.0])
    second = np.array([1.0, 3.0, 9.0, 2.0, 4.0, 5.0, math.nan])
    assert agreement(first, second) == agreement(np.array([1.0, 2, 3, 4, 5]), np.array([1.0, 3, 2, 4, 5]))
    assert agreement(first, second).pairs == 5


@pytest.mark.parametrize("count", [0, 1, 4])
def test_too_little_for_an_interval(count: int) -> None:
    estimate = agreement(np.arange(float(count)), np.arange(float(count)))
    assert math.isnan(estimate.low)
    assert math.isnan(estimate.high)
    assert math.isnan(estimate.tau) == (count < 2)


def test_the_interval_holds_the_truth_about_as_often_as_it_says() -> None:
    """Normal pairs with a correlation of 0.7 have a tau of 2 / pi * asin(0.7); 20 of them a time."""
    random = np.random.default_rng(0)
    truth, held = 2 / math.pi * math.asin(0.7), 0
    for _ in range(400):
        values, noise = random.normal(size=(2, 20))
        estimate = agreement(values, 0.7 * values + math.sqrt(1 - 0.49) * noise)
        held += estimate.low <= truth <= estimate.high
    assert 0.91 < held / 400 < 0.99
