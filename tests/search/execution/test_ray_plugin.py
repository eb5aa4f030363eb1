"""Any trainable in a real Ray: whatever trials do, the search ends, and the study says what became of each."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import optuna
import pytest
from optuna.samplers import RandomSampler
from optuna.trial import Trial, TrialState
from ray import tune

from tests.search.execution.trainables import curve, faulty, fills
from tests.small_disk import small_disk
from xoresnet.search.execution.bridge import TrialBridge
from xoresnet.search.execution.ray_plugin import Watchdog, run_trials, tune_config
from xoresnet.search.objective import Objective
from xoresnet.search.pruning.pareto_pruner import ParetoPruner
from xoresnet.search.pruning.reports import reports
from xoresnet.search.study.attributes import FAILURE, RETRIED

pytestmark = [
    pytest.mark.usefixtures("ray"),
    pytest.mark.filterwarnings("ignore"),  # Ray's own, in this process
]
OBJECTIVES = [Objective(metric="accuracy", direction="max"), Objective(metric="spikes", direction="min")]
FAULTS = ["fine", "raises", "dies", "nan", "silent", "forgets", "hangs", "exhausts", "heals"]


class Lenient(Watchdog):
    """Watches a trial that hangs, and no other one: how long a worker takes depends on the machine."""

    def on_trial_start(self, iteration: int, trials: list[Any], trial: Any, **info: Any) -> None:
        if trial.config.get("fault") == "hangs":
            super().on_trial_start(iteration, trials, trial, **info)


def run(bridge: TrialBridge, trainable: Any, folder: Path) -> None:
    tune.Tuner(
        trainable,
        tune_config=tune_config(bridge, max_concurrent=2),
        run_config=tune.RunConfig(
            name="ray", storage_path=str(folder), verbose=0, log_to_file=False, callbacks=[Lenient(bridge, 3)]
        ),
    ).fit()


def study(**options: Any) -> optuna.Study:
    return optuna.create_study(directions=["maximize", "minimize"], sampler=RandomSampler(seed=0), **options)


def test_whatever_trials_do_the_search_ends(tmp_path: Path) -> None:
    waiting = iter(FAULTS)

    def space(trial: Trial) -> dict[str, Any]:
        if "fault" not in trial.user_attrs:
            trial.set_user_attr("fault", next(waiting, "fine"))
        return {"fault": trial.user_attrs["fault"], "folder": str(tmp_path)}

    bridge = TrialBridge(study(), space, OBJECTIVES, budget=6, max_step=3, retries=1)
    run(bridge, faulty, tmp_path)
    assert bridge.ended == "what is left of the budget of 6 full trainings completes no network"
    assert bridge.errors == []
    ends = {trial.user_attrs["fault"]: trial for trial in bridge.study.trials[: len(FAULTS)]}
    assert {fault: trial.state.name for fault, trial in ends.items()} == {
        fault: "COMPLETE" if fault in ("fine", "heals") else "FAIL" for fault in FAULTS
    }
    reasons = {fault: trial.user_attrs.get(FAILURE) for fault, trial in ends.items()}
    assert reasons == {
        "fine": None,
        "raises": "ValueError: boom",
        "dies": reasons["dies"],
        "nan": "accuracy is nan at epoch 1",
        "silent": "it ended without reporting epoch and accuracy, spikes",
        "forgets": "it did not report spikes at epoch 2",
        "hangs": "it took longer than 3 s",
        "exhausts": reasons["exhausts"],
        "heals": None,
    }
    assert "died" in reasons["dies"]
    assert reasons["exhausts"].endswith(
        "Unable to allocate 32.0 GiB for an array with shape (4294967296,) and data type float64"
    )
    assert ends["heals"].user_attrs[RETRIED] == ["ValueError: not yet"]
    assert reports(ends["heals"]) == {1: [0.5, 11.0], 2: [0.5, 12.0], 3: [0.5, 13.0]}
    assert {trial.state for trial in bridge.study.trials} <= {TrialState.COMPLETE, TrialState.FAIL}


def test_prunes_what_is_dominated_and_nothing_on_the_front(tmp_path: Path) -> None:
    def space(trial: Trial) -> dict[str, float]:
        return {"x": trial.suggest_float("x", 0, 1), "y": trial.suggest_float("y", 0, 1)}

    bridge = TrialBridge(study(pruner=ParetoPruner(max_steps=8)), space, OBJECTIVES, budget=12, max_step=8)
    run(bridge, curve, tmp_path)
    assert bridge.errors == []
    trials = bridge.study.trials
    pruned = [trial for trial in trials if trial.state == TrialState.PRUNED]
    assert pruned
    assert len(trials) > 12  # what pruning saves pays for others
    assert 11 < bridge.spent <= 12
    for trial in pruned:
        others = [other for other in trials if other.number != trial.number]
        assert any(
            other.params["x"] >= trial.params["x"] and other.params["y"] <= trial.params["y"] for other in others
        )
    assert all(
        max(reports(trial)) == (8 if trial.state == TrialState.COMPLETE else max(reports(trial))) for trial in trials
    )


def test_hooks_that_raise_do_not_end_the_search(tmp_path: Path) -> None:
    calls = iter(range(100))

    def space(trial: Trial) -> dict[str, float]:
        if next(calls) % 3 == 1:
            raise RuntimeError("the space is broken now and then")
        return {"x": trial.suggest_float("x", 0, 1), "y": 0.0}

    class Breaks(ParetoPruner):
        def prune(self, study: optuna.Study, trial: optuna.trial.FrozenTrial) -> bool:
            if trial.number == 0:
                raise RuntimeError("the pruner is broken")
            return False

    bridge = TrialBridge(study(pruner=Breaks()), space, OBJECTIVES, budget=4, max_step=8)
    run(bridge, curve, tmp_path)
    assert bridge.finished == 3
    first = bridge.study.trials[0]  # what a broken pruner stopped has not come to its end
    assert (first.state, first.user_attrs[FAILURE]) == (TrialState.FAIL, "RuntimeError: the pruner is broken")
    assert any("the space is broken now and then" in error for error in bridge.errors)
    assert any("the pruner is broken" in error for error in bridge.errors)


def test_a_worker_that_meets_a_full_disk_has_not_failed(tmp_path: Path) -> None:
    """It waits for the next search, although no trial may be tried again here."""
    with small_disk(tmp_path / "disk", "1m") as disk:
        bridge = TrialBridge(study(), lambda trial: {"folder": str(disk.path)}, OBJECTIVES, budget=1, retries=0)
        run(bridge, fills, tmp_path)
        assert (bridge.ended, bridge.failed, bridge.interrupted) == ("the disk is full", True, 1)
        (trial,) = bridge.study.trials
        assert (trial.state, sorted(reports(trial))) == (TrialState.RUNNING, [1, 2, 3])
        assert bridge.errors == []


def test_where_ray_gives_up_another_tuner_goes_on(tmp_path: Path) -> None:
    """As when Ray kills workers for want of memory; here because a callback raises."""
    at_once: list[int] = []

    class Breaks(tune.Callback):
        def on_trial_result(self, iteration: int, trials: list[Any], trial: Any, result: Any, **info: Any) -> None:
            if len(at_once) <= 5 and result["epoch"] == 5:
                raise RuntimeError(f"the end of tuner {len(at_once)}. And more")

    def space(trial: Trial) -> dict[str, float]:
        return {"x": trial.suggest_float("x", 0, 1), "y": 0.0}

    bridge = TrialBridge(study(), space, OBJECTIVES, budget=4.5, max_step=8)  # two fail after five of eight steps

    def make_tuner(max_concurrent: int) -> tune.Tuner:
        at_once.append(max_concurrent)
        return tune.Tuner(
            curve,
            tune_config=tune_config(bridge, max_concurrent=max_concurrent),
            run_config=tune.RunConfig(
                name="ray", storage_path=str(tmp_path), verbose=0, log_to_file=False, callbacks=[Breaks()]
            ),
        )

    run_trials(bridge, make_tuner, max_concurrent=2)
    assert at_once == [2, 1, 1, 1, 1, 1]
    assert bridge.ended == "what is left of the budget of 4.5 full trainings completes no network"
    states = [trial.state.name for trial in bridge.study.trials]
    assert states == ["FAIL"] * 2 + ["COMPLETE"] * 3  # each of the first two was alone, twice
    assert bridge.errors[0] == "RuntimeError: the end of tuner 1; the search continued with at most 1 at once"
