"""The bridge by itself: whoever executes trials, the study says the same."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import optuna
import pytest
from optuna.pruners import BasePruner, NopPruner
from optuna.storages import JournalStorage
from optuna.storages.journal import JournalFileBackend
from optuna.study import Study
from optuna.trial import FrozenTrial, Trial, TrialState

from xoresnet.search.execution.bridge import TrialBridge, Verdict
from xoresnet.search.objective import Objective
from xoresnet.search.pruning.reports import reports
from xoresnet.search.study.attributes import FAILURE, RETRIED

OBJECTIVES = [Objective(metric="accuracy", direction="max"), Objective(metric="spikes", direction="min")]


class PrunesBelowHalf(BasePruner):
    """Everything whose latest accuracy is below one half."""

    def prune(self, study: Study, trial: FrozenTrial) -> bool:
        return list(reports(trial).values())[-1][0] < 0.5


def space(trial: Trial) -> dict[str, Any]:
    return {"x": trial.suggest_float("x", 0, 1)}


def study(pruner: BasePruner | None = None, storage: Any = None) -> Study:
    return optuna.create_study(
        study_name="study",
        storage=storage,
        load_if_exists=True,
        directions=["maximize", "minimize"],
        sampler=optuna.samplers.RandomSampler(seed=0),
        pruner=pruner or NopPruner(),
    )


def journal(path: Path) -> JournalStorage:
    return JournalStorage(JournalFileBackend(str(path)))


def says(epoch: float, accuracy: Any = 0.9, spikes: Any = 10.0) -> dict[str, Any]:
    return {"epoch": epoch, "accuracy": accuracy, "spikes": spikes}


def states(of: Study) -> list[str]:
    return [trial.state.name for trial in of.trials]


def test_complete_trials_count_and_end_the_search() -> None:
    bridge = TrialBridge(study(), space, OBJECTIVES, trials=2, max_step=2)
    assert bridge.next_config("a") is not None
    assert bridge.next_config("b") is not None
    assert bridge.next_config("c") is None  # the two that run may be enough
    assert not bridge.ended
    for run, accuracy in (("a", 0.8), ("b", 0.9)):
        for epoch in (1, 2):
            assert bridge.on_report(run, says(epoch, accuracy + epoch / 100)) is Verdict.CONTINUE
        bridge.on_end(run)
    assert [trial.values for trial in bridge.study.trials] == [[0.8 + 0.02, 10.0], [0.9 + 0.02, 10.0]]
    assert bridge.next_config("c") is None
    assert bridge.ended == "2 trials are finished"


def test_pruned_trials_count_too() -> None:
    bridge = TrialBridge(study(PrunesBelowHalf()), space, OBJECTIVES, trials=2, max_step=3)
    bridge.next_config("a")
    assert bridge.on_report("a", says(1, 0.6)) is Verdict.CONTINUE
    assert bridge.on_report("a", says(2, 0.4)) is Verdict.STOP
    bridge.on_end("a")
    bridge.next_config("b")
    bridge.on_report("b", says(1, 0.6))
    bridge.on_report("b", says(2, 0.6))
    assert bridge.on_report("b", says(3, 0.4)) is Verdict.CONTINUE  # it is done: nothing is left to save
    bridge.on_end("b")
    assert states(bridge.study) == ["PRUNED", "COMPLETE"]
    assert [trial.number for trial in bridge.study.best_trials] == [1]
    assert bridge.finished == 2


@pytest.mark.parametrize(
    ("report", "reason"),
    [
        ({"accuracy": 0.5, "spikes": 1}, "it reported epoch=None, which must be a whole number of at least 1"),
        (says(0), "it reported epoch=0, which must be a whole number of at least 1"),
        (says(1.5), "it reported epoch=1.5, which must be a whole number of at least 1"),
        ({"epoch": 1, "accuracy": 0.5}, "it did not report spikes at epoch 1"),
        (says(1, "high"), "it reported accuracy='high' at epoch 1, which is not a number"),
        (says(1, None), "it reported accuracy=None at epoch 1, which is not a number"),
        (says(1, math.nan), "accuracy is nan at epoch 1"),
        (says(1, spikes=math.inf), "spikes is inf at epoch 1"),
        ({FAILURE: "training diverged"}, "training diverged"),
    ],
)  # fmt: skip
def test_what_no_trial_should_report(report: dict[str, Any], reason: str) -> None:
    bridge = TrialBridge(study(), space, OBJECTIVES, trials=5, retries=1)
    configs = []
    for run in ("a", "b"):
        configs.append(bridge.next_config(run))
        assert bridge.on_report(run, report) is Verdict.STOP
        bridge.on_end(run)
    assert configs[0] == configs[1]  # tried again
    (trial,) = bridge.study.trials
    assert trial.state == TrialState.FAIL
    assert trial.user_attrs[FAILURE] == reason
    assert trial.user_attrs[RETRIED] == [reason]
    assert bridge.finished == 0
    assert not bridge.errors


def test_a_trial_that_dies_goes_on_with_what_it_had_said() -> None:
    bridge = TrialBridge(study(), space, OBJECTIVES, trials=1, retries=1)
    config = bridge.next_config("a")
    bridge.on_report("a", says(1, 0.7))
    bridge.on_end("a", "its worker died")
    assert bridge.next_config("b") == config
    bridge.on_report("b", says(1, 0.1))  # the first values stay
    bridge.on_report("b", says(2, 0.8))
    bridge.on_end("b")
    (trial,) = bridge.study.trials
    assert reports(trial) == {1: [0.7, 10.0], 2: [0.8, 10.0]}
    assert trial.values == [0.8, 10.0]


def test_a_trial_that_says_nothing_fails() -> None:
    bridge = TrialBridge(study(), space, OBJECTIVES, trials=1, retries=0)
    bridge.next_config("a")
    bridge.on_end("a")
    assert bridge.study.trials[0].user_attrs[FAILURE] == "it ended without reporting epoch and accuracy, spikes"


def test_nothing_but_failures_ends_the_search() -> None:
    bridge = TrialBridge(study(), space, OBJECTIVES, trials=5, retries=0)
    for number in range(20):
        if bridge.next_config(str(number)) is None:
            break
        bridge.on_end(str(number), "boom")
    assert bridge.ended == "the last 10 trials failed, the last one because boom"
    assert states(bridge.study) == ["FAIL"] * 10


def test_another_driver_goes_on_with_what_was_running(tmp_path: Path) -> None:
    path = tmp_path / "journal"
    first = TrialBridge(study(storage=journal(path)), space, OBJECTIVES, trials=3)
    configs = {run: first.next_config(run) for run in ("a", "b")}
    first.on_report("a", says(1, 0.7))
    first.on_report("a", says(2, 0.8))
    first.on_report("b", says(1, 0.5))
    first.on_end("b")  # b is complete, a is running: the driver is killed
    second = TrialBridge(study(storage=journal(path)), space, OBJECTIVES, trials=3)
    assert second.finished == 1
    assert second.next_config("c") == configs["a"]
    assert second.on_report("c", says(1, 0.1)) is Verdict.CONTINUE
    second.on_report("c", says(3, 0.9))
    second.on_end("c")
    assert second.next_config("d") is not None
    second.on_report("d", says(1, 0.5))
    second.on_end("d")
    assert second.next_config("e") is None
    found = study(storage=journal(path))
    assert states(found) == ["COMPLETE"] * 3
    assert reports(found.trials[0]) == {1: [0.7, 10.0], 2: [0.8, 10.0], 3: [0.9, 10.0]}


def test_reports_of_strangers_are_stopped() -> None:
    bridge = TrialBridge(study(), space, OBJECTIVES, trials=1)
    assert bridge.on_report("nobody", says(1)) is Verdict.STOP
    bridge.on_end("nobody")
    assert bridge.study.trials == []


def test_objectives_must_be_the_studys() -> None:
    with pytest.raises(ValueError, match="the study's directions are maximize, minimize, not those of the objectives"):
        TrialBridge(study(), space, OBJECTIVES[::-1], trials=1)


def test_all_metrics_that_can_be_kept_are_kept() -> None:
    bridge = TrialBridge(study(), space, OBJECTIVES, trials=1)
    bridge.next_config("a")
    bridge.on_report("a", {**says(1), "seconds": 1.5, "note": "fine", "config": {"x": 1}, "list": [1]})
    record = bridge.study.trials[0].user_attrs["record:1"]
    assert record == {**says(1), "seconds": 1.5, "note": "fine"}


@pytest.mark.parametrize("failed", [False, True])
def test_all_that_ran_is_lost_and_run_again(failed: bool) -> None:
    bridge = TrialBridge(study(), space, OBJECTIVES, trials=2, retries=1)
    configs = [bridge.next_config(run) for run in ("a", "b")]
    bridge.on_report("a", says(1))
    bridge.start_over("memory ran out", failed=failed)
    bridge.on_end("a")  # of those that were lost nothing is heard any more
    assert bridge.interrupted == 2
    assert [bridge.next_config(run) for run in ("c", "d")] == configs
    for run in ("c", "d"):
        bridge.on_report(run, says(2))
        bridge.on_end(run)
    assert states(bridge.study) == ["COMPLETE"] * 2
    assert reports(bridge.study.trials[0]) == {1: [0.9, 10.0], 2: [0.9, 10.0]}
    reasons = [trial.user_attrs.get(RETRIED) for trial in bridge.study.trials]
    assert reasons == [["memory ran out"] if failed else None] * 2
