"""Searches on tables: the real strategies, bridge and record; properties that hold for every table."""

from __future__ import annotations

from typing import Any

import optuna
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.search.curve_tables import EPOCHS, made_table
from xoresnet.errors import UsageError
from xoresnet.search import simulate
from xoresnet.search.objective import Objective

STRATEGIES = ("freeze-thaw", "promotion", "classic")


def check(stretches: pd.DataFrame, table: pd.DataFrame, budget: float, workers: int) -> None:
    """What holds for every search."""
    cost = (stretches["to_epoch"] - stretches["from_epoch"]).sum()
    assert cost <= budget * EPOCHS + 1e-6
    assert (stretches["began"].diff().dropna() >= 0).all()
    assert (stretches["to_epoch"] > stretches["from_epoch"]).all()
    for _, own in stretches.groupby("network"):
        assert list(own["from_epoch"]) == [0, *own["to_epoch"].iloc[:-1]]
        assert (own["began"].to_numpy()[1:] >= own["ended"].to_numpy()[:-1]).all()
        assert list(own["state"].iloc[:-1]) == ["PAUSED"] * (len(own) - 1)
        assert (own["state"].iloc[-1] == "COMPLETE") == (own["to_epoch"].iloc[-1] == EPOCHS)
    moments = [(moment, 1) for moment in stretches["began"]] + [(moment, -1) for moment in stretches["ended"]]
    running, most = 0, 0
    for _, change in sorted(moments):
        running += change
        most = max(most, running)
    assert most <= workers
    assert set(stretches["network"]) <= set(table["network"])


@settings(max_examples=30, deadline=None)
@given(
    seed=st.integers(0, 10**6),
    strategy=st.sampled_from(STRATEGIES),
    workers=st.integers(1, 6),
    budget=st.floats(0.5, 20),
    has_seconds=st.booleans(),
)
def test_no_search_spends_more_than_its_budget_or_trains_twice(
    seed: int, strategy: str, workers: int, budget: float, has_seconds: bool
) -> None:
    table = made_table(seed, networks=24, has_seconds=has_seconds)
    check(simulate(table, strategy=strategy, budget=budget, seed=seed, workers=workers), table, budget, workers)


@pytest.mark.parametrize("strategy", ["freeze-thaw", "promotion"])
@pytest.mark.parametrize("workers", [1, 3])
def test_nothing_is_dropped_while_budget_is_left(strategy: str, workers: int) -> None:
    table = made_table(3, networks=24)
    stretches = simulate(table, strategy=strategy, budget=24, workers=workers)
    complete = stretches[stretches["state"] == "COMPLETE"]
    assert set(complete["network"]) == set(table["network"])


@pytest.mark.parametrize("strategy", ["freeze-thaw", "promotion"])
def test_a_network_that_leads_at_every_rung_is_completed(strategy: str) -> None:
    table = made_table(5, networks=40)
    best = table["network"] == 7
    table.loc[best, "val_accuracy"] = 0.9 + 0.01 * table.loc[best, "epoch"]
    table.loc[best, "spikes_per_sample"] = 5.0
    for seed in range(4):
        stretches = simulate(table, strategy=strategy, budget=12, seed=seed)
        own = stretches[stretches["network"] == 7]
        assert own.empty or own["state"].iloc[-1] == "COMPLETE"


@pytest.mark.parametrize("strategy", STRATEGIES)
def test_equal_arguments_lead_to_equal_frames(strategy: str) -> None:
    table = made_table(1)
    first, second = (simulate(table, strategy=strategy, budget=8, seed=4, workers=3) for _ in range(2))
    pd.testing.assert_frame_equal(first, second)
    other = simulate(table, strategy=strategy, budget=8, seed=5, workers=3)
    assert not first.equals(other)


def test_the_order_of_the_rows_and_the_labels_do_not_matter() -> None:
    table = made_table(2)
    shuffled = table.assign(network=table["network"].map("n{:03}".format)).sample(frac=1, random_state=0)
    first = simulate(table, budget=6)
    second = simulate(shuffled, budget=6)
    assert list(first["to_epoch"]) == list(second["to_epoch"])
    assert [f"n{label:03}" for label in first["network"]] == list(second["network"])


def test_percents_are_as_good_as_shares() -> None:
    table = made_table(2)
    percents = table.assign(val_accuracy=100 * table["val_accuracy"])
    pd.testing.assert_frame_equal(simulate(table, budget=6), simulate(percents, budget=6))


def test_networks_of_a_dead_kind_are_left_alone() -> None:
    table = made_table(4, networks=40, dead=0.0)
    dead = table["config.merge"] == "iand"
    table.loc[dead, "val_accuracy"], table.loc[dead, "spikes_per_sample"] = 0.1, 1.0
    for strategy in ("freeze-thaw", "promotion"):
        stretches = simulate(table, strategy=strategy, budget=10, chance=0.1)
        complete = stretches[stretches["state"] == "COMPLETE"]["network"]
        assert not set(complete) & set(table.loc[dead, "network"])


def test_rungs_that_tell_nothing_are_passed_over() -> None:
    table = made_table(4, dead=0.0)
    early = table["epoch"] <= 2
    table.loc[early, "val_accuracy"] = 0.1
    stretches = simulate(table, strategy="freeze-thaw", budget=12, chance=0.1)
    assert set(stretches["to_epoch"].iloc[:3]) == {1}  # nobody knows yet
    assert 1 not in set(stretches["to_epoch"].iloc[3:])


