"""`BoundedTPESampler`: TPE's own proposals up to a number of trials, and a bounded part of the study beyond it."""

from __future__ import annotations

import pickle
from collections.abc import Container, Sequence
from random import Random
from typing import Any

import optuna
import pytest
from optuna.distributions import FloatDistribution
from optuna.samplers import BaseSampler, TPESampler
from optuna.study import Study
from optuna.trial import FrozenTrial, Trial, TrialState, create_trial

from xoresnet.search.samplers.bounded_tpe import BoundedTPESampler

NAMES = ("x", "y")
COMPLETE, PRUNED, FAIL, RUNNING = TrialState.COMPLETE, TrialState.PRUNED, TrialState.FAIL, TrialState.RUNNING


def filled(sampler: BaseSampler, states: Sequence[TrialState], objectives: int = 2) -> Study:
    """A study whose trials have these states and random parameters; low x and y are good."""
    study = optuna.create_study(directions=["minimize", "maximize", "minimize"][:objectives], sampler=sampler)
    rng = Random(0)
    for state in states:
        params = {name: rng.random() for name in NAMES}
        values = [params["x"], -params["y"], 1 - params["x"]][:objectives] if state == COMPLETE else None
        kinds = dict.fromkeys(params, FloatDistribution(0, 1))
        study.add_trial(create_trial(state=state, params=params, distributions=kinds, values=values))
    return study


def asked(study: Study) -> tuple[float, ...]:
    trial = study.ask()
    return tuple(trial.suggest_float(name, 0, 1) for name in NAMES)


class Watched(BoundedTPESampler):
    """Notes which trials TPE is shown."""

    def _shown(self, study: Study, trial: FrozenTrial) -> Study:
        shown = super()._shown(study, trial)
        self.seen = [other for other in shown.get_trials(deepcopy=False) if other.number != trial.number]
        return shown


MIXED = (COMPLETE, COMPLETE, PRUNED, FAIL, COMPLETE)


@pytest.mark.parametrize("objectives", [1, 2, 3])
@pytest.mark.parametrize("count", [5, 60, 120])
def test_up_to_the_bound_it_proposes_what_tpe_proposes(count: int, objectives: int) -> None:
    states = [MIXED[number % 5] for number in range(count)] + [RUNNING] * 3
    ours = filled(BoundedTPESampler(seed=1, most=200), states, objectives)
    theirs = filled(TPESampler(seed=1), states, objectives)
    for _ in range(4):
        assert asked(ours) == asked(theirs)


@pytest.mark.parametrize("count", [300, 3000])
def test_beyond_the_bound_tpe_is_shown_so_many_trials(count: int) -> None:
    study = filled(
        sampler := Watched(seed=1, most=100), [MIXED[number % 5] for number in range(count)] + [RUNNING] * 40
    )
    asked(study)
    assert len(sampler.seen) == 100
    states = [trial.state for trial in sampler.seen]
    assert FAIL not in states
    assert states.count(PRUNED) == pytest.approx(65 * 0.25, abs=8)
    assert states.count(RUNNING) >= 10  # those that began last, whatever their share
    assert [trial.number for trial in sampler.seen] == sorted(trial.number for trial in sampler.seen)


def test_the_best_are_all_there_and_the_others_are_spread_over_the_study() -> None:
    study = filled(sampler := Watched(seed=1, most=100), [COMPLETE] * 2000, objectives=1)
    asked(study)
    best = sorted(study.get_trials(deepcopy=False, states=(COMPLETE,)), key=lambda trial: trial.values[0])[:10]
    shown = {trial.number for trial in sampler.seen}
    assert {trial.number for trial in best} <= shown
    thirds = [sum(low <= number < low + 500 for number in shown) for low in (0, 500, 1000, 1500)]
    assert all(20 <= count <= 30 for count in thirds)


def test_a_trial_that_ends_later_takes_its_place() -> None:
    study = filled(sampler := Watched(seed=1, most=50), [COMPLETE] * 100)
    late = study.ask()
    params = [late.suggest_float(name, 0, 1) for name in NAMES]
    for _ in range(60):
        study.tell(study.ask(), state=FAIL)
    study.tell(late, [-1.0, 5.0])  # dominates all others
    asked(study)
    assert late.number in {trial.number for trial in sampler.seen}
    assert len(params) == len(NAMES)


def test_infeasible_trials_are_not_among_the_best() -> None:
    study = filled(sampler := Watched(seed=1, most=50), [COMPLETE] * 100, objectives=1)
    trial = study.ask()
    trial.set_constraint("memory", 1.0)
    study.tell(trial, -5.0)
    history = sampler._histories
    asked(study)
    assert trial.number not in {best.number for best in history[study][0]._elite}


def test_equal_seeds_and_studies_lead_to_equal_proposals() -> None:
    states = [MIXED[number % 5] for number in range(400)]
    first, second = (filled(BoundedTPESampler(seed=7, most=100), states) for _ in range(2))
    assert [asked(first) for _ in range(3)] == [asked(second) for _ in range(3)]


def test_it_is_shown_the_same_trials_for_all_parameters_of_a_proposal(monkeypatch: pytest.MonkeyPatch) -> None:
    study = filled(BoundedTPESampler(seed=1, most=100), [COMPLETE] * 300)
    listed: list[Container[TrialState] | None] = []
    original = Study.get_trials

    def counted(self: Study, deepcopy: bool = True, states: Any = None) -> list[FrozenTrial]:
        listed.append(states)
        return original(self, deepcopy, states)

    monkeypatch.setattr(Study, "get_trials", counted)
    asked(study)
    assert len(listed) == 1


def test_it_is_pickled_without_what_it_has_read() -> None:
    study = filled(BoundedTPESampler(seed=1, most=100), [COMPLETE] * 300)
    asked(study)
    copied = pickle.loads(pickle.dumps(study.sampler))
    assert not copied._histories
    study.sampler = copied
    assert len(asked(study)) == 2


def test_it_learns_beyond_the_bound() -> None:
    study = filled(BoundedTPESampler(seed=1, most=60), [COMPLETE] * 300, objectives=1)
    assert sum(asked(study)[0] for _ in range(20)) / 20 < 0.25  # uniform: 0.5


def test_fewer_than_50_are_refused() -> None:
    with pytest.raises(ValueError, match="most must be at least 50, got 10"):
        BoundedTPESampler(most=10)


def test_a_search_with_tpe_has_it() -> None:
    from xoresnet.search.registry import make_sampler

    assert isinstance(make_sampler("tpe", 3), BoundedTPESampler)


def test_optimize_with_threads() -> None:
    def objective(trial: Trial) -> tuple[float, float]:
        x, y = (trial.suggest_float(name, 0, 1) for name in NAMES)
        return x, 1 - y

    study = optuna.create_study(directions=["minimize"] * 2, sampler=BoundedTPESampler(seed=0, most=50))
    study.optimize(objective, n_trials=80, n_jobs=2)
    assert len(study.get_trials(deepcopy=False, states=(COMPLETE,))) == 80
