"""Effects of changes, paired by seed: against SciPy's t-test, against effects that are known, and where none are."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from scipy import stats  # type: ignore[import-untyped]

from tests.results.ablations import ablations, trainings
from tests.results.trials import unchanged
from xoresnet.errors import UsageError
from xoresnet.results import paired_effects
from xoresnet.results.analysis.effects import holm

ACCURACY, SPIKES = "test_accuracy", "test_spikes_per_sample"
shares = st.floats(0, 1)
pairs = st.lists(st.tuples(shares, shares), min_size=2, max_size=9)


def one(frame: pd.DataFrame, **wanted: Any) -> dict[str, Any]:
    """The only row with these values; None is a missing one."""
    for name, value in wanted.items():
        frame = frame[frame[name].isna() if value is None else frame[name] == value]
    (row,) = frame.to_dict("records")
    return {str(name): value for name, value in row.items()}


def changed(before: list[Any], after: list[Any], **more: Any) -> pd.DataFrame:
    return ablations(trainings(before), trainings(after, "merge", "add", "or", **more))


@settings(deadline=None, max_examples=30)
@given(pairs)
def test_differences_are_scipys_paired_t_test(values: list[tuple[float, float]]) -> None:
    before, after = (np.array(column) for column in zip(*values, strict=True))
    assume(np.ptp(after - before) > 1e-9)
    row = one(paired_effects(changed(list(before), list(after)), [ACCURACY]), field="merge", value="add")
    expected = stats.ttest_rel(after, before)
    interval = expected.confidence_interval(0.95)
    assert (row["scale"], row["seeds"], row["reference"]) == ("difference", len(values), "or")
    assert row["effect"] == pytest.approx(np.mean(after - before), abs=1e-12)
    assert (row["low"], row["high"]) == pytest.approx((interval.low, interval.high), abs=1e-9)
    assert row["p_value"] == row["p_value_holm"] == pytest.approx(expected.pvalue, abs=1e-9)


@settings(deadline=None, max_examples=30)
@given(st.lists(st.tuples(st.floats(1, 1e6), st.floats(1, 1e6)), min_size=2, max_size=9), st.floats(0.5, 0.99))
def test_ratios_are_that_test_of_the_logarithms(values: list[tuple[float, float]], confidence: float) -> None:
    before, after = (np.array(column) for column in zip(*values, strict=True))
    assume(np.ptp(np.log(after / before)) > 1e-6)
    half = [0.5] * len(values)
    frame = ablations(trainings(half, spikes=list(before)), trainings(half, "merge", "add", "or", spikes=list(after)))
    row = one(paired_effects(frame, [SPIKES], confidence=confidence))
    expected = stats.ttest_rel(np.log(after), np.log(before))
    interval = expected.confidence_interval(confidence)
    assert row["scale"] == "ratio"
    assert row["effect"] == pytest.approx(stats.gmean(after / before))
    assert (row["low"], row["high"]) == pytest.approx((np.exp(interval.low), np.exp(interval.high)), rel=1e-6)
    assert row["p_value"] == pytest.approx(expected.pvalue, abs=1e-9)


def test_a_known_effect_is_found_and_covered() -> None:
    """The seed's own luck, ten times the effect, cancels; intervals cover the truth as often as they promise."""
    rng, truth, parts = np.random.default_rng(3), 0.01, []
    for number in range(150):
        luck = rng.normal(0.5, 0.1, size=5)
        before, after = luck + rng.normal(0, 0.004, 5), luck + truth + rng.normal(0, 0.004, 5)
        base = f"b{number}"
        parts += [
            trainings(before.tolist(), base=base),
            trainings(after.tolist(), "merge", "add", "or", base=base),
        ]
    effects = paired_effects(ablations(*parts), [ACCURACY])
    rows = effects[effects["base_arch_id"].notna()]
    assert len(rows) == 150
    assert 0.91 < ((rows["low"] <= truth) & (truth <= rows["high"])).mean() < 0.99
    assert (rows["p_value"] < 0.05).mean() > 0.75
    pooled = one(effects, base_arch_id=None)
    assert pooled["low"] <= truth <= pooled["high"] < truth + 0.002


def test_without_an_effect_holm_keeps_what_it_promises() -> None:
    """Of families of six comparisons without any effect, one in twenty has a p-value below 0.05."""
    rng, parts = np.random.default_rng(4), []
    for number in range(150):
        parts.append(trainings(rng.normal(0.5, 0.1, 5).tolist(), base=f"b{number}"))
        parts += [
            trainings(rng.normal(0.5, 0.1, 5).tolist(), "merge", str(name), "or", base=f"b{number}")
            for name in range(6)
        ]
    effects = paired_effects(ablations(*parts), [ACCURACY])
    least = effects[effects["base_arch_id"].notna()].groupby("base_arch_id")[["p_value", "p_value_holm"]].min()
    assert len(least) == 150
    assert (least["p_value_holm"] < 0.05).mean() < 0.09
    assert (least["p_value"] < 0.05).mean() > 0.1  # which is why they are adjusted


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ([], []),
        ([0.03], [0.03]),
        ([0.01, 0.04, 0.03, 0.005], [0.03, 0.06, 0.06, 0.02]),  # the example of R's p.adjust
        ([0.5, 0.6], [1.0, 1.0]),
        ([math.nan, 0.02, 0.01], [math.nan, 0.02, 0.02]),
    ],
)
def test_holm(given: list[float], expected: list[float]) -> None:
    assert holm(np.array(given, dtype=float)).tolist() == pytest.approx(expected, nan_ok=True)


