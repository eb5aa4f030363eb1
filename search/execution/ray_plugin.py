"""Ray Tune's side of a `TrialBridge`: a searcher, a scheduler and a watchdog around one study.

    bridge = TrialBridge(study, space, objectives, budget=100, max_step=27)

    def make_tuner(max_concurrent):
        return tune.Tuner(trainable, tune_config=tune_config(bridge, max_concurrent=max_concurrent))

    run_trials(bridge, make_tuner, max_concurrent=4)

Ray tells a searcher neither that a scheduler stopped a trial nor why a trial failed, so both share the bridge. Nothing
that a trial does can raise here: exceptions in hooks are collected in the bridge's `errors`.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from functools import wraps
from pathlib import Path
from typing import Any, ParamSpec, TypeVar, cast

import ray
from ray import tune
from ray.tune import PlacementGroupFactory as ResourceRequest
from ray.tune.experiment import Trial as RayTrial
from ray.tune.schedulers import FIFOScheduler
from ray.tune.search import Searcher

from xoresnet.search.execution.bridge import TrialBridge, Verdict
from xoresnet.search.execution.failures import WORKER_DIED, in_one_line, reason_of
from xoresnet.search.execution.forgetting import forget_ended

__all__ = ["BridgeScheduler", "BridgeSearcher", "Unsaved", "Watchdog", "guarded", "run_trials", "tune_config"]

_RAY_OWN = frozenset(
    {
        "date",
        "done",
        "iterations_since_restore",
        "should_checkpoint",
        "time_since_restore",
        "time_this_iter_s",
        "time_total_s",
        "training_iteration",
        "trial_id",
    }
)
"""What Ray adds to each report and nothing here uses; its time, host and process id are kept."""
P = ParamSpec("P")
T = TypeVar("T")


def guarded(otherwise: T) -> Callable[[Callable[P, T]], Callable[P, T]]:
    """Decorate a hook: an exception would end Ray's whole experiment, so it is noted and `otherwise` is returned."""

    def decorate(hook: Callable[P, T]) -> Callable[P, T]:
        @wraps(hook)
        def guarded(*args: P.args, **kwargs: P.kwargs) -> T:
            try:
                return hook(*args, **kwargs)
            except Exception as error:  # a user's space, metric, sampler or pruner may raise anything
                args[0].bridge.hook_failed(hook.__name__, error)  # type: ignore[attr-defined]
                return otherwise

        return guarded

    return decorate


class Unsaved:
    """Pickles as nothing: Ray would restore searchers and schedulers, but a search is continued from its study."""

    def __getstate__(self) -> dict[str, Any]:
        return {}


class BridgeSearcher(Unsaved, Searcher):
    """Ray Tune's searcher: asks the bridge for trials and tells it when they end."""

    def __init__(self, bridge: TrialBridge, at_once: Callable[[], int] | None = None) -> None:
        """at_once: how many trials may run at the moment; without it, as many as Ray lets run."""
        super().__init__()
        self.bridge, self._at_once = bridge, at_once

    def set_search_properties(self, metric: Any, mode: Any, config: dict[str, Any], **spec: Any) -> bool:
        return True

    @guarded(otherwise=cast("dict[str, Any] | str | None", None))
    def suggest(self, trial_id: str) -> dict[str, Any] | str | None:  # type: ignore[override] # FINISHED is a text
        if self._at_once is not None and len(self.bridge.live) >= self._at_once():
            return None
        config = self.bridge.next_config(trial_id)
        return Searcher.FINISHED if config is None and self.bridge.ended else config

    @guarded(otherwise=None)
    def on_trial_complete(self, trial_id: str, result: dict[str, Any] | None = None, error: bool = False) -> None:
        self.bridge.on_end(trial_id, WORKER_DIED if error else "")

    def save(self, checkpoint_path: str) -> None:
        """Nothing: the study holds everything."""

    def restore(self, checkpoint_path: str) -> None:
        """Nothing: the study holds everything."""


class BridgeScheduler(Unsaved, FIFOScheduler):
    """Ray Tune's scheduler: passes reports to the bridge and its verdicts to Ray."""

    def __init__(
        self,
        bridge: TrialBridge,
        request: Callable[[RayTrial], ResourceRequest] | None = None,
        loss_of: Callable[[RayTrial, str], str] = lambda trial, error_text: "",
    ) -> None:
        """request: what the next trial asks for and where; None for what the trainable asks for, anywhere. loss_of:
        what took its node from a trial, by the trial and the error that Ray wrote of it; empty if nothing did.
        """
        super().__init__()  # type: ignore[no-untyped-call]
        self.bridge, self._request, self._loss_of = bridge, request, loss_of

    @guarded(otherwise=None)
    def on_trial_add(self, tune_controller: Any, trial: RayTrial) -> None:
        if self._request is None:
            return
        request = self._request(trial)
        trial.update_resources(request)
        live = self.bridge.live.get(trial.trial_id)
        if live is not None:
            live.gpus = float(request.required_resources.get("GPU", 0.0))

    def set_search_properties(self, metric: str | None, mode: str | None, **spec: Any) -> bool:
        return True

    def on_trial_result(self, tune_controller: Any, trial: RayTrial, result: dict[str, Any]) -> str:
        try:
            verdict = self.bridge.on_report(trial.trial_id, _reported(result))
        except Exception as error:  # a pruner or a storage; a trial that is stopped here must not count as complete
            self.bridge.hook_failed("on_trial_result", error)
            self.bridge.fail(trial.trial_id, f"{type(error).__name__}: {error}")
            verdict = Verdict.STOP
        return str(FIFOScheduler.STOP if verdict is Verdict.STOP else FIFOScheduler.CONTINUE)

    @guarded(otherwise=None)
    def on_trial_complete(self, tune_controller: Any, trial: RayTrial, result: dict[str, Any]) -> None:
        forget_ended(tune_controller)

    @guarded(otherwise=None)
    def on_trial_error(self, tune_controller: Any, trial: RayTrial) -> None:
        error_text = _error_text(trial)  # the searcher is told next, but not the reason
        loss = self._loss_of(trial, error_text)
        if loss:
            self.bridge.lose_node(trial.trial_id, loss)
        else:
            self.bridge.fail(trial.trial_id, reason_of(error_text))


