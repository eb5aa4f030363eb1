from __future__ import annotations

import math
from random import Random
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import chisquare, kstest

from xoresnet.space.domain import Choice, Domain, FloatRange, IntRange, constant, is_constant, snapped

TENTHS = FloatRange(0.1, 1.0, 0.1)


@pytest.mark.parametrize(
    ("domain", "values"),
    [
        (Choice(("b", "a", None, True)), ("b", "a", None, True)),
        (IntRange(2, 5), (2, 3, 4, 5)),
        (IntRange(2, 9, 3), (2, 5, 8)),
        (IntRange(2, 8, 3), (2, 5, 8)),
        (IntRange(2, 9, 8), (2,)),
        (IntRange(4, 4), (4,)),
        (IntRange(0, 3, log=True), (0, 1, 2, 3)),
        (FloatRange(1.0, 2.0), None),
        (FloatRange(1.0, 2.0, log=True), None),
        (FloatRange(1.5, 1.5), (1.5,)),
        (FloatRange(1.0, 2.0, 0.5), (1.0, 1.5, 2.0)),
        (FloatRange(1.0, 2.2, 0.5), (1.0, 1.5, 2.0)),
        (FloatRange(1.0, 1.2, 0.5), (1.0,)),
        (TENTHS, (0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1.0)),  # 0.1 + 2 * 0.1 is 0.30000000000000004
        (FloatRange(0.0, 0.3, 0.1), (0.0, 0.1, 0.2, 0.3)),  # 0.3 / 0.1 is 2.9999999999999996
        (FloatRange(1e-4, 5e-4, 1e-4), (0.0001, 0.0002, 0.0003, 0.0004, 0.0005)),
        (FloatRange(-0.3, 0.0, 0.1), (-0.3, -0.2, -0.1, 0.0)),
    ],
)
def test_values(domain: Domain, values: Any) -> None:
    assert domain.values == values
    if values is not None:
        assert all(value in domain for value in values)
        assert domain.first == values[0]
        assert is_constant(domain) is (len(values) == 1)
    else:
        assert domain.first == domain.low  # type: ignore[union-attr]
        assert not is_constant(domain)


@pytest.mark.parametrize(
    ("domain", "inside", "outside"),
    [
        (Choice(("or", "oa")), ["or", "oa"], ["add", None, "OR", 1]),
        (Choice((2, 3.5)), [2, 2.0, 3.5], [True, "2", 3, None]),
        (Choice((1.0,)), [1, 1.0], [True, "1"]),
        (Choice((0, 1)), [0, 1, 0.0], [True, False, None]),
        (Choice((True, None)), [True, None], [1, 1.0, False, 0]),
        (IntRange(2, 8, 2), [2, 4, 8], [1, 3, 10, 4.0, "4", None, True]),
        (IntRange(0, 1), [0, 1], [True, False]),
        (FloatRange(1.0, 2.0), [1, 1.0, 1.7, 2.0], [0.999, 2.001, math.nan, math.inf, True, "1.5", None]),
        (FloatRange(1.0, 2.1, 0.5), [1, 1.5, 2.0], [1.25, 2.1, 2.5, 0.5]),
        (TENTHS, [0.3, 0.7, 1.0, 1], [0.1 + 2 * 0.1, 0.35, 0.05, 1.1, math.nan]),
    ],
)
def test_membership(domain: Domain, inside: list[Any], outside: list[Any]) -> None:
    assert [value for value in inside if value not in domain] == []
    assert [value for value in outside if value in domain] == []


@pytest.mark.parametrize(
    ("domain", "value", "near"),
    [
        (Choice(("add", "or", "oa")), "or", ("add", "oa")),
        (Choice(("add",)), "add", ()),
        (Choice((1, 1.5)), 1.0, (1.5,)),
        (IntRange(2, 8, 3), 5, (2, 8)),
        (IntRange(2, 8, 3), 2, (5,)),
        (IntRange(2, 9, 3), 8, (5,)),
        (IntRange(4, 4), 4, ()),
        (FloatRange(1.0, 2.0), 1.5, ()),
        (FloatRange(1.0, 2.0, 0.5), 1.5, (1.0, 2.0)),
        (FloatRange(1.0, 2.2, 0.5), 2.0, (1.5,)),
        (TENTHS, 0.3, (0.2, 0.4)),
        (TENTHS, 1.0, (0.9,)),
    ],
)
def test_neighbours(domain: Domain, value: Any, near: tuple[Any, ...]) -> None:
    assert value in domain
    assert domain.neighbours(value) == near