@pytest.mark.parametrize("strategy", ["freeze-thaw", "promotion"])
def test_three_objectives(strategy: str) -> None:
    table = made_table(0).assign(synops_per_sample=lambda frame: frame["spikes_per_sample"] ** 1.1)
    objectives = [
        Objective(metric="val_accuracy", direction="max"),
        Objective(metric="spikes_per_sample", direction="min"),
        Objective(metric="synops_per_sample", direction="min"),
    ]
    check(simulate(table, strategy=strategy, budget=8, objectives=objectives), table, 8, 1)


@pytest.mark.parametrize("strategy", STRATEGIES)
def test_networks_may_lack_a_parameter(strategy: str) -> None:
    table = made_table(0)
    tau = table["config.depth"].astype(float).where(table["config.merge"] != "or")
    stretches = simulate(table.assign(**{"config.tau": tau}), strategy=strategy, budget=12)
    check(stretches, table, 12, 1)
    assert len(set(stretches["network"]) & set(table.loc[tau.isna(), "network"])) > 1


def test_small_amounts_are_told_apart() -> None:
    table = made_table(0, dead=0.0)
    small = table.assign(spikes_per_sample=table["spikes_per_sample"] / 1e5)
    pd.testing.assert_frame_equal(simulate(table, budget=8), simulate(small, budget=8))


def test_objectives_may_be_texts() -> None:
    table = made_table(0)
    same = ["val_accuracy:max", "spikes_per_sample:min"]
    pd.testing.assert_frame_equal(simulate(table, budget=5, objectives=same), simulate(table, budget=5))


def test_objects_of_optuna_are_accepted() -> None:
    table = made_table(0)
    sampler, pruner = optuna.samplers.RandomSampler(seed=0), optuna.pruners.NopPruner()
    stretches = simulate(table, strategy="classic", sampler=sampler, pruner=pruner, budget=5)
    assert len(stretches) == 5
    assert set(stretches["state"]) == {"COMPLETE"}


@pytest.mark.parametrize(
    ("change", "options", "message"),
    [
        (lambda table: table.drop(columns="epoch"), {}, "table: has no column 'epoch'"),
        (lambda table: table.rename(columns={"val_accuracy": "accuracy"}), {}, "table: has no column 'val_accuracy'"),
        (
            lambda table: table.iloc[1:],
            {},
            "every network needs one row for each epoch from 1 to 9; network 0 has 8 rows",
        ),
        (
            lambda table: table[table.columns.drop([c for c in table if c.startswith("config.")])],
            {},
            "needs a column config.",
        ),
        (lambda table: table.assign(val_accuracy=float("nan")), {}, "must hold finite numbers only"),
        (lambda table: table.assign(**{"config.depth": 8}), {}, "two networks have the same config columns"),
        (lambda table: table.iloc[:0], {}, "table: has no rows"),
        (
            lambda table: table,
            {"strategy": "freeze_thaw"},
            "strategy: 'freeze_thaw' is not one of freeze-thaw, promotion",
        ),
        (lambda table: table, {"budget": 0}, "budget must be a positive number, got 0"),
        (lambda table: table, {"workers": 0}, "workers must be a whole number of at least 1, got 0"),
        (lambda table: table, {"strategy": "classic", "sampler": "tpee"}, "'tpee' is not one of"),
        (lambda table: table, {"sampler": "tpe"}, "sampler: has no effect with strategy=freeze-thaw"),
        (lambda table: table, {"budget": True}, "budget must be a positive number, got True"),
        (lambda table: table, {"chance": 10}, "chance must be on the scale of val_accuracy, up to 0.*, got 10"),
        (lambda table: table, {"chance": "0.1"}, "chance must be a number, got '0.1'"),
        (
            lambda table: table.assign(val_accuracy=table["val_accuracy"] * 100),
            {"chance": 0.1},
            "chance must be on the scale of val_accuracy, up to .*, got 0.1",
        ),
        (lambda table: table, {"objectives": ["val_accuracy:best", "spikes_per_sample:min"]}, "objectives.0.direction"),
        (lambda table: table, {"objectives": ["val_accuracy", "spikes_per_sample:min"]}, "lacks a direction"),
        (lambda table: table, {"objectives": "val_accuracy:max"}, "objectives: must be a list"),
        (lambda table: table, {"objectives": []}, "at least two objectives, got 0"),
        (lambda table: table, {"predictions": 3}, "predictions: must be a pandas DataFrame, got int"),
        (lambda table: table, {"predictions": pd.DataFrame({"network": [0]})}, "predictions: has no column"),
        (
            lambda table: table,
            {"predictions": pd.DataFrame(), "strategy": "promotion"},
            "predictions: has no effect with strategy=promotion",
        ),
        (lambda table: table, {"cost": "second"}, "cost: 'second' is not one of seconds, epochs; did you mean"),
        (
            lambda table: table,
            {"strategy": "promotion", "cost": "epochs"},
            "cost: has no effect with strategy=promotion",
        ),
        (lambda table: table, {"strategy": "classic", "pruner": 3}, "pruner: must be a name, options or"),
        (lambda table: table.assign(seconds="soon"), {}, "seconds must hold finite numbers of at least 0"),
        (lambda table: "table.csv", {}, "table: must be a pandas DataFrame, got str"),
        (lambda table: table.assign(seconds=-1.0), {}, "seconds must hold finite numbers of at least 0"),
        (lambda table: table.assign(**{"config.tau": table["epoch"]}), {}, "config.tau must be the same in all rows"),
        (lambda table: pd.concat([table, table]).assign(seed=0), {}, "keep the rows of one seed"),
    ],
)
def test_mistakes_get_one_sentence(change: Any, options: dict[str, Any], message: str) -> None:
    with pytest.raises(UsageError, match=message.replace("(", r"\(")):
        simulate(change(made_table()), **options)
