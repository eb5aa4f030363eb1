"""The front, compared with the definition written out."""

from __future__ import annotations

import math
import warnings
from collections.abc import Sequence
from datetime import datetime, timedelta
from itertools import pairwise
from typing import Any

import optuna
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from optuna.exceptions import ExperimentalWarning
from optuna.storages import InMemoryStorage
from optuna.study import Study
from optuna.trial import FrozenTrial, TrialState, create_trial

from xoresnet.search.study.attributes import DUPLICATE
from xoresnet.search.study.front import front_of, volume_of

DIRECTIONS = ("maximize", "minimize")


def study(directions: Sequence[str], trials: Sequence[FrozenTrial]) -> Study:
    made = optuna.create_study(storage=InMemoryStorage(), directions=directions)
    made.add_trials(trials)
    return made


def complete(*values: float, **attrs: Any) -> FrozenTrial:
    return create_trial(values=values, user_attrs=attrs)


def numbers(directions: Sequence[str], trials: Sequence[FrozenTrial]) -> list[int]:
    return [trial.number for trial in front_of(study(directions, trials))]


def is_better(left: float, right: float, direction: str) -> bool:
    return left > right if direction == "maximize" else left < right


def dominates(left: Sequence[float], right: Sequence[float], directions: Sequence[str]) -> bool:
    better = [is_better(a, b, direction) for a, b, direction in zip(left, right, directions, strict=True)]
    worse = [is_better(b, a, direction) for a, b, direction in zip(left, right, directions, strict=True)]
    return any(better) and not any(worse)


VALUES = st.sampled_from([-math.inf, -2.0, -1.0, 0.0, 0.5, 1.0, 2.0, 3.0, math.inf])


@st.composite
def studies(draw: st.DrawFn) -> tuple[list[str], list[FrozenTrial]]:
    directions = draw(st.lists(st.sampled_from(DIRECTIONS), min_size=2, max_size=4))
    values = st.tuples(*[VALUES] * len(directions))
    trials = st.one_of(
        values.map(lambda row: complete(*row)),
        values.map(lambda row: complete(*row, **{DUPLICATE: 0})),
        st.sampled_from([TrialState.PRUNED, TrialState.FAIL]).map(lambda state: create_trial(state=state)),
    )
    return directions, draw(st.lists(trials, max_size=12))


@settings(max_examples=150)
@given(studies())
def test_it_is_what_no_other_dominates(of: tuple[list[str], list[FrozenTrial]]) -> None:
    directions, trials = of
    rows = {
        number: trial.values
        for number, trial in enumerate(trials)
        if trial.state == TrialState.COMPLETE and DUPLICATE not in trial.user_attrs
    }
    undominated = {
        number for number, row in rows.items() if not any(dominates(other, row, directions) for other in rows.values())
    }
    front = numbers(directions, trials)
    assert set(front) == undominated
    assert len(front) == len(undominated)
    for first, second in pairwise(front):
        best, next_best = rows[first][-1], rows[second][-1]
        assert is_better(best, next_best, directions[-1]) or (best == next_best and first < second)


@pytest.mark.parametrize(
    ("directions", "front"),
    [
        (("maximize", "minimize"), [0, 1, 2]),
        (("minimize", "maximize"), [3]),
        (("maximize", "maximize"), [2]),
        (("minimize", "minimize"), [0]),
    ],
)
def test_directions(directions: Sequence[str], front: list[int]) -> None:
    trials = [complete(0.1, 10), complete(0.5, 20), complete(0.9, 30), complete(0.1, 30)]
    assert numbers(directions, trials) == front


def test_the_best_in_the_last_objective_comes_first() -> None:
    trials = [complete(0.9, 30), complete(0.1, 10), complete(0.5, 20)]
    assert numbers(("maximize", "minimize"), trials) == [1, 2, 0]
    trials = [complete(30, 0.9), complete(10, 0.1), complete(20, 0.5)]
    assert numbers(("minimize", "maximize"), trials) == [0, 2, 1]


def test_equals_are_all_there_in_their_order() -> None:
    trials = [complete(0.5, 10), complete(0.4, 10), complete(0.5, 10), complete(0.5, 11)]
    assert numbers(DIRECTIONS, trials) == [0, 2]


def test_an_answer_from_the_record_is_no_network_of_its_own() -> None:
    trials = [complete(0.5, 10), complete(0.5, 10, **{DUPLICATE: 0}), complete(0.9, 5, **{DUPLICATE: 3})]
    assert numbers(DIRECTIONS, trials) == [0]


