"""Which figures lead: the confirmed ones, as soon as they are there for the whole front of the search."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.results.made_runs import confirming, empty_run, run_of, seed_of, trial
from xoresnet.results import Run, confirmed_networks
from xoresnet.results.analysis.confirmation import confirmed_objectives
from xoresnet.results.analysis.leading import leading, with_confirmed
from xoresnet.results.tables.columns import CONFIRMED, typed

ROWS = [trial(0, 0.6, 100.0), trial(1, 0.7, 200.0), trial(2, 0.8, 300.0), trial(3, 0.5, 400.0)]
RUN = run_of(*ROWS)  # the last one is dominated


def seeds(*numbers: int, **changes: Any) -> list[dict[str, Any]]:
    return [seed_of(ROWS[number], seed, **changes) for number in numbers for seed in (1, 2)]


def test_the_whole_front_is_confirmed() -> None:
    lead = leading(confirming(RUN, *seeds(0, 1, 2)))
    assert (lead.is_confirmed, lead.covered, lead.total) == (True, 3, 3)
    assert lead.objectives == {"test_accuracy_mean": "max", "test_spikes_per_sample_mean": "min"}
    assert list(lead.front["trial_id"]) == [0, 1, 2]
    first = lead.front.iloc[0]
    assert (first["val_accuracy"], first["spikes_per_sample"], first["seeds"]) == (0.6, 100.0, 2)  # of the search
    assert first["test_accuracy_mean"] == pytest.approx(0.585)
    assert first["test_spikes_per_sample_mean"] == pytest.approx(103)
    assert [lead.column(name) for name in ("accuracy", "spikes_per_sample", "config.depth")] == [
        "test_accuracy_mean", "test_spikes_per_sample_mean", "config.depth",
    ]  # fmt: skip


def test_networks_that_the_confirmation_turns_round() -> None:
    """What looked good by luck leaves the front; what was on it or not is told by the means."""
    unlucky = seeds(1, test_accuracy=0.3)
    better = seeds(3, test_accuracy=0.9)
    lead = leading(confirming(RUN, *seeds(0, 2), *unlucky, *better))
    assert lead.is_confirmed
    assert list(lead.front["trial_id"]) == [0, 2, 3]
    assert sorted(lead.candidates["trial_id"]) == [0, 1, 2, 3]


@pytest.mark.parametrize(
    ("rows", "covered"),
    [
        ([], 0),
        (seeds(3), 0),
        (seeds(0, 2), 2),
        (seeds(0, 2) + seeds(1, state="FAIL"), 2),
        (seeds(0, 2) + seeds(1, state="RUNNING"), 2),
    ],
)
def test_until_then_the_search_leads(rows: list[dict[str, Any]], covered: int) -> None:
    run = replace(RUN, confirmed=typed(rows, CONFIRMED))
    lead = leading(run)
    assert (lead.is_confirmed, lead.covered, lead.total) == (False, covered, 3)
    assert lead.objectives == run.objectives
    pd.testing.assert_frame_equal(lead.front[run.front.columns], run.front)
    pd.testing.assert_frame_equal(lead.candidates[run.trials.columns], run.trials)
    assert list(lead.front["seeds"].gt(0)) == list(lead.front["test_accuracy_mean"].notna())
    assert lead.column("accuracy") == "val_accuracy"


def test_shorter_trainings_confirm_nothing() -> None:
    short = seeds(1, **{"config.recipe.epochs": 2})
    assert leading(confirming(RUN, *seeds(0, 2), *short)).covered == 2
    long = seeds(1, **{"config.recipe.epochs": 9})
    assert leading(confirming(RUN, *seeds(0, 2), *short, *long)).is_confirmed


def test_networks_that_the_search_did_not_train_to_the_end() -> None:
    pruned = trial(4, 0.2, 50.0, state="PRUNED")
    unknown = {**trial(0, 0.65, 20.0), "trial_id": None, "arch_id": "b1", "source": "xoresnet8"}
    run = confirming(run_of(*ROWS, pruned), *seeds(0, 1, 2), seed_of(pruned), seed_of(unknown))
    lead = leading(run)
    assert [None if pd.isna(number) else number for number in lead.front["trial_id"]] == [None, 1, 2]
    assert lead.front["source"].iloc[0] == "xoresnet8"
    assert lead.front["config.merge"].iloc[0] == "or"
    rows = lead.candidates.set_index("arch_id")
    assert rows.loc[["b1", "a0004"], ["val_accuracy", "spikes_per_sample"]].isna().all(axis=None)
    assert set(rows["state"]) == {"COMPLETE"}
    assert list(run.trials.columns) == list(lead.candidates.columns)[: len(run.trials.columns)]


def test_an_empty_run() -> None:
    lead = leading(empty_run())
    assert (lead.is_confirmed, lead.covered, lead.total, len(lead.front), len(lead.candidates)) == (False, 0, 0, 0, 0)
    full = leading(confirming(RUN))
    assert list(lead.front.columns) == list(full.front.columns)


@pytest.mark.parametrize("objectives", [{"val_loss": "min", "energy_pj_per_sample": "min", "train_seconds": "min"}])
def test_other_objectives(objectives: dict[str, str]) -> None:
    rows = [{**row, "val_loss": 1 - row["val_accuracy"]} for row in ROWS]
    lead = leading(confirming(run_of(*rows, objectives=objectives)))
    assert list(lead.objectives) == ["test_loss_mean", "test_energy_pj_per_sample_mean", "train_seconds_mean"]
    assert lead.is_confirmed
    assert lead.front[list(lead.objectives)].notna().all(axis=None)


@settings(max_examples=10)
@given(st.lists(st.tuples(st.integers(0, 3), st.integers(1, 2), st.sampled_from([0.2, 0.5, 0.9])), max_size=10))
def test_what_leads(rows: list[tuple[int, int, float]]) -> None:
    distinct = {(number, seed): value for number, seed, value in rows}
    measured = [seed_of(ROWS[number], seed, test_accuracy=value) for (number, seed), value in distinct.items()]
    run: Run = replace(RUN, confirmed=typed(measured, CONFIRMED))
    lead = leading(run)
    confirmed = {number for number, _ in distinct}
    assert lead.covered == len(confirmed & {0, 1, 2})
    assert lead.is_confirmed == ({0, 1, 2} <= confirmed)
    networks = confirmed_networks(run).set_index("trial_id")
    beside = with_confirmed(run).set_index("trial_id")
    for number in range(4):
        assert beside.loc[number, "seeds"] == sum(other == number for other, _ in distinct)
        if number in confirmed:
            means = list(confirmed_objectives(run.objectives))
            assert list(beside.loc[number, means]) == list(networks.loc[number, means])
    if lead.is_confirmed:
        assert list(lead.front["trial_id"]) == list(networks.index[networks["is_pareto"]])
        assert set(lead.candidates["trial_id"]) == confirmed