@pytest.mark.parametrize(
    ("domain", "text"),
    [
        (Choice(("add", "or")), "add, or"),
        (Choice((None, 0.5, 2, True)), "none, 0.5, 2, True"),
        (constant("oa"), "oa"),
        (IntRange(1, 8), "1 .. 8"),
        (IntRange(8, 64, 8), "8 .. 64 by 8"),
        (IntRange(8, 64, log=True), "8 .. 64 (log)"),
        (FloatRange(1.0, 2.5), "1 .. 2.5"),
        (FloatRange(1.0, 2.5, 0.25), "1 .. 2.5 by 0.25"),
        (FloatRange(0.001, 0.1, log=True), "0.001 .. 0.1 (log)"),
    ],
)
def test_text(domain: Domain, text: str) -> None:
    assert str(domain) == text


@pytest.mark.parametrize("domain", [Choice(("a", None, 3, 0.5)), IntRange(2, 11, 3), IntRange(1, 5, log=True), TENTHS])
def test_listed_values_are_drawn_equally_often(domain: Domain) -> None:
    rng = Random(4)
    drawn = [domain.draw(rng) for _ in range(2000)]
    assert domain.values is not None
    assert chisquare([drawn.count(value) for value in domain.values]).pvalue > 1e-3  # which adds up to 2,000


def test_ranges_are_drawn_evenly_over_numbers_or_magnitudes() -> None:
    rng = Random(4)
    plain, log = FloatRange(2.0, 10.0), FloatRange(1e-4, 1e-1, log=True)
    numbers, magnitudes = [plain.draw(rng) for _ in range(1000)], [math.log10(log.draw(rng)) for _ in range(1000)]
    assert kstest(numbers, "uniform", args=(2, 8)).pvalue > 1e-3
    assert kstest(magnitudes, "uniform", args=(-4, 3)).pvalue > 1e-3


@given(st.floats(1e-6, 1e6), st.floats(1.0, 1e6), st.booleans(), st.integers(0, 99))
def test_what_is_drawn_is_inside(low: float, factor: float, log: bool, seed: int) -> None:
    domain = FloatRange(low, low * factor, log=log)
    assert domain.draw(Random(seed)) in domain
    assert all(value in domain for value in (domain.first, domain.low, domain.high))


@given(st.integers(-5000, 5000), st.integers(1, 500), st.integers(0, 40), st.sampled_from([1, 8, 10, 100, 1000]))
def test_steps_that_floats_cannot_hold(low: int, step: int, count: int, parts: int) -> None:
    """low, low + step, ... as one writes them: each value is the float nearest to a whole number of parts."""
    domain = FloatRange(low / parts, (low + count * step) / parts, step / parts)
    values = domain.values
    assert values is not None
    assert values == tuple((low + i * step) / parts for i in range(count + 1))
    for i, value in enumerate(values):
        assert value in domain
        assert snapped(domain, min(domain.high, domain.low + i * (step / parts))) == value  # as a sampler puts it
        assert domain.neighbours(value) == tuple(values[j] for j in (i - 1, i + 1) if 0 <= j <= count)


@given(st.integers(-20, 20), st.integers(0, 40), st.integers(1, 9))
def test_whole_numbers_by_steps(low: int, span: int, step: int) -> None:
    domain = IntRange(low, low + span, step)
    assert domain.values == tuple(value for value in range(low, low + span + 1) if (value - low) % step == 0)
    assert [value for value in range(low - 9, low + span + 10) if value in domain] == list(domain.values)
    for value in domain.values:
        assert set(domain.neighbours(value)) == {v for v in domain.values if abs(v - value) == step}
