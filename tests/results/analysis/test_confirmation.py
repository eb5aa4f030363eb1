"""What a confirmation came to, against the plainest way to say it."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace
from itertools import combinations
from statistics import fmean, stdev
from typing import Any

import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.results.made_runs import confirming, empty_run, run_of, seed_of, trial, varied_run
from tests.results.trials import dominates, unchanged
from xoresnet.results import Run, confirmed_networks, ranking_kept
from xoresnet.results.analysis.confirmation import confirmed_metric, confirmed_objectives
from xoresnet.results.tables.columns import CONFIRMED, typed

NAN = math.nan


def networks_of(run: Run) -> pd.DataFrame:
    """The run stays as it was."""
    networks: pd.DataFrame = unchanged(run.confirmed, lambda _: confirmed_networks(run))
    return networks


@pytest.mark.parametrize(
    ("metric", "column"),
    [
        ("val_accuracy", "test_accuracy"),
        ("val_loss", "test_loss"),
        ("spikes_per_sample", "test_spikes_per_sample"),
        ("energy_pj_per_sample", "test_energy_pj_per_sample"),
        ("firing_rate", "test_firing_rate"),
        ("train_accuracy", "train_accuracy"),  # of the training images there is no other
        ("train_seconds", "train_seconds"),
        ("params_count", "params_count"),
    ],
)
def test_what_confirms_a_metric(metric: str, column: str) -> None:
    assert confirmed_metric(metric) == column
    assert column in CONFIRMED
    assert confirmed_objectives({metric: "min"}) == {f"{column}_mean": "min"}


def test_mean_and_deviation_over_seeds() -> None:
    row = trial(4, 0.9, 500.0)
    seeds = [(0.8, 400.0), (0.7, 500.0), (0.9, 900.0)]
    measured = [
        seed_of(row, seed, test_accuracy=accuracy, test_spikes_per_sample=spikes)
        for seed, (accuracy, spikes) in enumerate(seeds, 1)
    ]
    measured[1]["weights"] = "confirmed/0001-a0004"
    (network,) = networks_of(confirming(run_of(row), *measured)).to_dict("records")
    assert (network["trial_id"], network["arch_id"], network["seeds"], network["failed"]) == (4, "a0004", 3, 0)
    assert network["test_accuracy_mean"] == pytest.approx(0.8)
    assert network["test_accuracy_std"] == pytest.approx(0.1)  # of a sample: n - 1
    assert network["test_spikes_per_sample_mean"] == pytest.approx(600)
    assert network["test_spikes_per_sample_std"] == pytest.approx(math.sqrt((200**2 + 100**2 + 300**2) / 2))
    assert (network["val_accuracy"], network["spikes_per_sample"]) == (0.9, 500.0)  # of the search
    assert (network["weights"], network["is_pareto"]) == ("confirmed/0001-a0004", True)
    assert network["config.merge"] == "or"
    assert "config.recipe.seed" not in network


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ([{}], {"seeds": 1, "failed": 0, "test_accuracy_std": NAN, "test_accuracy_mean": 0.79}),
        (
            [{}, {"state": "FAIL", "test_accuracy": None}],
            {"seeds": 1, "failed": 1, "test_accuracy_std": NAN, "test_accuracy_mean": 0.79},
        ),
        # what one that failed had come to does not count
        ([{}, {"state": "FAIL", "test_accuracy": 0.1}], {"seeds": 1, "failed": 1, "test_accuracy_mean": 0.79}),
        ([{"state": "FAIL"}], {"seeds": 0, "failed": 1, "test_accuracy_mean": NAN, "is_pareto": False}),
        ([{}, {"state": "RUNNING", "test_accuracy": None}], {"seeds": 1, "failed": 0, "test_accuracy_mean": 0.79}),
    ],
)
def test_seeds_that_did_not_come_through(changes: list[dict[str, Any]], expected: dict[str, Any]) -> None:
    row = trial(0, 0.8, 100.0)
    run = confirming(run_of(row), *(seed_of(row, seed, **change) for seed, change in enumerate(changes, 1)))
    (network,) = networks_of(run).to_dict("records")
    assert {name: network[name] for name in expected} == pytest.approx(expected, nan_ok=True)


def test_nothing_but_what_runs() -> None:
    assert len(networks_of(confirming(run_of(trial(0)), seed_of(trial(0), state="RUNNING")))) == 0


@pytest.mark.parametrize(
    ("rows", "epochs", "seeds"),
    [
        ([(10, 1, "COMPLETE"), (10, 2, "COMPLETE"), (100, 1, "COMPLETE")], 100, 1),
        ([(100, 1, "COMPLETE"), (10, 1, "COMPLETE")], 100, 1),
        ([(10, 1, "COMPLETE"), (100, 1, "FAIL")], 10, 1),  # of which nothing is known
        ([(10, 1, "FAIL"), (100, 1, "FAIL")], 100, 0),
        ([(10, 1, "COMPLETE"), (100, 1, "RUNNING")], 10, 1),
    ],
)
def test_of_several_budgets_the_largest(rows: list[tuple[int, int, str]], epochs: int, seeds: int) -> None:
    row = trial(0, 0.8)
    measured = [seed_of(row, seed, state=state, **{"config.recipe.epochs": budget}) for budget, seed, state in rows]
    (network,) = networks_of(confirming(run_of(row), *measured)).to_dict("records")
    assert (network["config.recipe.epochs"], network["seeds"]) == (epochs, seeds)


def test_networks_that_the_search_did_not_train() -> None:
    """Baselines: they have no trial, and so nothing that the search found."""
    row = trial(0, 0.8, 100.0)
    unknown = [
        seed_of({**row, "trial_id": None, "arch_id": arch_id, "source": source}, seed, test_spikes_per_sample=spikes)
        for seed in (1, 2)
        for arch_id, source, spikes in (("b1", "xoresnet8", 50.0), ("b2", "sew-resnet8", 60.0))
    ]
    pruned = trial(1, 0.3, 70.0, state="PRUNED")
    table = networks_of(confirming(run_of(row, pruned), *unknown, seed_of(row), seed_of(pruned)))
    assert list(table["arch_id"]) == ["b1", "b2", "a0001", "a0000"]
    assert [None if pd.isna(number) else number for number in table["trial_id"]] == [None, None, 1, 0]
    assert list(table["source"][:2]) == ["xoresnet8", "sew-resnet8"]
    assert list(table["seeds"]) == [2, 2, 1, 1]
    assert list(table["val_accuracy"].isna()) == [True, True, True, False]


def test_trials_of_one_network_are_told_apart() -> None:
    """They were trained with different recipes."""
    rows = [trial(number, 0.5 + number / 10, arch_id="same") for number in range(2)]
    table = networks_of(confirming(run_of(*rows), *(seed_of(row, seed) for row in rows for seed in (1, 2))))
    assert sorted(table["trial_id"]) == [0, 1]
    assert list(table["seeds"]) == [2, 2]


def test_a_search_without_a_confirmation() -> None:
    run = empty_run()
    table = networks_of(run)
    assert len(table) == 0
    full = networks_of(confirming(run_of(trial(0))))
    assert list(table.columns) == list(full.columns)
    taus = ranking_kept(table, run.objectives)
    assert [*taus] == ["val_accuracy", "spikes_per_sample"]
    assert all(map(math.isnan, taus.values()))


@pytest.mark.parametrize(
    "objectives",
    [
        {"energy_pj_per_sample": "min", "val_loss": "min"},
        {"val_accuracy": "max", "train_seconds": "min"},
        {"train_loss": "min", "val_accuracy": "max", "params_count": "min"},
    ],
)
def test_other_objectives(objectives: dict[str, str]) -> None:
    rows = [
        {**trial(number, 0.5 + number / 10, 100.0 + number), "val_loss": 1.0 - number / 10, "train_loss": 0.1 * number}
        for number in range(3)
    ]
    run = confirming(run_of(*rows, objectives=objectives), *(seed_of(row, seed) for row in rows for seed in (1, 2)))
    table = networks_of(run)
    for metric in objectives:
        assert table[f"{confirmed_metric(metric)}_mean"].notna().all()
        assert table[metric].notna().all()
    assert table["is_pareto"].any()
    last, way = [*objectives.items()][-1]
    order = table[f"{confirmed_metric(last)}_mean"]
    assert order.is_monotonic_increasing if way == "min" else order.is_monotonic_decreasing
    assert [*ranking_kept(table, run.objectives)] == [*objectives]


# in the plainest way, over confirmations of all kinds

FIGURES = st.sampled_from([0.1, 0.2, 0.3, 0.5])  # few, so that there are ties
NETWORKS: list[dict[str, Any]] = [trial(number, 0.1 * (number % 3), 100.0 * (number % 2)) for number in range(4)]


@st.composite
def confirmed_rows(draw: st.DrawFn) -> list[dict[str, Any]]:
    """Of any of the networks, with any seeds and budgets, each once, ended in any way; some without a trial."""
    rows = []
    for row, seed, epochs in draw(
        st.lists(
            st.tuples(st.sampled_from(range(5)), st.integers(1, 3), st.sampled_from([3, 9])), unique=True, max_size=20
        )
    ):
        mine = NETWORKS[row] if row < 4 else {**NETWORKS[0], "trial_id": None, "arch_id": "alone"}
        state = draw(st.sampled_from(["COMPLETE", "COMPLETE", "FAIL", "RUNNING"]))
        measured = {
            name: draw(FIGURES) if state == "COMPLETE" else None for name in CONFIRMED if name.startswith("test_")
        }
        rows.append(seed_of(mine, seed, state=state, **measured, **{"config.recipe.epochs": epochs}))
    return rows


@settings(max_examples=25)  # each takes as long as a hundred of the next
@given(confirmed_rows())
def test_every_figure(rows: list[dict[str, Any]]) -> None:
    searched = run_of(*NETWORKS[:3], {**NETWORKS[3], "state": "PRUNED"})
    run = replace(searched, confirmed=typed(rows, CONFIRMED))
    table = networks_of(run)
    groups: dict[tuple[Any, str], dict[int, list[dict[str, Any]]]] = {}
    for row in rows:
        if row["state"] != "RUNNING":
            mine = groups.setdefault((row["trial_id"], row["arch_id"]), {})
            mine.setdefault(row["config.recipe.epochs"], []).append(row)
    assert len(table) == len(groups)
    points: dict[str, tuple[float, ...]] = {}
    for network in table.to_dict("records"):
        number = None if pd.isna(network["trial_id"]) else network["trial_id"]
        budgets = groups[number, network["arch_id"]]
        came = {budget: [row for row in some if row["state"] == "COMPLETE"] for budget, some in budgets.items()}
        epochs = max(budgets, key=lambda budget: (bool(came[budget]), budget))
        assert network["config.recipe.epochs"] == epochs
        assert (network["seeds"], network["failed"]) == (len(came[epochs]), len(budgets[epochs]) - len(came[epochs]))
        for name in (name for name in CONFIRMED if name.startswith("test_")):
            values = [row[name] for row in came[epochs]]
            mean = fmean(values) if values else NAN
            spread = stdev(values) if len(values) > 1 else NAN
            assert [network[f"{name}_mean"], network[f"{name}_std"]] == pytest.approx([mean, spread], nan_ok=True)
        known = number in (0, 1, 2)
        assert network["val_accuracy"] == pytest.approx(NETWORKS[number]["val_accuracy"] if known else NAN, nan_ok=True)
        if came[epochs]:
            points[network["arch_id"]] = (-network["test_accuracy_mean"], network["test_spikes_per_sample_mean"])
    front = {
        arch_id for arch_id, point in points.items() if not any(dominates(other, point) for other in points.values())
    }
    assert set(table.loc[table["is_pareto"], "arch_id"]) == front
    spikes = table["test_spikes_per_sample_mean"].dropna()
    assert spikes.is_monotonic_increasing
    assert list(spikes.index) == list(range(len(spikes)))  # those without any come last


def tau_b(pairs: Sequence[tuple[float, float]]) -> float:
    """Of each two pairs, whether both values go the same way; ties in one of them are taken out (Kendall 1945)."""
    agreeing = tied = also_tied = 0
    for (a, b), (c, d) in combinations(pairs, 2):
        agreeing += ((a > c) - (a < c)) * ((b > d) - (b < d))
        tied += a == c
        also_tied += b == d
    count = math.comb(len(pairs), 2)
    below = (count - tied) * (count - also_tied)
    return agreeing / math.sqrt(below) if below else NAN


@given(st.lists(st.tuples(st.sampled_from([1.0, 2.0, 3.0, NAN]), st.sampled_from([1.0, 2.0, 5.0, NAN])), max_size=8))
def test_how_the_ranking_held(pairs: list[tuple[float, float]]) -> None:
    table = pd.DataFrame(
        {
            "val_loss": [searched for searched, _ in pairs],
            "test_loss_mean": [confirmed for _, confirmed in pairs],
            "firing_rate": [-searched for searched, _ in pairs],
            "test_firing_rate_mean": [confirmed for _, confirmed in pairs],
        },
        dtype="float64",
    )
    taus = ranking_kept(table, {"val_loss": "min", "firing_rate": "max"})
    expected = tau_b([pair for pair in pairs if not any(map(math.isnan, pair))])
    assert taus == pytest.approx({"val_loss": expected, "firing_rate": -expected}, nan_ok=True)


def test_nothing_of_it_is_among_the_searchs_own() -> None:
    run, alone = varied_run(), replace(varied_run(), confirmed=typed([], CONFIRMED))
    assert len(run.confirmed)
    pd.testing.assert_frame_equal(run.front, alone.front)
    assert not [name for name in (*run.trials, *run.front, *run.history) if name.startswith("test_")]
