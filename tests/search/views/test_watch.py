"""What a view keeps in memory of a bridge that it watches."""

from __future__ import annotations

import time
from typing import Any

from tests.search.runs import leave_weights
from tests.search.views.test_search import PAUSING, complete, record, start
from xoresnet.search.execution.bridge import LiveTrial, Verdict
from xoresnet.search.run import SearchRun
from xoresnet.search.strategy.lifecycle import resume
from xoresnet.search.study.trials import TrialRecord
from xoresnet.search.views.watch import BridgeWatch


def report(run: SearchRun, run_id: str, epoch: int, node: str = "a", pid: int = 1, ago: float = 0.0) -> Verdict:
    """An epoch of one second."""
    where = {"timestamp": int(time.time() - ago), "hostname": f"node-{node}", "node_id": node, "pid": pid}
    return run.bridge.on_report(run_id, {**record(epoch, 0.1 * epoch, 100), **where})


def end(run: SearchRun, run_id: str) -> None:
    leave_weights(run.bridge.live[run_id].config)
    run.bridge.on_end(run_id)


def test_reports_of_running_trials_and_of_those_that_ended_in_between(run: SearchRun) -> None:
    watch = BridgeWatch(run.bridge)
    assert watch.activity().epochs == 0
    first, second = start(run), start(run)
    report(run, first, 1)
    assert [watch.activity().epochs for _ in range(2)] == [1, 1]
    report(run, first, 2)
    end(run, first)
    report(run, second, 1, node="b")
    third = start(run)
    report(run, third, 1, node="b", pid=2)
    report(run, third, 2, node="b", pid=2)
    end(run, third)
    found = watch.activity()
    assert (found.epochs, found.trials, watch.stopped) == (5, 2, 2)
    assert [(node.name, node.workers) for node in found.nodes] == [("node-a", 1), ("node-b", 2)]


def test_what_was_before_is_not_counted(run: SearchRun) -> None:
    before = start(run)
    report(run, before, 1, ago=100)
    complete(run, 0.5, 1000)
    watch = BridgeWatch(run.bridge)
    assert watch.activity().epochs == 0
    report(run, before, 2)
    end(run, before)
    assert (watch.activity().epochs, watch.activity().trials) == (1, 1)


def test_a_trial_that_is_tried_again_is_read_once(run: SearchRun) -> None:
    watch = BridgeWatch(run.bridge)
    first = start(run)
    report(run, first, 1)
    assert watch.activity().epochs == 1
    run.bridge.on_end(first, "boom")
    again = start(run)
    assert watch.activity().epochs == 1
    report(run, again, 1)  # as a worker does that has its checkpoint
    report(run, again, 2)
    end(run, again)
    assert (watch.activity().epochs, watch.activity().trials) == (2, 1)


def test_a_trial_that_pauses_and_goes_on_is_read_once(opened: Any) -> None:
    run = opened(**PAUSING)
    watch = BridgeWatch(run.bridge)
    paused = start(run)
    assert report(run, paused, 1) is Verdict.STOP
    run.bridge.on_end(paused)
    assert (watch.activity().epochs, watch.activity().trials) == (1, 1)
    (trial,) = run.study.get_trials(deepcopy=False)
    resumed = resume(run.study, trial.number)
    run.bridge.live["again"] = LiveTrial(resumed, TrialRecord.of(resumed).config, epoch=1)
    assert (watch.activity().epochs, watch.activity().trials) == (1, 0)
    report(run, "again", 2)
    assert (watch.activity().epochs, watch.activity().trials) == (2, 0)


def test_a_trial_that_is_silent_shows_its_node(run: SearchRun) -> None:
    watch = BridgeWatch(run.bridge)
    report(run, start(run), 1, node="far", ago=900)
    found = watch.activity()
    assert [(node.name, node.workers) for node in found.nodes] == [("node-far", 0)]
    assert found.epochs == 0


def test_failures_of_earlier_sessions_and_of_this_one(opened: Any) -> None:
    run = opened(retries=1)
    for reason in ("bang", "boom"):
        run.bridge.on_end(start(run), reason)
    watch = BridgeWatch(run.bridge)
    assert (watch.failed, watch.retried) == (["boom"], ["bang"])
    run.bridge.on_end(start(run), "its worker died")
    start(run)  # the same trial again
    watch.activity()
    assert (watch.failed, watch.retried) == (["boom"], ["bang", "its worker died"])
