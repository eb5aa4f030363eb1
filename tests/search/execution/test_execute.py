"""How carried-out trials end; what Ray makes of them is in `test_ray_plugin.py`, `test_run.py` and elsewhere."""

from __future__ import annotations

import shutil
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import optuna
import pytest

from tests.search.command_line import xoresnet
from xoresnet.data.load import load_data
from xoresnet.errors import ClusterError
from xoresnet.search.config import SearchConfig
from xoresnet.search.execution import execute as execution
from xoresnet.search.execution.bridge import TrialBridge
from xoresnet.search.execution.execute import execute
from xoresnet.search.execution.lifeline import Lifeline
from xoresnet.search.execution.worker.work_files import Reach
from xoresnet.search.execution.workplace import Workplace
from xoresnet.search.folders.run import RunFolder
from xoresnet.search.objective import Objective

pytestmark = [pytest.mark.usefixtures("ray"), pytest.mark.filterwarnings("ignore")]
CONFIG = SearchConfig.from_dict({"space": "digits"})


@pytest.fixture
def bridge() -> TrialBridge:
    study = optuna.create_study(direction="maximize")
    return TrialBridge(study, lambda trial: {}, [Objective(metric="score", direction="max")], budget=3)


@pytest.fixture
def workplace(tmp_path: Path) -> Iterator[Workplace]:
    with Workplace(CONFIG, load_data("digits"), Lifeline(tmp_path), Reach.of(RunFolder(tmp_path))) as workplace:
        yield workplace


def nothing() -> None:
    pass


def train(config: dict[str, Any]) -> None:
    raise AssertionError("nothing is trained here")


def test_what_a_look_raises_is_noted_once(bridge: TrialBridge, tmp_path: Path) -> None:
    """However often: a hook that fails a hundred times would end everything."""

    def look() -> None:
        raise RuntimeError("no terminal")

    steps = execution._Steps(bridge, look, Lifeline(tmp_path))
    for _ in range(200):
        steps.on_step_end(1, [])
    assert bridge.errors == ["on_step: RuntimeError: no terminal"]
    assert (bridge.ended, bridge.failed) == ("", False)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_between_two_of_rays_loops(
    number: signal.Signals, bridge: TrialBridge, workplace: Workplace, monkeypatch: pytest.MonkeyPatch
) -> None:
    """There Ray catches nothing."""
    monkeypatch.setattr(execution, "run_trials", lambda *arguments, **more: signal.raise_signal(number))
    outcome = execute(bridge, train, CONFIG, nothing, workplace)
    assert (outcome.interrupted, outcome.ended, outcome.failed) == (number, "", False)


def test_a_signal_when_all_was_done(bridge: TrialBridge, workplace: Workplace, monkeypatch: pytest.MonkeyPatch) -> None:
    def run(*arguments: object, **more: object) -> None:
        bridge.ended = "the budget of 3 full trainings is spent"
        signal.raise_signal(signal.SIGTERM)

    monkeypatch.setattr(execution, "run_trials", run)
    outcome = execute(bridge, train, CONFIG, nothing, workplace)
    assert (outcome.interrupted, outcome.ended) == (0, "the budget of 3 full trainings is spent")


def test_more_than_the_machines_have(bridge: TrialBridge, tmp_path: Path) -> None:
    config = CONFIG.replace(cpus_per_trial=99)
    with (
        Workplace(config, load_data("digits"), Lifeline(tmp_path), Reach.of(RunFolder(tmp_path))) as workplace,
        pytest.raises(ClusterError, match=r"^a trial needs 99 CPU, but .* has 2 CPU$"),
    ):
        execute(bridge, train, config, nothing, workplace)


def test_nothing_begins_after_an_interruption(bridge: TrialBridge, workplace: Workplace) -> None:
    """Such as one that came when the jobs before were just done."""
    workplace.lifeline.signal = signal.SIGTERM
    outcome = execute(bridge, train, CONFIG, nothing, workplace)
    assert (outcome.interrupted, outcome.failed) == (signal.SIGTERM, False)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_handlers_are_as_before(number: signal.Signals, bridge: TrialBridge, workplace: Workplace) -> None:
    before = signal.getsignal(number)
    workplace.open()
    with workplace.lifeline.watching():
        signal.signal(signal.SIGINT, lambda *ignored: None)  # as Ray Tune does
    assert signal.getsignal(number) == before
    assert signal.set_wakeup_fd(-1) == -1


def test_confirm_says_so_too(real_search: Path, tmp_path: Path) -> None:
    folder = shutil.copytree(real_search, tmp_path / "run")
    words = ["confirm", str(folder), "--seeds=1", "cpus_per_trial=99"]
    assert xoresnet(*words).is_refusal(1, "a trial needs 99 CPU, but * has 2 CPU")
