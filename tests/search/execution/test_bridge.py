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

from tests.small_disk import small_disk
from xoresnet.description.arch import Arch
from xoresnet.description.layer_table import params_count
from xoresnet.files.disk import size_text
from xoresnet.search.execution.bridge import TrialBridge, Verdict
from xoresnet.search.folders.disk_space import DiskSpace
from xoresnet.search.objective import Objective
from xoresnet.search.pruning.reports import reports
from xoresnet.search.study.attributes import FAILURE, GIVEN_BACK, NOTICE, RETRIED

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
    bridge = TrialBridge(study(), space, OBJECTIVES, budget=2, max_step=2)
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
    assert bridge.ended == "the budget of 2 full trainings is spent"


def test_pruned_trials_cost_the_steps_that_they_trained() -> None:
    bridge = TrialBridge(study(PrunesBelowHalf()), space, OBJECTIVES, budget=2, max_step=3)
    bridge.next_config("a")
    assert bridge.left == pytest.approx(1)  # as if it were completed
    assert bridge.on_report("a", says(1, 0.6)) is Verdict.CONTINUE
    assert bridge.on_report("a", says(2, 0.4)) is Verdict.STOP
    bridge.on_end("a")
    assert (bridge.spent, bridge.left) == pytest.approx((2 / 3, 4 / 3))
    bridge.next_config("b")
    bridge.on_report("b", says(1, 0.6))
    bridge.on_report("b", says(2, 0.6))
    assert bridge.on_report("b", says(3, 0.4)) is Verdict.CONTINUE  # it is done: nothing is left to save
    bridge.on_end("b")
    assert states(bridge.study) == ["PRUNED", "COMPLETE"]
    assert [trial.number for trial in bridge.study.best_trials] == [1]
    assert bridge.finished == 2
    assert bridge.next_config("c") is None  # a third of a training is left, which completes nothing
    assert bridge.spent == pytest.approx(5 / 3)
    assert bridge.ended == "what is left of the budget of 2 full trainings completes no network"


def test_shares_that_add_up_to_a_whole_training_are_one() -> None:
    """3 - (0.4 + 0.8 + 0.6 + 0.2) is less than 1 in floating point."""
    bridge = TrialBridge(study(PrunesBelowHalf()), space, OBJECTIVES, budget=3, max_step=5)
    for steps in (2, 4, 3, 1):
        bridge.next_config("a")
        for step in range(1, steps + 1):
            bridge.on_report("a", says(step, 0.6 if step < steps else 0.4))
        bridge.on_end("a")
    assert states(bridge.study) == ["PRUNED"] * 4
    assert bridge.left < 1
    assert bridge.affords_new
    assert bridge.next_config("a") is not None


def test_failed_trials_cost_what_they_trained_too() -> None:
    bridge = TrialBridge(study(), space, OBJECTIVES, budget=2, max_step=4, retries=0)
    bridge.next_config("a")
    bridge.on_report("a", says(1))
    bridge.on_end("a", "boom")
    assert (bridge.spent, bridge.left, bridge.finished) == (0.25, 1.75, 0)
    again = TrialBridge(bridge.study, space, OBJECTIVES, budget=2, max_step=4)
    assert (again.spent, again.left) == (0.25, 1.75)


def test_where_the_last_step_is_not_known_every_trial_that_did_not_fail_is_a_full_training() -> None:
    bridge = TrialBridge(study(PrunesBelowHalf()), space, OBJECTIVES, budget=3, retries=0)
    for run, accuracy, error in (("a", 0.4, ""), ("b", 0.9, ""), ("c", 0.9, "boom")):
        bridge.next_config(run)
        bridge.on_report(run, says(1, accuracy))
        bridge.on_end(run, error)
    assert states(bridge.study) == ["PRUNED", "COMPLETE", "FAIL"]
    assert (bridge.spent, bridge.left) == (2, 1)


def test_a_larger_budget_goes_on_where_a_smaller_one_was_spent() -> None:
    of = study()
    for budget, ended in (
        (1, "the budget of 1 full training is spent"),
        (2.5, "what is left of the budget of 2.5 full trainings completes no network"),
    ):
        bridge = TrialBridge(of, space, OBJECTIVES, budget=budget, max_step=1)
        while bridge.next_config("a") is not None:
            bridge.on_report("a", says(1))
            bridge.on_end("a")
        assert bridge.ended == ended
        assert bridge.finished == len(of.trials) == int(budget)


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
    bridge = TrialBridge(study(), space, OBJECTIVES, budget=5, retries=1)
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
    bridge = TrialBridge(study(), space, OBJECTIVES, budget=1, retries=1)
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
    bridge = TrialBridge(study(), space, OBJECTIVES, budget=1, retries=0)
    bridge.next_config("a")
    bridge.on_end("a")
    assert bridge.study.trials[0].user_attrs[FAILURE] == "it ended without reporting epoch and accuracy, spikes"


