"""Ray Tune's side of a `TrialBridge`: a searcher, a scheduler and a watchdog around one study.

    bridge = TrialBridge(study, space, objectives, trials=100)
    tuner = tune.Tuner(trainable, tune_config=tune_config(bridge, max_concurrent=4), run_config=run_config(bridge, ...))

Ray tells a searcher neither that a scheduler stopped a trial nor why one failed; so both share the bridge. Nothing that
a trial does can raise here: what goes wrong in a hook is kept in the bridge's `errors`.
"""

from __future__ import annotations

import re
import time
from collections.abc import Callable
from functools import wraps
from pathlib import Path
from typing import Any, ParamSpec, TypeVar, cast

import ray
from ray import tune
from ray.tune.experiment import Trial as RayTrial
from ray.tune.schedulers import FIFOScheduler
from ray.tune.search import Searcher

from xoresnet.search.bridge import TrialBridge, Verdict

__all__ = ["BridgeScheduler", "BridgeSearcher", "Unsaved", "Watchdog", "tune_config"]

P = ParamSpec("P")
T = TypeVar("T")


def _guarded(otherwise: T) -> Callable[[Callable[P, T]], Callable[P, T]]:
    """An exception in a hook would end Ray's whole experiment."""

    def decorate(hook: Callable[P, T]) -> Callable[P, T]:
        @wraps(hook)
        def guarded(*args: P.args, **kwargs: P.kwargs) -> T:
            try:
                return hook(*args, **kwargs)
            except Exception as error:  # whatever a user's space, metric, sampler or pruner raises
                args[0].bridge.hook_failed(hook.__name__, error)  # type: ignore[attr-defined]
                return otherwise

        return guarded

    return decorate


class Unsaved:
    """Ray pickles what it is given, to restore it some day; there the study is gone on with instead."""

    def __getstate__(self) -> dict[str, Any]:
        return {}


class BridgeSearcher(Unsaved, Searcher):
    """Asks the bridge for trials and tells it that they ended."""

    def __init__(self, bridge: TrialBridge) -> None:
        super().__init__()
        self.bridge = bridge

    def set_search_properties(self, metric: Any, mode: Any, config: dict[str, Any], **spec: Any) -> bool:
        return True

    @_guarded(otherwise=cast("dict[str, Any] | str | None", None))
    def suggest(self, trial_id: str) -> dict[str, Any] | str | None:  # type: ignore[override] # FINISHED is a text
        config = self.bridge.next_config(trial_id)
        return Searcher.FINISHED if config is None and self.bridge.ended else config

    @_guarded(otherwise=None)
    def on_trial_complete(self, trial_id: str, result: dict[str, Any] | None = None, error: bool = False) -> None:
        self.bridge.on_end(trial_id, "its worker died" if error else "")

    def save(self, checkpoint_path: str) -> None:
        """The study has it all."""

    def restore(self, checkpoint_path: str) -> None:
        """The study has it all."""


class BridgeScheduler(Unsaved, FIFOScheduler):
    """Passes reports to the bridge, and its verdicts to Ray."""

    def __init__(self, bridge: TrialBridge) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.bridge = bridge

    def set_search_properties(self, metric: str | None, mode: str | None, **spec: Any) -> bool:
        return True

    @_guarded(otherwise=FIFOScheduler.STOP)
    def on_trial_result(self, tune_controller: Any, trial: RayTrial, result: dict[str, Any]) -> str:
        verdict = self.bridge.on_report(trial.trial_id, result)
        return str(FIFOScheduler.STOP if verdict is Verdict.STOP else FIFOScheduler.CONTINUE)

    @_guarded(otherwise=None)
    def on_trial_error(self, tune_controller: Any, trial: RayTrial) -> None:
        self.bridge.fail(trial.trial_id, _reason(trial))  # the searcher hears of the error next, but not why


class Watchdog(Unsaved, tune.Callback):
    """Kills workers whose trial takes too long; Ray's own limits act on reports, which a hung trial never makes."""

    def __init__(self, bridge: TrialBridge, seconds: float) -> None:
        self.bridge, self._limit = bridge, seconds

    @_guarded(otherwise=None)
    def on_trial_start(self, iteration: int, trials: list[RayTrial], trial: RayTrial, **info: Any) -> None:
        live = self.bridge.live.get(trial.trial_id)
        if live is not None:
            live.started = time.monotonic()

    @_guarded(otherwise=None)
    def on_step_end(self, iteration: int, trials: list[RayTrial], **info: Any) -> None:
        for trial in trials:
            live = self.bridge.live.get(trial.trial_id)
            if live is None or live.failure or live.started is None:
                continue
            if time.monotonic() - live.started <= self._limit:
                continue
            self.bridge.fail(trial.trial_id, f"it took longer than {self._limit:g} s")
            if trial.temporary_state.ray_actor is not None:
                ray.kill(trial.temporary_state.ray_actor)


def tune_config(bridge: TrialBridge, *, max_concurrent: int) -> tune.TuneConfig:
    """What `tune.Tuner` needs to run the trials of a bridge; max_concurrent: at once, at most."""
    return tune.TuneConfig(
        search_alg=BridgeSearcher(bridge),
        scheduler=BridgeScheduler(bridge),
        num_samples=-1,  # the bridge says when it is enough
        max_concurrent_trials=max_concurrent,
        reuse_actors=True,
        trial_dirname_creator=lambda trial: trial.trial_id,
    )


def _reason(trial: RayTrial) -> str:
    """Why a trial failed, in one line: the exception that was raised, not what Ray wrapped around it."""
    try:
        # Ray's own `get_error` looks where the file is copied to later
        text = Path(trial.error_file).read_text(encoding="utf-8", errors="replace")
    except (OSError, TypeError):
        return "its worker died"
    plain = re.sub(r"\x1b\[[0-9;]*m", "", text)
    latest = [line.strip() for line in plain.rpartition("Failure #")[2].splitlines()[1:] if line.strip()]
    if not latest:
        return "its worker died"
    raised = any(line.startswith(("Traceback", "ray::")) for line in latest)
    return (latest[-1] if raised else latest[0])[:500]