def test_a_family_is_a_metric_of_one_network() -> None:
    rng = np.random.default_rng(0)
    parts = [
        trainings(list(rng.random(4)), *field, base=base, spikes=list(rng.random(4)))
        for base in ("b0", "b1")
        for field in ((), ("merge", "add", "or"), ("merge", "oa", "or"), ("xor", "both", "none"))
    ]
    effects = paired_effects(ablations(*parts))
    for _, family in effects.groupby(["base_arch_id", "metric"], dropna=False):
        assert len(family) == 3
        assert family["p_value_holm"].tolist() == pytest.approx(holm(family["p_value"].to_numpy()).tolist())


@pytest.mark.parametrize(
    ("before", "after", "seeds", "effect"),
    [
        ([0.5], [0.75], 1, 0.25),  # one seed tells nothing of the spread
        ([0.5, 0.25], [0.75, 0.5], 2, 0.25),  # equal differences neither
        ([0.1 + 0.2, 0.3], [0.4, 0.4], 2, 0.1),  # up to rounding
    ],
)
def test_no_interval_where_the_spread_is_not_known(
    before: list[float], after: list[float], seeds: int, effect: float
) -> None:
    row = one(paired_effects(changed(before, after), [ACCURACY]))
    assert (row["seeds"], row["effect"]) == (seeds, pytest.approx(effect))
    assert all(math.isnan(row[name]) for name in ("low", "high", "p_value", "p_value_holm"))


def test_only_seeds_on_which_both_are_complete() -> None:
    """In whatever order the rows are; failures are counted, and what is not there yet is not."""
    after = trainings([0.6, None, 0.8, 0.4], "merge", "add", "or")
    frame = ablations([*reversed(trainings([0.5, 0.5, None, 0.1, 0.9])), *after])
    row = one(paired_effects(frame, [ACCURACY]))
    assert (row["seeds"], row["failed"], row["effect"]) == (2, 2, pytest.approx(0.2))
    running = ablations([{**part, "state": "RUNNING"} for part in after], trainings([0.5]))
    assert paired_effects(running, [ACCURACY])["seeds"].tolist() == [0]


def test_several_networks_are_pooled_by_seed() -> None:
    """Against the reference that most of them have; the own value of another network is a value like any other."""
    first = [trainings([0.5, 0.6, 0.7]), trainings([0.6, 0.8, 0.8], "merge", "add", "or")]
    second = [
        trainings([0.1, 0.2, 0.2], base="b1"),
        trainings([0.2, 0.2, 0.5], "merge", "add", "or", base="b1"),
        trainings([0.9, 0.9, 0.9], "merge", "oa", "or", base="b1"),
    ]
    third = [trainings([0.3, 0.3, 0.4], base="b2"), trainings([0.2, 0.1, 0.1], "merge", "or", "add", base="b2")]
    effects = paired_effects(ablations(*first, *second, *third), [ACCURACY])
    row = one(effects, base_arch_id=None)
    assert (row["value"], row["reference"], row["networks"], row["seeds"]) == ("add", "or", 3, 3)
    means = np.array([[0.1, 0.2, 0.1], [0.1, 0.0, 0.3], [0.1, 0.2, 0.3]]).mean(axis=0)
    interval = stats.ttest_1samp(means, 0).confidence_interval(0.95)
    assert row["effect"] == pytest.approx(means.mean())
    assert (row["low"], row["high"]) == pytest.approx((interval.low, interval.high))
    assert set(effects["networks"]) == {1, 3}


def test_budgets_and_recipes_are_kept_apart() -> None:
    longer = [trainings([0.7, 0.8], **{"config.recipe.epochs": 9})]
    longer.append(trainings([0.8, 0.8], "merge", "add", "or", **{"config.recipe.epochs": 9}))
    effects = paired_effects(ablations(trainings([0.5]), trainings([0.7], "merge", "add", "or"), *longer), [ACCURACY])
    assert effects["epochs"].tolist() == [3, 9]
    assert effects["effect"].tolist() == pytest.approx([0.2, 0.05])


def test_an_amount_that_is_zero_somewhere_is_compared_by_differences() -> None:
    frame = ablations(
        trainings([0.5, 0.5], spikes=[10.0, 20.0]), trainings([0.5, 0.5], "merge", "add", "or", spikes=[0.0, 30.0])
    )
    row = one(paired_effects(frame, [SPIKES]))
    assert (row["scale"], row["effect"]) == ("difference", 0.0)


def test_a_table_without_rows() -> None:
    effects = paired_effects(ablations())
    assert len(effects) == 0
    assert list(effects.dtypes.astype(str)) == list(paired_effects(changed([0.5], [0.6])).dtypes.astype(str))


def test_the_table_is_left_as_it_was() -> None:
    unchanged(changed([0.5, 0.6], [0.6, 0.9]), paired_effects)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"confidence": 1.0}, "0 < confidence < 1 is required, got 1.0"),
        ({"metrics": ["test_acuracy"]}, "the frame has no column 'test_acuracy'; did you mean 'test_accuracy'?"),
    ],
)
def test_what_was_asked_wrongly(options: dict[str, Any], message: str) -> None:
    with pytest.raises(UsageError) as caught:
        paired_effects(changed([0.5], [0.6]), **options)
    assert str(caught.value) == message


def test_two_runs_in_one_table() -> None:
    frame = changed([0.5], [0.6])
    with pytest.raises(UsageError, match="several times with one seed; give the ablations of a single run"):
        paired_effects(pd.concat([frame, frame]))
