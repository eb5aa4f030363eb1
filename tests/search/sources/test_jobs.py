"""Jobs that are known beforehand: each is carried out once, whatever happened before."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import optuna
import pytest
from optuna.study import Study
from optuna.trial import Trial, TrialState

from xoresnet.search.execution.bridge import TrialBridge
from xoresnet.search.objective import Objective
from xoresnet.search.sources.jobs import JobSource

SCORE = Objective(metric="score", direction="max")


@pytest.fixture
def study() -> Study:
    return optuna.create_study(direction="maximize")


def source_of(study: Study, names: str) -> JobSource:
    def key(attrs: Mapping[str, Any]) -> str:
        return str(attrs["name"])

    def config(trial: Trial) -> dict[str, Any]:
        return {"number": trial.number, "name": trial.user_attrs["name"]}

    jobs = [{"name": name, "other": 7} for name in names]
    return JobSource(study, jobs, key=key, config=config, last_step=lambda trial: 3)


def bridge_of(study: Study, names: str) -> tuple[JobSource, TrialBridge]:
    source = source_of(study, names)
    return source, TrialBridge(study, source, [SCORE], budget=source.finished + source.to_do, retries=0)


def carry_out(bridge: TrialBridge, *, failing: str = "", interrupted_at: str = "") -> str:
    """What was handed out, in order."""
    names = ""
    while (config := bridge.next_config("only")) is not None:
        names += config["name"]
        bridge.on_report("only", {"epoch": 3, "score": 1.0})
        if config["name"] == interrupted_at:
            return names
        bridge.on_end("only", "boom" if config["name"] in failing else "")
    return names


def test_each_once_in_order(study: Study) -> None:
    source, bridge = bridge_of(study, "cabc")
    assert (source.finished, source.to_do) == (0, 3)
    assert carry_out(bridge) == "cab"
    assert [trial.user_attrs["other"] for trial in study.trials] == [7, 7, 7]
    source, bridge = bridge_of(study, "cabd")
    assert (source.finished, source.to_do) == (3, 1)
    assert carry_out(bridge) == "d"
    assert [trial.state for trial in study.trials] == [TrialState.COMPLETE] * 4


def test_what_failed_is_tried_again(study: Study) -> None:
    assert carry_out(bridge_of(study, "abc")[1], failing="b") == "abc"
    source, bridge = bridge_of(study, "abc")
    assert source.to_do == 1
    assert carry_out(bridge) == "b"
    assert [trial.state.name for trial in study.trials] == ["COMPLETE", "FAIL", "COMPLETE", "COMPLETE"]


def test_what_was_interrupted_goes_on_first(study: Study) -> None:
    carry_out(bridge_of(study, "abc")[1], interrupted_at="b")
    source, bridge = bridge_of(study, "cba")
    assert (source.finished, source.to_do) == (1, 2)
    assert carry_out(bridge) == "bc"
    assert [trial.state.name for trial in study.trials] == ["COMPLETE"] * 3


def test_what_was_begun_for_somebody_else_waits_for_them(study: Study) -> None:
    """It may be a training of many hours that is not wanted any more."""
    carry_out(bridge_of(study, "ab")[1], interrupted_at="b")
    source, bridge = bridge_of(study, "cd")
    assert (source.finished, source.to_do) == (1, 2)
    assert carry_out(bridge) == "cd"
    assert bridge.ended == "the budget of 3 full trainings is spent"
    assert [trial.state.name for trial in study.trials] == ["COMPLETE", "RUNNING", "COMPLETE", "COMPLETE"]
    source, bridge = bridge_of(study, "ab")
    assert source.to_do == 1
    assert carry_out(bridge) == "b"
    assert len(study.trials) == 4


def test_a_driver_that_died_before_the_first_report(study: Study) -> None:
    assert bridge_of(study, "a")[1].next_config("only") is not None
    source, bridge = bridge_of(study, "a")
    assert source.to_do == 1
    assert carry_out(bridge) == "a"
    assert [trial.state.name for trial in study.trials] == ["COMPLETE"]


def test_nothing_to_do(study: Study) -> None:
    source, bridge = bridge_of(study, "")
    assert (source.finished, source.to_do) == (0, 0)
    assert bridge.next_config("only") is None


def test_when_a_job_is_done(study: Study) -> None:
    source, bridge = bridge_of(study, "a")
    bridge.next_config("only")
    assert source.last_step(bridge.live["only"].trial) == 3