def test_nothing_but_failures_ends_the_search() -> None:
    bridge = TrialBridge(study(), space, OBJECTIVES, budget=5, retries=0)
    for number in range(20):
        if bridge.next_config(str(number)) is None:
            break
        bridge.on_end(str(number), "boom")
    assert bridge.ended == "the last 10 trials failed, the last one because boom"
    assert states(bridge.study) == ["FAIL"] * 10


def test_another_driver_goes_on_with_what_was_running(tmp_path: Path) -> None:
    path = tmp_path / "journal"
    first = TrialBridge(study(storage=journal(path)), space, OBJECTIVES, budget=3)
    configs = {run: first.next_config(run) for run in ("a", "b")}
    first.on_report("a", says(1, 0.7))
    first.on_report("a", says(2, 0.8))
    first.on_report("b", says(1, 0.5))
    first.on_end("b")  # b is complete, a is running: the driver is killed
    second = TrialBridge(study(storage=journal(path)), space, OBJECTIVES, budget=3)
    assert second.finished == 1
    assert second.next_config("c") == configs["a"]
    assert second.on_report("c", says(1, 0.1)) is Verdict.CONTINUE
    second.on_report("c", says(3, 0.9))
    second.on_end("c")
    assert second.next_config("d") is not None
    second.on_report("d", says(1, 0.5))
    second.on_end("d")
    assert second.next_config("e") is None
    reread = study(storage=journal(path))
    assert states(reread) == ["COMPLETE"] * 3
    assert reports(reread.trials[0]) == {1: [0.7, 10.0], 2: [0.8, 10.0], 3: [0.9, 10.0]}


def test_reports_of_strangers_are_stopped() -> None:
    bridge = TrialBridge(study(), space, OBJECTIVES, budget=1)
    assert bridge.on_report("nobody", says(1)) is Verdict.STOP
    bridge.on_end("nobody")
    assert bridge.study.trials == []


def test_objectives_must_be_the_studys() -> None:
    with pytest.raises(ValueError, match="the study's directions are maximize, minimize, not those of the objectives"):
        TrialBridge(study(), space, OBJECTIVES[::-1], budget=1)


def test_all_metrics_that_can_be_kept_are_kept() -> None:
    bridge = TrialBridge(study(), space, OBJECTIVES, budget=1)
    bridge.next_config("a")
    bridge.on_report("a", {**says(1), "seconds": 1.5, "note": "fine", "config": {"x": 1}, "list": [1]})
    record = bridge.study.trials[0].user_attrs["record:1"]
    assert record == {**says(1), "seconds": 1.5, "note": "fine"}


@pytest.mark.parametrize("failed", [False, True])
def test_all_that_ran_is_lost_and_run_again(failed: bool) -> None:
    bridge = TrialBridge(study(), space, OBJECTIVES, budget=2, retries=1)
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


# nodes that leave


def test_a_trial_whose_node_is_lost_goes_on_without_a_retry() -> None:
    bridge = TrialBridge(study(), space, OBJECTIVES, budget=1, max_step=2, retries=0)
    config = bridge.next_config("a")
    bridge.on_report("a", says(1))
    bridge.lose_node("a", "its node one was lost")
    bridge.on_end("a", "its worker died")
    again = TrialBridge(bridge.study, space, OBJECTIVES, budget=1, max_step=2, retries=0)  # in another session
    for here in (bridge, again):
        assert here.interrupted == 1
    assert again.next_config("b") == config
    again.on_report("b", says(2))
    again.on_end("b")
    (trial,) = again.study.trials
    assert trial.state == TrialState.COMPLETE
    assert (trial.user_attrs.get(RETRIED), trial.user_attrs[GIVEN_BACK]) == (None, [[1, "its node one was lost"]])
    assert again.spent == 1


def test_a_trial_that_must_move_does_so_after_its_next_report() -> None:
    bridge = TrialBridge(study(), space, OBJECTIVES, budget=2, max_step=3)
    for run in ("a", "b"):
        bridge.next_config(run)
        bridge.on_report(run, says(1))
    bridge.on_report("b", says(2))
    for live in bridge.live.values():
        live.leaves = "its node one is about to leave"
    assert bridge.on_report("a", says(2)) is Verdict.STOP
    assert bridge.on_report("b", says(3)) is Verdict.CONTINUE  # it is done
    for run in ("a", "b"):
        bridge.on_end(run)
    assert (states(bridge.study), bridge.interrupted) == (["RUNNING", "COMPLETE"], 1)
    assert bridge.study.trials[0].user_attrs[GIVEN_BACK] == [[2, "its node one is about to leave"]]
    assert sorted(reports(bridge.study.trials[0])) == [1, 2]


def test_a_trial_that_ends_its_nodes_fails() -> None:
    """Unless it comes further each time."""
    bridge = TrialBridge(study(), space, OBJECTIVES, budget=2, max_step=9)
    for epoch in (0, 1, 2, 3, 4, 5, 5, 5, 5, 5):
        assert bridge.next_config("a") is not None
        if epoch:
            bridge.on_report("a", says(epoch))
        assert states(bridge.study) == ["RUNNING"]
        bridge.lose_node("a", "its node one was lost")
        bridge.on_end("a", "its worker died")
    (trial,) = bridge.study.trials
    assert trial.state == TrialState.FAIL
    assert trial.user_attrs[FAILURE] == (
        "it lost its node 5 times without a new epoch, the last time because its node one was lost"
    )


