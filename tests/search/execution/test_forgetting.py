"""Ray's own controller, after `forget_ended`: what has ended is gone, and the search goes on."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import optuna
import pytest
from optuna.samplers import RandomSampler
from ray import tune
from ray.tune.experiment import Trial as RayTrial

from tests.search.execution.trainables import curve
from xoresnet.search.execution import forgetting
from xoresnet.search.execution.bridge import TrialBridge
from xoresnet.search.execution.forgetting import forget_ended
from xoresnet.search.execution.ray_plugin import BridgeScheduler, tune_config
from xoresnet.search.objective import Objective

OBJECTIVES = [Objective(metric="accuracy", direction="max"), Objective(metric="spikes", direction="min")]


class Scheduler(BridgeScheduler):
    """Notes how many trials Ray knows."""

    def __init__(self, bridge: TrialBridge) -> None:
        super().__init__(bridge)
        self.known: list[int] = []

    def on_trial_complete(self, tune_controller: Any, trial: RayTrial, result: dict[str, Any]) -> None:
        super().on_trial_complete(tune_controller, trial, result)
        self.known.append(len(tune_controller.get_trials()))


@pytest.mark.usefixtures("ray")
@pytest.mark.filterwarnings("ignore")  # Ray's own, in this process
def test_ray_forgets_what_has_ended(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(forgetting, "_KEPT", 2)
    study = optuna.create_study(directions=["maximize", "minimize"], sampler=RandomSampler(seed=0))
    bridge = TrialBridge(
        study, lambda trial: {name: trial.suggest_float(name, 0, 1) for name in "xy"}, OBJECTIVES, budget=12
    )
    config = tune_config(bridge, max_concurrent=2)
    config.scheduler = scheduler = Scheduler(bridge)
    tune.Tuner(
        curve,
        tune_config=config,
        run_config=tune.RunConfig(name="ray", storage_path=str(tmp_path), verbose=0, log_to_file=False),
    ).fit()
    assert bridge.finished == 12
    assert bridge.errors == []
    assert len(scheduler.known) == 12
    assert max(scheduler.known) <= 2 * 2 + 3  # two more run, and one has just ended


def test_a_controller_without_such_lists_is_left_alone() -> None:
    forget_ended(object())