def test_what_is_not_complete_is_not_on_it() -> None:
    of = study(DIRECTIONS, [])
    running = of.ask()
    running.set_user_attr("report:1", [0.99, 1.0])
    of.enqueue_trial({"x": 1})
    of.add_trials([create_trial(state=TrialState.PRUNED, user_attrs={"report:1": [0.99, 1.0]})])
    assert front_of(of) == []
    of.tell(running, [0.1, 100.0])
    assert [trial.number for trial in front_of(of)] == [0]


def test_an_empty_study_has_none() -> None:
    assert numbers(DIRECTIONS, []) == []


# the volume that it dominates


def with_metrics(metrics: Sequence[str], trials: Sequence[FrozenTrial]) -> Study:
    made = study(DIRECTIONS, trials)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ExperimentalWarning)
        made.set_metric_names(list(metrics))
    return made


METRICS = ["val_accuracy", "spikes_per_sample"]
TWO = [complete(0.5, 10), complete(0.9, 1000)]


def test_counts_per_sample_are_measured_in_decades() -> None:
    """Up to ten times those of the first network, or of one on the front that lies beyond; accuracies from zero."""
    volume = volume_of(with_metrics(METRICS, TWO))
    assert volume is not None
    assert volume.log == ("spikes_per_sample",)
    assert volume.reference == pytest.approx({"val_accuracy": 0.0, "spikes_per_sample": 10**4})
    assert volume.hypervolume == pytest.approx(0.5 * 3 + 0.4 * 1)


def test_networks_without_a_spike_are_left_out() -> None:
    """No logarithm has them."""
    volume = volume_of(with_metrics(METRICS, [complete(0.1, 0), *TWO]))
    assert volume == volume_of(with_metrics(METRICS, TWO))
    assert volume_of(with_metrics(METRICS, [complete(0.1, 0)])) is None


def test_other_figures_are_measured_as_they_are() -> None:
    volume = volume_of(with_metrics(["val_accuracy", "val_loss"], TWO))
    assert volume is not None
    assert volume.log == ()


@pytest.mark.parametrize(
    "more",
    [
        [complete(0.99, 1, **{DUPLICATE: 0})],
        [create_trial(state=TrialState.PRUNED, user_attrs={"report:1": [0.99, 1.0]})],
        [complete(0.5, 10), complete(0.7, 1000)],  # nothing better, nothing worse
    ],
)
def test_what_adds_nothing(more: list[FrozenTrial]) -> None:
    assert volume_of(with_metrics(METRICS, [*TWO, *more])) == volume_of(with_metrics(METRICS, TWO))


def test_as_long_as_nothing_is_complete_there_is_none() -> None:
    assert volume_of(with_metrics(METRICS, [])) is None
    assert volume_of(with_metrics(METRICS, [complete(0.5, 10, **{DUPLICATE: 0})])) is None


def test_one_network_has_a_volume() -> None:
    volume = volume_of(with_metrics(METRICS, [complete(0.5, 10)]))
    assert volume is not None
    assert volume.reference == pytest.approx({"val_accuracy": 0.0, "spikes_per_sample": 100})
    assert volume.hypervolume == pytest.approx(0.5)


@pytest.mark.parametrize(
    "later",
    [
        complete(0.6, 50),  # dominated by nothing, and within
        complete(0.4, 10**7),  # worse than anything before: it does not move the reference point
        complete(0.51, 10.1),  # the range of all networks is tiny: a margin by it would move the point inwards
    ],
)
def test_what_follows_does_not_move_the_reference_point(later: FrozenTrial) -> None:
    before, after = (volume_of(with_metrics(METRICS, trials)) for trials in ([TWO[0]], [TWO[0], later]))
    assert before is not None
    assert after is not None
    assert after.reference == before.reference
    assert after.hypervolume >= before.hypervolume


@given(
    st.lists(st.tuples(st.floats(0, 1), st.one_of(st.just(0.0), st.floats(1e-3, 1e9))), min_size=1, max_size=12),
    st.sampled_from([METRICS, ["val_accuracy", "val_loss"], ["val_accuracy", "energy_pj_per_sample"]]),
)
def test_it_never_falls_while_the_search_runs(values: list[tuple[float, float]], metrics: list[str]) -> None:
    """And grows with the front, whichever network joins it, once the reference point is where it will be."""
    began = datetime(2026, 1, 2, 3, 4)
    trials = [complete(*row) for row in values]
    for number, trial in enumerate(trials):
        trial.datetime_complete = began + timedelta(minutes=number)
    seen = [volume_of(with_metrics(metrics, trials[: count + 1])) for count in range(len(trials))]
    volumes = [0.0 if volume is None else volume.hypervolume for volume in seen]
    assert all(after >= before * (1 - 1e-9) for before, after in pairwise(volumes))
    assert all(map(math.isfinite, volumes))
    whole = with_metrics(metrics, list(reversed(trials)))  # as a storage may list them
    assert volume_of(whole) == seen[-1]