def test_a_failure_weighs_more_than_a_lost_node() -> None:
    bridge = TrialBridge(study(), space, OBJECTIVES, budget=1, retries=0)
    bridge.next_config("a")
    bridge.fail("a", "it took longer than 9 s")
    bridge.lose_node("a", "its node one was lost")
    bridge.on_end("a", "its worker died")
    assert bridge.study.trials[0].user_attrs[FAILURE] == "it took longer than 9 s"


def test_notices_are_said_once() -> None:
    bridge = TrialBridge(study(), space, OBJECTIVES, budget=1)
    for notice in ("one", "two", "one"):
        bridge.say(notice)
    assert bridge.notices == ["one", "two"]


# what workers say, and full disks


def test_what_a_worker_has_to_say_is_no_metric() -> None:
    bridge = TrialBridge(study(), space, OBJECTIVES, budget=1)
    bridge.next_config("a")
    assert bridge.on_report("a", {**says(1), NOTICE: "its checkpoint was damaged"}) is Verdict.CONTINUE
    bridge.on_report("a", says(2))
    bridge.on_end("a")
    assert bridge.errors == ["trial 0: its checkpoint was damaged"]
    assert states(bridge.study) == ["COMPLETE"]
    assert NOTICE not in str(bridge.study.trials[0].user_attrs)


FULL = "OSError: [Errno 28] No space left on device: '/run/checkpoint'"


def test_a_full_disk_is_no_fault_of_a_trial(tmp_path: Path) -> None:
    """It goes on with the next search, although it had no retry left."""
    path = tmp_path / "journal"
    bridge = TrialBridge(study(storage=journal(path)), space, OBJECTIVES, budget=2, retries=0)
    for run in ("a", "b"):
        bridge.next_config(run)
        bridge.on_report(run, says(1))
    bridge.on_end("a", FULL)
    assert (bridge.ended, bridge.failed, bridge.disk_full) == ("the disk is full", True, True)
    assert bridge.next_config("c") is None
    assert bridge.on_report("b", says(2)) is Verdict.CONTINUE  # what runs may end
    bridge.on_end("b")
    assert states(bridge.study) == ["RUNNING", "COMPLETE"]
    again = TrialBridge(study(storage=journal(path)), space, OBJECTIVES, budget=2, retries=0)
    assert again.next_config("a") is not None
    again.on_report("a", says(2))
    again.on_end("a")
    assert states(again.study) == ["COMPLETE", "COMPLETE"]
    assert again.study.trials[0].user_attrs.get(RETRIED) is None


def test_a_full_disk_in_the_driver_ends_the_search() -> None:
    """In a hook, or where something was only noted; nothing counts as failed, and what else is lost is not said."""
    for say in (TrialBridge.hook_failed, TrialBridge.note):
        bridge = TrialBridge(study(), space, OBJECTIVES, budget=2, retries=0)
        bridge.next_config("a")
        say(bridge, "tables", OSError(28, "No space left on device"))
        bridge.fail("a", FULL)
        bridge.on_end("a")
        assert (bridge.ended, bridge.errors, states(bridge.study)) == ("the disk is full", [], ["RUNNING"])


def test_where_the_executor_loses_all_trials_on_a_full_disk_none_failed() -> None:
    bridge = TrialBridge(study(), space, OBJECTIVES, budget=2, retries=0)
    for run in ("a", "b"):
        bridge.next_config(run)
    bridge.fail("a", FULL)
    bridge.start_over(FULL, failed=True)
    assert states(bridge.study) == ["RUNNING", "RUNNING"]
    assert (bridge.ended, bridge.interrupted) == ("the disk is full", 2)


def test_the_sentence_names_the_folder_and_what_is_needed(tmp_path: Path) -> None:
    """As soon as what the running trials will write does not fit; a failure for whatever reason is then the disk's."""
    arch = Arch(input_shape=(1, 8, 8), num_classes=10, depth=8, width=16)
    bridge = TrialBridge(study(), lambda trial: {"arch": arch.to_json()}, OBJECTIVES, budget=9, retries=0)
    with small_disk(tmp_path / "disk", "4m") as disk:
        bridge.disk = DiskSpace(disk.path)
        for run in ("a", "b"):
            bridge.next_config(run)
        needed = 2**20 + 2 * 16 * params_count(arch)
        assert bridge.disk.needed(live.config for live in bridge.live.values()) == needed
        disk.fill(leave=needed + 2**13)
        assert not bridge.runs_out_of_disk()
        disk.fill(leave=needed - 2**13)
        bridge.on_end("a", "EOFError: Ran out of input")
        sentence = f"no space is left in {disk.path}: {size_text(disk.free())} are free on its disk"
        assert bridge.ended == f"{sentence}, about {size_text(needed)} needed"
        assert states(bridge.study) == ["RUNNING", "RUNNING"]