class Watchdog(Unsaved, tune.Callback):
    """Kills the worker of a trial that takes too long; Ray's own limits act on reports, which a hung trial never makes.

    seconds: the limit for one trial, counted from the start of its worker.
    """

    def __init__(self, bridge: TrialBridge, seconds: float) -> None:
        self.bridge, self._limit = bridge, seconds

    @guarded(otherwise=None)
    def on_trial_start(self, iteration: int, trials: list[RayTrial], trial: RayTrial, **info: Any) -> None:
        live = self.bridge.live.get(trial.trial_id)
        if live is not None:
            live.started = time.monotonic()

    @guarded(otherwise=None)
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


def tune_config(
    bridge: TrialBridge,
    *,
    max_concurrent: int | Callable[[], int],
    request: Callable[[RayTrial], ResourceRequest] | None = None,
    loss_of: Callable[[RayTrial, str], str] = lambda trial, error_text: "",
) -> tune.TuneConfig:
    """The configuration with which `tune.Tuner` runs the trials of a bridge.

    max_concurrent: how many trials run at once at most; a function, which returns at least 1, where that may change.
    request: called for each trial of Ray's; what it asks for and where, in place of the trainable's own resources.
    loss_of: as in `BridgeScheduler`.
    """
    return tune.TuneConfig(
        search_alg=BridgeSearcher(bridge, None if isinstance(max_concurrent, int) else max_concurrent),
        scheduler=BridgeScheduler(bridge, request, loss_of),
        num_samples=-1,  # the bridge ends the search
        # without a number, Ray starts one trial after the other
        max_concurrent_trials=max_concurrent if isinstance(max_concurrent, int) else sys.maxsize,
        reuse_actors=True,
        trial_dirname_creator=lambda trial: trial.trial_id,
    )


def run_trials(
    bridge: TrialBridge,
    make_tuner: Callable[[int], tune.Tuner],
    max_concurrent: int,
    at_once: Callable[[], int] | None = None,
    is_over: Callable[[], bool] = lambda: False,
    begins_anew: Callable[[BaseException], bool] = lambda error: False,
) -> None:
    """Run the trials of a bridge; make_tuner is called with the number of trials to run at once.

    Ray Tune (2.60) ends the experiment on errors that it does not know, such as workers that Ray kills when memory runs
    out. Another tuner then continues with the trials that were running, half as many at once; if only one was running,
    it counts as failed. A full disk ends the search instead. at_once: how many trials run at the moment, if that may be
    fewer than max_concurrent. is_over: whether nothing may run any more, as when Ray
    itself is lost; what Ray raises then has no consequences. begins_anew: whether an error only means that all trials
    are to be asked for again. Raises what Ray raised if no trial was running.
    """
    while not is_over():
        try:
            make_tuner(max_concurrent).fit()
            return
        except Exception as error:
            if bridge.runs_out_of_disk(error):  # Ray then fails in many ways, and says so in few
                bridge.start_over("", failed=False)
                return
            if is_over():
                return
            if begins_anew(error.__cause__ or error):
                bridge.start_over("", failed=False)
                continue
            if not bridge.live:
                raise
            reason = in_one_line(str(error.__cause__ or error)).partition(". ")[0]
        running = max_concurrent if at_once is None else min(max_concurrent, at_once())
        alone = running == 1
        max_concurrent = max(1, running // 2)
        bridge.start_over(reason, failed=alone)
        bridge.errors.append(f"{reason}; the search continued with at most {max_concurrent} at once")


def _reported(result: dict[str, Any]) -> dict[str, Any]:
    """The metrics that the trainable reported, with the time and place that Ray adds."""
    return {name: value for name, value in result.items() if name not in _RAY_OWN and not name.startswith("config/")}


def _error_text(trial: RayTrial) -> str:
    """What Ray wrote of a trial's errors, the last one at the end; empty where it wrote nothing."""
    try:
        # not Ray's `get_error`, which looks where the file is copied later
        return Path(trial.error_file).read_text(encoding="utf-8", errors="replace")
    except (OSError, TypeError):
        return ""
