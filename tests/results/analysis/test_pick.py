"""A trial by what it is good at, or by its id."""

from __future__ import annotations

from dataclasses import replace

import pandas as pd
import pytest

from tests.results.made_runs import confirming, empty_run, run_of, seed_of, trial
from xoresnet.errors import RunError, UsageError
from xoresnet.results import Run
from xoresnet.results.analysis.pick import pick

RUN = run_of(
    trial(0, 0.1, 10), trial(1, 0.8, 20), trial(2, 0.9, 1000), trial(3, 0.5, 500), trial(4, 0.7, 5, state="PRUNED"),
    trial(5, state="FAIL"), trial(6, 0.6, 30, arch_id="twice"), trial(7, 0.6, 40, arch_id="twice"),
    trial(8, 0.2, 50, arch_id="again", state="PRUNED"), trial(9, 0.3, 60, arch_id="again"),
)  # fmt: skip


@pytest.mark.parametrize(
    ("wanted", "number"),
    [
        ("knee", 1),
        ("best-accuracy", 2),
        ("max-spikes=600", 1),
        ("max-spikes=15", 0),
        ("min-accuracy=0.85", 2),
        ("min-accuracy=0.05", 0),
        ("3", 3),
        ("a0003", 3),
        ("again", 9),  # the complete one
    ],
)
def test_a_complete_trial(wanted: str, number: int) -> None:
    for any_state in (False, True):
        assert pick(RUN, wanted, any_state=any_state)["trial_id"] == number


CONFIRMED = confirming(
    RUN,
    *(seed_of(RUN.trials.set_index("trial_id", drop=False).loc[number].to_dict(), seed, test_accuracy=accuracy)
      for number, accuracy in ((0, 0.3), (1, 0.2), (2, 0.7), (3, 0.75)) for seed in (1, 2)),
)  # fmt: skip
"""The whole front; on the test set, trial 1 is worse than trial 0, and trial 3 best."""


@pytest.mark.parametrize(
    ("wanted", "number", "by_search"),
    [
        ("knee", 3, 1),  # of two networks, the more accurate
        ("best-accuracy", 3, 2),
        ("max-spikes=600", 3, 1),
        ("max-spikes=505", 0, 1),  # on the test set, trial 3 has 515 spikes
        ("min-accuracy=0.25", 0, 1),
        ("2", 2, 2),
    ],
)
def test_confirmed_figures_lead(wanted: str, number: int, by_search: int) -> None:
    row = pick(CONFIRMED, wanted)
    assert row["trial_id"] == number
    assert row["seeds"] == 2
    assert pick(CONFIRMED, wanted, by_search=True)["trial_id"] == by_search
    assert set(RUN.trials.columns) <= set(row.index)


def test_a_limit_that_confirmed_figures_break() -> None:
    """Trial 1 has 0.9 in the search and 0.2 on the test set; a trial that nobody confirmed may still be taken."""
    with pytest.raises(RunError, match=r"^no complete trial has test_accuracy_mean >= 0\.8; trial \d comes closest"):
        pick(CONFIRMED, "min-accuracy=0.8")
    more = pd.concat([RUN.trials, run_of(trial(10, 0.85, 9000.0)).trials], ignore_index=True)
    row = pick(replace(CONFIRMED, trials=more), "min-accuracy=0.8")
    assert (row["trial_id"], row["seeds"]) == (10, 0)


def test_nothing_within_a_limit_in_search_or_confirmation() -> None:
    with pytest.raises(RunError, match=r"has test_spikes_per_sample_mean <= 1; trial 0 comes closest"):
        pick(CONFIRMED, "max-spikes=1")


def test_a_known_network_that_was_only_confirmed() -> None:
    alone = {**trial(0, 0.6, 50.0), "trial_id": None, "arch_id": "b1", "source": "or-resnet8"}
    rows = CONFIRMED.confirmed.to_dict("records")
    row = pick(confirming(RUN, *rows, seed_of(alone, test_accuracy=0.99)), "best-accuracy")
    assert (row["arch_id"], row["source"], row["seeds"]) == ("b1", "or-resnet8", 1)
    assert pd.isna(row["trial_id"])


@pytest.mark.parametrize(("wanted", "number", "state"), [("4", 4, "PRUNED"), ("5", 5, "FAIL"), ("8", 8, "PRUNED")])
def test_one_in_any_state(wanted: str, number: int, state: str) -> None:
    assert pick(RUN, wanted, any_state=True)["trial_id"] == number
    with pytest.raises(RunError) as caught:
        pick(RUN, wanted)
    assert str(caught.value) == f"pick {wanted}: this trial is {state}; only COMPLETE trials can be picked"


@pytest.mark.parametrize(
    ("run", "wanted", "message"),
    [
        (RUN, "twice", "pick twice: several trials have this network; choose one of 6, 7"),
        (RUN, "kne", "pick: 'kne' is neither a criterion nor a network of made; did you mean 'knee'?"),
        (
            RUN,
            "max-spike=3",
            "pick: 'max-spike=3' is neither a criterion nor a network of made; did you mean 'max-spikes='?",
        ),
        (RUN, "77", "pick 77: made has no such trial; choose knee, best-accuracy, max-spikes=N, "),
        (RUN, "min-accuracy=high", "pick min-accuracy=high: 'high' is not a number"),
    ],
)
def test_requests_that_are_wrong(run: Run, wanted: str, message: str) -> None:
    with pytest.raises(UsageError) as caught:
        pick(run, wanted)
    assert str(caught.value).startswith(message)


@pytest.mark.parametrize(
    ("run", "wanted", "message"),
    [
        (RUN, "max-spikes=1", "no complete trial has spikes_per_sample <= 1; trial 0 comes closest, "),
        (empty_run(), "knee", "no knee: the front is empty"),
        (empty_run(), "best-accuracy", "no complete trial has a number for val_accuracy"),
    ],
)
def test_requests_that_no_trial_meets(run: Run, wanted: str, message: str) -> None:
    with pytest.raises(RunError) as caught:
        pick(run, wanted)
    assert str(caught.value).startswith(message)


def test_names_that_could_have_been_meant() -> None:
    names = {"xoresnet8": 1, "sew-resnet8": 2}
    with pytest.raises(UsageError, match=r"; did you mean 'xoresnet8'\?$"):
        pick(RUN, "xorsnet8", names=names)
    with pytest.raises(UsageError, match=r"; choose xoresnet8, sew-resnet8, knee, .* id of a trial or network$"):
        pick(RUN, "77", names=names)
