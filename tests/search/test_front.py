"""The front, compared with the definition written out."""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import pairwise
from typing import Any

import optuna
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from optuna.storages import InMemoryStorage
from optuna.study import Study
from optuna.trial import FrozenTrial, TrialState, create_trial

from xoresnet.search.attributes import DUPLICATE
from xoresnet.search.front import front_of

DIRECTIONS = ("maximize", "minimize")


def study(directions: Sequence[str], trials: Sequence[FrozenTrial]) -> Study:
    made = optuna.create_study(storage=InMemoryStorage(), directions=directions)
    made.add_trials(trials)
    return made


def complete(*values: float, **attrs: Any) -> FrozenTrial:
    return create_trial(values=values, user_attrs=attrs)


def numbers(directions: Sequence[str], trials: Sequence[FrozenTrial]) -> list[int]:
    return [trial.number for trial in front_of(study(directions, trials))]


def is_better(one: float, other: float, direction: str) -> bool:
    return one > other if direction == "maximize" else one < other


def dominates(one: Sequence[float], other: Sequence[float], directions: Sequence[str]) -> bool:
    better = [is_better(a, b, direction) for a, b, direction in zip(one, other, directions, strict=True)]
    worse = [is_better(b, a, direction) for a, b, direction in zip(one, other, directions, strict=True)]
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
        number
        for number, row in rows.items()
        if not any(dominates(other, row, directions) for other in rows.values())
    }  # fmt: skip
    found = numbers(directions, trials)
    assert set(found) == undominated
    assert len(found) == len(undominated)
    for one, other in pairwise(found):
        best, next_best = rows[one][-1], rows[other][-1]
        assert is_better(best, next_best, directions[-1]) or (best == next_best and one < other)


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
