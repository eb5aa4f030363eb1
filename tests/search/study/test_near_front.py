"""Pruned trials that came near the front are finished in the end, from where they stopped."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import optuna
import pytest
from hypothesis import given
from hypothesis import strategies as st
from optuna.study import Study
from optuna.trial import Trial, TrialState

from tests.search.sources.test_proposals import SMALL
from xoresnet.description.recipe import Recipe
from xoresnet.search.execution.bridge import TrialBridge
from xoresnet.search.objective import DEFAULT_OBJECTIVES
from xoresnet.search.pruning.reports import report, reports
from xoresnet.search.sources.proposals import ArchProposals
from xoresnet.search.study.attributes import RESCUES
from xoresnet.search.study.near_front import near_front, rescued
from xoresnet.space.search_space import SearchSpace


def study(**options: Any) -> Study:
    return optuna.create_study(
        directions=["maximize", "minimize"], sampler=optuna.samplers.RandomSampler(seed=0), **options
    )


def ended(of: Study, state: TrialState, *figures: tuple[float, float]) -> Trial:
    trial = of.ask()
    for step, values in enumerate(figures, 1):
        report(trial, values, step)
    of.tell(trial, figures[-1] if state == TrialState.COMPLETE else None, state)
    return trial


def test_nearest_first_at_the_step_at_which_each_was_stopped() -> None:
    of = study()
    ended(of, TrialState.COMPLETE, (0.5, 100), (0.9, 100))
    ended(of, TrialState.PRUNED, (0.1, 1000))  # far from the first
    ended(of, TrialState.PRUNED, (0.45, 110))  # near it
    ended(of, TrialState.PRUNED, (0.5, 100), (0.6, 101))  # 0.3 of accuracy away, hardly any spikes
    ended(of, TrialState.FAIL, (0.49, 100))
    assert [trial.number for trial in near_front(of)] == [3, 2, 1]


values = st.tuples(st.floats(-5, 5), st.floats(0.1, 1e4))


@given(st.lists(st.tuples(st.sampled_from(["COMPLETE", "PRUNED"]), values), min_size=1, max_size=12))
def test_distance_is_what_would_have_to_be_better_at_once(trials: list[tuple[str, tuple[float, float]]]) -> None:
    of = study()
    for state, figures in trials:
        ended(of, TrialState[state], figures)
    gains = [-accuracy for _, (accuracy, _) in trials]
    if all(accuracy > 0 for _, (accuracy, _) in trials):
        gains = [-math.log(accuracy) for _, (accuracy, _) in trials]
    columns = [gains, [math.log(spikes) for _, (_, spikes) in trials]]
    scaled = [[(x - min(c)) / ((max(c) - min(c)) or 1.0) for x in c] for c in columns]
    points = list(zip(*scaled, strict=True))

    def distance(number: int) -> float:
        mine = points[number]
        excesses = [[a - b for a, b in zip(mine, other, strict=True)] for other in points]
        return max((min(excess) for excess in excesses if min(excess) >= 0 and max(excess) > 0), default=0.0)

    numbers = [trial.number for trial in near_front(of)]
    assert sorted(numbers) == [number for number, (state, _) in enumerate(trials) if state == "PRUNED"]
    distances = [distance(number) for number in numbers]
    assert distances == pytest.approx(sorted(distances))


def run(bridge: TrialBridge, epochs: int) -> list[int]:
    """Everything to its end, one by one: how many epochs each trial was given."""
    lengths = []
    while (config := bridge.next_config("run")) is not None:
        quality = 1 / (1 + config["number"])
        for epoch in range(1, epochs + 1):
            figures = {"val_accuracy": quality * epoch, "spikes_per_sample": 10.0 + config["number"]}
            if bridge.on_report("run", {"epoch": epoch, **figures}).value == "stop":
                break
        lengths.append(epoch)
        bridge.on_end("run")
    return lengths


class PrunesOdd(optuna.pruners.BasePruner):
    def prune(self, study: Study, trial: optuna.trial.FrozenTrial) -> bool:
        return trial.number % 2 == 1


def search(of: Study, *, trials: int, rescue: int) -> TrialBridge:
    proposals = ArchProposals(of, SearchSpace.from_dict(SMALL), Recipe(epochs=3), seed=0, common={}, rescue=rescue)
    return TrialBridge(of, proposals, DEFAULT_OBJECTIVES, trials=trials, max_step=3)


def test_the_budget_first_then_so_many_rescues_and_no_pruning_any_more() -> None:
    of = study(pruner=PrunesOdd())
    bridge = search(of, trials=6, rescue=2)
    lengths = run(bridge, 3)
    assert bridge.ended == "6 trials are finished"
    assert bridge.finished == 6
    assert lengths == [3, 1, 3, 1, 3, 1, 3, 3]
    added = [trial for trial in of.trials if RESCUES in trial.user_attrs]
    assert [trial.user_attrs[RESCUES] for trial in added] == [1, 3]
    assert {trial.state for trial in added} == {TrialState.COMPLETE}
    for trial in added:
        stopped = of.trials[trial.user_attrs[RESCUES]]
        assert stopped.state == TrialState.PRUNED
        assert trial.params == stopped.params
        assert trial.user_attrs["arch_id"] == stopped.user_attrs["arch_id"]
        assert list(reports(trial)) == [1, 2, 3]
    assert rescued(of) == 2
    again = search(of, trials=6, rescue=2)
    assert run(again, 3) == []
    more = search(of, trials=6, rescue=5)  # only one is left that was pruned
    assert run(more, 3) == [3]
    assert more.finished == 6


def test_a_rescue_that_was_interrupted_goes_on(tmp_path: Path) -> None:
    of = study(pruner=PrunesOdd())
    bridge = search(of, trials=4, rescue=1)
    for _ in range(4):
        config = bridge.next_config("run")
        assert config is not None
        for epoch in (1, 2, 3):
            bridge.on_report("run", {"epoch": epoch, "val_accuracy": 0.5, "spikes_per_sample": 10.0})
        bridge.on_end("run")
    begun = bridge.next_config("run")
    assert begun is not None  # the driver is killed here
    other = search(of, trials=4, rescue=1)
    assert other.next_config("again") == begun
    other.on_report("again", {"epoch": 3, "val_accuracy": 0.5, "spikes_per_sample": 10.0})
    other.on_end("again")
    assert other.next_config("none") is None
    assert other.ended
    assert [trial.state for trial in of.trials].count(TrialState.RUNNING) == 0
