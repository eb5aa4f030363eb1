"""`Trackers`: the loggers of a configuration as one callback of Ray Tune, and an observer of the bridge.

Ray Tune tells its callbacks neither which of its trials belong together nor how one ends: it knows no pause and no
pruning. The bridge does. None of this has consequences for a trial: whatever a tracker raises is noted once.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

from optuna.trial import FrozenTrial
from ray import tune
from ray.tune.experiment import Trial as RayTrial
from ray.tune.logger import LoggerCallback

from xoresnet.files.secrets import hidden
from xoresnet.search.execution.bridge import TrialBridge
from xoresnet.search.execution.failures import in_one_line
from xoresnet.search.execution.ray_plugin import Unsaved
from xoresnet.search.execution.trackers.feed import Feed
from xoresnet.search.execution.trackers.tracked import TrackedRun, figures_of, parameters_of
from xoresnet.search.loggers import LOGGERS, find_logger
from xoresnet.search.study.trials import TrialRecord

__all__ = ["Guarded", "Trackers"]

_CLOSE_SECONDS, _INTERRUPTED_SECONDS = 30.0, 5.0
"""How long a tracker may take to finish when a search has ended, and when it was interrupted."""
Note = Callable[[str, Exception], None]


class Trackers(Unsaved, tune.Callback):
    """Tells trackers of the trials of one bridge; to be closed when nothing more happens to them."""

    def __init__(self, bridge: TrialBridge, run: TrackedRun, loggers: Sequence[str]) -> None:
        """loggers: names and dotted paths, which were checked. Raises `UsageError` for a path that leads nowhere."""
        self.bridge = bridge
        self._noted: set[tuple[str, type[Exception]]] = set()
        self._feeds: list[Feed] = []
        self._others: list[tune.Callback] = []
        for name in loggers:
            if name in LOGGERS:
                self._feeds.append(Feed(name, partial(_tracker, name, run), run))
                continue
            callback, last = find_logger(name), name.rpartition(".")[2]
            if isinstance(callback, LoggerCallback):
                self._feeds.append(Feed(last, partial(_same, callback), run))
            else:
                self._others.append(Guarded(callback, last, self._note))
        if self._feeds:
            bridge.observers.append(self._left)

    @property
    def callbacks(self) -> list[tune.Callback]:
        """For Ray Tune; none where there are no loggers. Users' own come first, because they may change results."""
        return [*self._others, self] if self._feeds else list(self._others)

    def on_trial_start(self, iteration: int, trials: list[RayTrial], trial: RayTrial, **info: Any) -> None:
        live = self.bridge.live.get(trial.trial_id)
        if live is None:
            return
        self._collect()
        record = TrialRecord.of(live.trial)
        with _Noting(self._note):
            parameters, epochs = parameters_of(record), _epochs_of(record)
            for feed in self._feeds:
                feed.start(record.number, parameters, trial, epochs)

    def on_trial_result(
        self, iteration: int, trials: list[RayTrial], trial: RayTrial, result: dict[str, Any], **info: Any
    ) -> None:
        """The bridge has the report already; one that it did not accept is not in `metrics`."""
        live = self.bridge.live.get(trial.trial_id)
        if live is None or not live.metrics:
            return
        self._collect()
        for feed in self._feeds:
            feed.log(live.trial.number, {live.epoch: figures_of(live.metrics)})

    def close(self, *, interrupted: bool = False) -> None:
        """Let the trackers finish, for a while only."""
        seconds = _INTERRUPTED_SECONDS if interrupted else _CLOSE_SECONDS
        status = "FAILED" if self.bridge.failed else "FINISHED" if self.bridge.ended else "KILLED"
        deadline = time.monotonic() + seconds
        for feed in self._feeds:
            feed.end(status)
        for feed in self._feeds:
            if not feed.has_ended(deadline - time.monotonic()):
                self._add(
                    f"the logger {feed.name} did not take everything within {seconds:g} s, and lacks the last epochs "
                    "of some trials"
                )
        self._collect()

    def _left(self, frozen: FrozenTrial) -> None:
        """A trial has paused or ended."""
        record = TrialRecord(frozen)
        if not record.has_own_network:
            return
        with _Noting(self._note):
            parameters, epochs = parameters_of(record), _epochs_of(record)
            for feed in self._feeds:
                feed.leave(record.number, parameters, epochs, record.state_name, record.failure or "")

    def _collect(self) -> None:
        for feed in self._feeds:
            while not feed.faults.empty():
                self._note(feed.name, feed.faults.get())

    def _note(self, name: str, error: Exception) -> None:
        """Add what a logger has raised to the bridge's errors, once for each kind of error."""
        if (name, type(error)) not in self._noted:
            self._noted.add((name, type(error)))
            what = f"{type(error).__name__}: {hidden(in_one_line(str(error)))}".rstrip(": ")
            self._add(f"the logger {name} raised {what}; the trials went on")

    def _add(self, text: str) -> None:
        if text not in self.bridge.errors:
            self.bridge.errors.append(text)


class _Noting:
    """Notes an exception of the block, which has no other consequence."""

    def __init__(self, note: Note) -> None:
        self._note = note

    def __enter__(self) -> None:
        pass

    def __exit__(self, kind: object, error: BaseException | None, trace: object) -> bool:
        if isinstance(error, Exception):
            self._note("loggers", error)
        return isinstance(error, Exception)


def _forwarded(hook: str) -> Callable[..., None]:
    """A hook that calls the one of the user's callback."""

    def forward(self: Guarded, *arguments: Any, **info: Any) -> None:
        try:
            getattr(self._callback, hook)(*arguments, **info)
        except Exception as error:  # it would end Ray's experiment
            self._note(self._name, error)

    return forward


class Guarded(Unsaved, tune.Callback):
    """A user's callback, whose exceptions have no consequences. It sees the trials of Ray Tune as they are."""

    def __init__(self, callback: tune.Callback, name: str, note: Note) -> None:
        self._callback, self._name, self._note = callback, name, note

    setup = _forwarded("setup")
    on_step_begin = _forwarded("on_step_begin")
    on_step_end = _forwarded("on_step_end")
    on_trial_start = _forwarded("on_trial_start")
    on_trial_restore = _forwarded("on_trial_restore")
    on_trial_save = _forwarded("on_trial_save")
    on_trial_result = _forwarded("on_trial_result")
    on_trial_complete = _forwarded("on_trial_complete")
    on_trial_recover = _forwarded("on_trial_recover")
    on_trial_error = _forwarded("on_trial_error")
    on_checkpoint = _forwarded("on_checkpoint")
    on_experiment_end = _forwarded("on_experiment_end")


def _epochs_of(record: TrialRecord) -> dict[int, dict[str, float]]:
    """The figures of all epochs that the study has of a trial."""
    return {step: figures_of(metrics) for step, metrics in record.metrics.items() if metrics}


def _same(callback: LoggerCallback) -> LoggerCallback:
    return callback


def _tracker(name: str, run: TrackedRun) -> LoggerCallback:
    """The tracker of one of `LOGGERS`. Imports its package."""
    if name == "tensorboard":
        from xoresnet.search.execution.trackers.tensorboard import TensorBoardTracker

        return TensorBoardTracker()
    if name == "mlflow":
        from xoresnet.search.execution.trackers.mlflow import MlflowTracker

        return MlflowTracker(run)
    from xoresnet.search.execution.trackers.wandb import WandbTracker

    return WandbTracker(run)
