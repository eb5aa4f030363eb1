from __future__ import annotations

import pytest

from tests.results.made_runs import confirming, empty_run, run_of, trial
from tests.results.trials import says
from xoresnet.results import Run, leaderboard


def run() -> Run:
    return run_of(
        trial(0, 0.5, 100),
        trial(1, 0.9, 2000, config_merge="oa"),
        trial(2, 0.8, 3000),
        trial(3, 0.7, 300, config_timesteps=4),
        trial(4, 0.85, 2500, state="PRUNED", epochs_trained=1),
        trial(5, 0.8, 3000),
    )


def test_the_front_first_then_by_accuracy() -> None:
    table = leaderboard(run())
    assert list(table["trial"]) == [1, 3, 0, 2, 5]
    assert list(table["front"]) == [True, True, True, False, False]
    assert list(table.index) == [1, 2, 3, 4, 5]
    assert table.index.name == "rank"
    assert table.equals(run().leaderboard())


def test_columns_are_those_that_tell_networks_apart() -> None:
    table = leaderboard(run())
    assert list(table.columns) == ["trial", "front", "accuracy", "spikes", "synops", "params", "merge", "timesteps"]
    assert list(table["spikes"])[:2] == [2000, 300]


def test_other_orders_and_lengths() -> None:
    assert list(leaderboard(run(), by="spikes")["trial"])[:2] == [0, 3]
    assert len(leaderboard(run(), 2)) == 2
    many = run_of(*(trial(number, 0.01 * number, 10.0 + number) for number in range(30)))
    assert (len(many.leaderboard()), len(leaderboard(many, None))) == (10, 30)
    assert leaderboard(empty_run()).empty


def test_further_objectives_are_shown() -> None:
    table = leaderboard(run().with_objectives(["accuracy", "energy", "params"]))
    assert list(table.columns[:6]) == ["trial", "front", "accuracy", "energy", "params", "synops"]


def test_confirmed_means_lead() -> None:
    table = leaderboard(confirming(run()))
    assert list(table.columns[:7]) == [
        "trial", "front", "test_accuracy", "test_accuracy_std", "test_spikes", "test_spikes_std", "synops",
    ]  # fmt: skip
    assert list(table["trial"]) == [1, 3, 0]
    assert list(table["test_accuracy"]) == [0.88, 0.68, 0.48]
    assert list(table["seeds"]) == [3, 3, 3]


@pytest.mark.parametrize("wrong", [0, -1, 2.5, True, "10"])
def test_numbers_of_rows(wrong: object) -> None:
    with says(f"n must be a whole number of at least 1, or None for all, got {wrong!r}"):
        leaderboard(run(), wrong)  # type: ignore[arg-type]


def test_unknown_metrics() -> None:
    with says("the frame has no column 'spiks'; did you mean 'spikes'?"):
        leaderboard(run(), by="spiks")
