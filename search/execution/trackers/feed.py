"""`Feed`: hands the epochs of all trials to one tracker, in a thread of its own.

A tracker may wait for a server, or for a disk, as long as it likes: trials go on. What it raises is told to whoever
collects `faults`, and an epoch that it did not take is offered again with the next one of that trial.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from functools import partial
from queue import SimpleQueue
from typing import Any, Protocol

from ray.air.constants import TRAINING_ITERATION
from ray.tune.experiment import Trial as RayTrial
from ray.tune.logger import LoggerCallback

from xoresnet.search.execution.trackers.tracked import TrackedRun, TrackedTrial

__all__ = ["Feed", "Tracker"]

Epochs = Mapping[int, Mapping[str, float]]
"""Figures by epoch."""


class Tracker(Protocol):
    """What the trackers here add to Ray Tune's `LoggerCallback`."""

    def last_epoch(self, trial: TrackedTrial, recorded: int) -> int:
        """The last epoch that the tracker has of a trial, asked once the trial has been started; 0 without any.

        recorded: the last one that the study had when this process began with the trial.
        """

    def end(self, status: str) -> None:
        """The run is over; status: FINISHED, FAILED, or KILLED where it was interrupted."""

    def give_up(self) -> None:
        """The process does not wait for the tracker any longer."""


class Feed:
    """One tracker with its thread, which begins with the first trial."""

    def __init__(self, name: str, make: Callable[[], LoggerCallback], run: TrackedRun) -> None:
        """name: of the tracker, and of the folder for its files. make: called in the thread."""
        self.name, self._make, self._run = name, make, run
        self._events: SimpleQueue[Callable[[], None] | None] = SimpleQueue()
        self._thread: threading.Thread | None = None
        self.faults: SimpleQueue[Exception] = SimpleQueue()
        """What the tracker has raised, for the thread that runs the search."""
        # what follows belongs to the thread
        self._callback: Any = None
        self._trials: dict[int, TrackedTrial] = {}
        self._open: set[int] = set()
        self._last: dict[int, int] = {}
        self._recorded: dict[int, int] = {}
        self._waiting: dict[int, dict[int, Mapping[str, float]]] = {}

    def start(self, number: int, parameters: Mapping[str, Any], ray_trial: RayTrial | None, epochs: Epochs) -> None:
        """A trial begins or goes on; epochs: what the study has of it so far."""
        self._put(partial(self._start, number, parameters, ray_trial, epochs))

    def log(self, number: int, epochs: Epochs) -> None:
        """A trial has reported; an epoch that the tracker has already has no effect."""
        self._put(partial(self._log, number, epochs))

    def leave(self, number: int, parameters: Mapping[str, Any], epochs: Epochs, state: str, failure: str) -> None:
        """A trial has paused or ended, maybe one that has not run in this process."""
        self._put(partial(self._leave, number, parameters, epochs, state, failure))

    def end(self, status: str) -> None:
        """The run is over; nothing may be told any more."""
        if self._thread is not None:
            self._put(partial(self._end, status))
            self._events.put(None)

    def has_ended(self, seconds: float) -> bool:
        """Whether the tracker has taken everything, for which this process waits so many seconds at most."""
        if self._thread is None:
            return True
        self._thread.join(max(seconds, 0.0))
        if not self._thread.is_alive():
            return True
        if self._is_ours:
            self._callback.give_up()
        return False

    def _put(self, event: Callable[[], None]) -> None:
        self._events.put(event)
        if self._thread is None:
            self._thread = threading.Thread(target=self._work, name=f"tracker {self.name}", daemon=True)
            self._thread.start()

    def _work(self) -> None:
        while (event := self._events.get()) is not None:
            try:
                event()
            except Exception as error:  # a tracker may raise anything
                self.faults.put(error)

    def _start(self, number: int, parameters: Mapping[str, Any], ray_trial: RayTrial | None, epochs: Epochs) -> None:
        trial = self._trials.setdefault(number, TrackedTrial(self._run, self.name, number, parameters))
        trial.ray_trial, trial.state, trial.failure = ray_trial, "RUNNING", ""
        self._recorded.setdefault(number, max(epochs, default=0))
        self._log(number, epochs)

    def _log(self, number: int, epochs: Epochs) -> None:
        waiting = self._waiting.setdefault(number, {})
        waiting.update(epochs)
        self._begin(number)
        trial = self._trials[number]
        for epoch in sorted(waiting):
            if epoch > self._last[number]:
                self._callback.log_trial_result(epoch, trial, {**waiting[epoch], TRAINING_ITERATION: epoch})
                self._last[number] = epoch
            del waiting[epoch]

    @property
    def _is_ours(self) -> bool:
        """Whether it is a `Tracker`; a user's has no way to tell what it has."""
        return hasattr(self._callback, "last_epoch")

    def _begin(self, number: int) -> None:
        """Let the tracker start a trial, unless it has."""
        if number in self._open:
            return
        if self._callback is None:
            callback = self._make()
            callback.setup()
            self._callback = callback
        trial = self._trials[number]
        if not self._is_ours:
            trial.init_local_path()  # the folder of Ray's trials exists before a callback sees them
        self._callback.log_trial_start(trial)
        if number not in self._last:
            recorded = self._recorded[number]
            self._last[number] = self._callback.last_epoch(trial, recorded) if self._is_ours else recorded
        self._open.add(number)

    def _leave(self, number: int, parameters: Mapping[str, Any], epochs: Epochs, state: str, failure: str) -> None:
        if number not in self._trials:
            self._start(number, parameters, None, epochs)
        elif number in self._open or max(epochs, default=0) > self._last.get(number, 0):
            self._log(number, epochs)
        elif not self._is_ours:  # which was told that it is over when it paused
            return
        trial = self._trials[number]
        trial.state, trial.failure = state, failure
        self._open.discard(number)
        self._callback.log_trial_end(trial, failed=state == "FAIL")

    def _end(self, status: str) -> None:
        for number in sorted(self._open):
            try:
                self._leave(number, {}, {}, "RUNNING", "")
            except Exception as error:
                self.faults.put(error)
        if self._is_ours:
            self._callback.end(status)
        elif self._callback is not None:
            self._callback.on_experiment_end(trials=list(self._trials.values()))
