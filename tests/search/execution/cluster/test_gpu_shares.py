"""Shares of a GPU that grow; what Ray makes of them is in `test_elastic.py`."""

from __future__ import annotations

from typing import Any

import optuna
import pytest

from xoresnet.search.config import SearchConfig
from xoresnet.search.execution.bridge import TrialBridge
from xoresnet.search.execution.cluster.gpu_shares import GpuShares, default_share
from xoresnet.search.objective import Objective
from xoresnet.search.study.attributes import FAILURE, GPU_SHARE, PACKING, RETRIED

CONFIG = SearchConfig.from_dict({"space": "digits"})
NO_MEMORY = "torch.OutOfMemoryError: CUDA out of memory. Tried to allocate 2.00 GiB."


def a_bridge(study: optuna.Study | None = None, **options: Any) -> TrialBridge:
    study = study or optuna.create_study(direction="maximize")
    objectives = [Objective(metric="accuracy", direction="max")]
    return TrialBridge(study, lambda trial: {}, objectives, budget=9, max_step=4, **options)


def run_out(bridge: TrialBridge, shares: GpuShares, run_id: str = "a") -> float:
    """Let the next trial run out of memory with what it is given; returns that."""
    assert bridge.next_config(run_id) is not None
    bridge.live[run_id].gpus = given = shares.of(run_id)
    bridge.fail(run_id, NO_MEMORY)
    bridge.on_end(run_id, "its worker died")
    return given


def test_a_trial_is_given_more_until_it_has_a_whole_gpu() -> None:
    bridge = a_bridge(retries=0)
    shares = GpuShares(CONFIG, bridge)
    assert [run_out(bridge, shares) for _ in range(3)] == [0.25, 0.5, 1.0]
    (trial,) = bridge.study.trials
    assert (trial.state.name, trial.user_attrs[GPU_SHARE]) == ("FAIL", 1.0)
    assert trial.user_attrs[FAILURE] == NO_MEMORY
    assert bridge.notices == [
        "trial 0 ran out of GPU memory with 0.25 of a GPU; it is tried again with 0.5",
        "trial 0 ran out of GPU memory with 0.5 of a GPU; it is tried again with 1",
    ]


def test_that_costs_no_retry_and_is_known_to_the_next_session() -> None:
    bridge = a_bridge(retries=0)
    run_out(bridge, GpuShares(CONFIG, bridge))
    again = a_bridge(bridge.study, retries=0)
    shares = GpuShares(CONFIG, again)
    again.next_config("b")
    assert (shares.of("b"), shares.default, shares.of("unknown")) == (0.5, 0.25, 0.25)
    for epoch in (1, 2, 3, 4):
        again.on_report("b", {"epoch": epoch, "accuracy": 0.5})
    again.on_end("b")
    (trial,) = again.study.trials
    assert (trial.state.name, trial.user_attrs.get(RETRIED)) == ("COMPLETE", None)


def test_other_failures_are_failures() -> None:
    bridge = a_bridge(retries=0)
    GpuShares(CONFIG, bridge)
    for gpus, reason in ((0.25, "ValueError: boom"), (0.0, NO_MEMORY), (2.0, NO_MEMORY)):
        bridge.next_config("a")
        bridge.live["a"].gpus = gpus
        bridge.fail("a", reason)
        bridge.on_end("a", "its worker died")
    assert [trial.user_attrs[FAILURE] for trial in bridge.study.trials] == ["ValueError: boom", NO_MEMORY, NO_MEMORY]


@pytest.mark.parametrize(("configured", "default"), [("auto", 0.5), (0.25, 0.25)])
def test_what_several_trials_need_all_new_ones_get(configured: Any, default: float) -> None:
    """A number that the user has given stays."""
    bridge = a_bridge()
    shares = GpuShares(CONFIG.replace(gpus_per_trial=configured), bridge)
    for run_id in ("a", "b", "c"):
        assert bridge.next_config(run_id) is not None
        bridge.live[run_id].gpus = shares.of(run_id)
    for run_id in ("a", "b", "c"):
        bridge.fail(run_id, NO_MEMORY)
        bridge.on_end(run_id, "its worker died")
    assert shares.default == default
    sentence = "3 trials ran out of GPU memory with 0.25 of a GPU; new trials take 0.5"
    assert (sentence in bridge.notices) == (default == 0.5)
    assert GpuShares(CONFIG.replace(gpus_per_trial=configured), a_bridge(bridge.study)).default == default


def test_a_measurement_is_what_growing_begins_with() -> None:
    bridge = a_bridge()
    bridge.study.set_user_attr(PACKING, {"gpus_per_trial": 0.125})
    assert GpuShares(CONFIG, bridge).default == 0.125
    assert GpuShares(CONFIG.replace(gpus_per_trial=0.5), bridge).default == 0.5


@pytest.mark.parametrize(
    ("base", "needed", "default"),
    [
        (0.25, [0.5, 0.5], 0.25),
        (0.25, [0.5, 1.0, 0.5], 0.5),
        (0.25, [0.5, 1.0, 1.0, 1.0], 1.0),
        (0.2, [1.0] * 9, 1.0),
        (1.0, [1.0] * 9, 1.0),
        (2.0, [], 2.0),
    ],
)
def test_default_share(base: float, needed: list[float], default: float) -> None:
    assert default_share(base, needed) == default
