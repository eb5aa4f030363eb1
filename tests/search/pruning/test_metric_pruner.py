"""Optuna's pruners on one of several objectives decide as they do in a study of that objective alone."""

from __future__ import annotations

from collections.abc import Callable
from random import Random

import optuna
import pytest
from optuna.pruners import BasePruner, HyperbandPruner, MedianPruner, SuccessiveHalvingPruner
from optuna.samplers import RandomSampler
from optuna.trial import TrialState

from xoresnet.search.pruning.metric_pruner import MetricPruner
from xoresnet.search.pruning.reports import report, should_prune

MAKERS: list[Callable[[], BasePruner]] = [
    lambda: MedianPruner(n_startup_trials=3),
    lambda: SuccessiveHalvingPruner(1, reduction_factor=2),
    lambda: HyperbandPruner(1, 8, reduction_factor=2),
]


@pytest.mark.parametrize("make", MAKERS)
@pytest.mark.parametrize(("objective", "direction"), [(0, "maximize"), (1, "minimize")])
def test_decides_as_in_a_study_of_its_own(make: Callable[[], BasePruner], objective: int, direction: str) -> None:
    sampler = RandomSampler(seed=0)
    both = optuna.create_study(
        study_name="s", directions=["maximize", "minimize"], sampler=sampler, pruner=MetricPruner(make(), objective)
    )
    # hyperband deals trials to brackets by the study's name
    alone = optuna.create_study(direction=direction, sampler=sampler, pruner=make())
    rng, decisions = Random(0), []
    for number in range(25):
        trial, twin = both.ask(), alone.ask()
        level = rng.random()
        for step in range(1, 9):
            values = [level + 0.1 * rng.random() + step / 10, 2 - level + rng.random()]
            report(trial, values, step)
            twin.report(values[objective], step)
            decision = should_prune(trial)
            if not isinstance(make(), HyperbandPruner):
                assert decision == twin.should_prune(), (number, step)
            decisions.append(decision)
            if decision:
                both.tell(trial, state=TrialState.PRUNED)
                alone.tell(twin, state=TrialState.PRUNED)
                break
        else:
            both.tell(trial, values)
            alone.tell(twin, values[objective])
    assert any(decisions)
    assert not all(decisions)
    assert both.best_trials


def test_a_study_that_is_opened_again_is_followed_anew() -> None:
    storage = optuna.storages.InMemoryStorage()

    def opened() -> optuna.Study:
        return optuna.create_study(
            study_name="s",
            storage=storage,
            load_if_exists=True,
            directions=["maximize", "minimize"],
            pruner=MetricPruner(MedianPruner(n_startup_trials=2), 0),
        )

    first = opened()
    for level in (0.5, 0.6, 0.7):
        trial = first.ask()
        report(trial, [level, 1.0], 1)
        first.tell(trial, [level, 1.0])
    for level, pruned in ((0.1, True), (0.9, False)):
        trial = opened().ask()
        report(trial, [level, 1.0], 1)
        assert should_prune(trial) is pruned
