"""Running the trials of a bridge on Ray until none is left or the search is interrupted."""

from __future__ import annotations

import signal
import sys
import tempfile
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import optuna
from ray import tune

from xoresnet.search.config import SearchConfig
from xoresnet.search.execution.bridge import TrialBridge
from xoresnet.search.execution.lifeline import Lifeline
from xoresnet.search.execution.places import NodesReplacedError, NodeWatch
from xoresnet.search.execution.ray_plugin import Unsaved, Watchdog, guarded, run_trials, tune_config
from xoresnet.search.execution.workplace import Workplace
from xoresnet.search.folders.disk_space import DiskSpace

__all__ = ["Outcome", "execute", "outcome"]

_LOOK_AT_DISK = 2.0
"""Seconds between two looks at the free space."""


@dataclass(frozen=True)
class Outcome:
    """The result of a search or a confirmation."""

    folder: Path
    """The run's."""
    study: optuna.Study
    ended: str
    """Why no further trials were started; empty after an interruption."""
    failed: bool
    """Whether failures ended it."""
    interrupted: int
    """The number of the signal that interrupted it; 0 if it was not interrupted."""
    errors: tuple[str, ...]
    """Errors outside of trials, such as a sampler that raised; they did not end the search."""
    is_lost: bool = False
    """Whether it ended because Ray or the run's folder was lost; `ended` says which."""
    is_folder_gone: bool = False
    """Whether the folder is no longer where it was."""


def execute(
    bridge: TrialBridge,
    trainable: Callable[[dict[str, Any]], None],
    config: SearchConfig,
    on_step: Callable[[], None],
    workplace: Workplace,
) -> Outcome:
    """Run the trials of a bridge, each with the resources and limits of the configuration.

    on_step: called before the first trial and several times a second; its exceptions are only noted.
    Raises `UsageError` for a malformed address, `ClusterError` for an address without a cluster and for trials that fit
    on no machine, and KeyboardInterrupt while Ray starts.
    """
    lifeline = workplace.lifeline
    bridge.disk = DiskSpace(lifeline.folder)
    bridge.runs_out_of_disk()  # before anything is started
    steps = _Steps(bridge, on_step)
    steps.on_step_end(0, [])  # which may already end it, for lack of time
    if bridge.ended or lifeline.signal or lifeline.lost:
        return outcome(bridge, lifeline)
    workplace.open()
    with (
        tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as scratch,
        suppress(KeyboardInterrupt),  # Ray catches interruptions, except at a few moments
        lifeline.watching(),
    ):
        places = workplace.find_places()
        bridge.errors += [fault for fault in places.faults if fault not in bridge.errors]
        callbacks: list[tune.Callback] = [steps, NodeWatch(bridge, places, lifeline)]
        if config.trial_seconds is not None:
            callbacks.append(Watchdog(bridge, config.trial_seconds))

        def make_tuner(max_concurrent: int) -> tune.Tuner:
            places.begin()
            return tune.Tuner(
                trainable,
                tune_config=tune_config(
                    bridge, max_concurrent=lambda: min(max_concurrent, places.slots), request=places.request
                ),
                run_config=tune.RunConfig(
                    name="trials", storage_path=scratch, verbose=0, callbacks=callbacks, log_to_file=False
                ),
            )

        run_trials(
            bridge,
            make_tuner,
            sys.maxsize,
            at_once=lambda: places.slots,
            is_over=lambda: bool(lifeline.lost or lifeline.signal),
            begins_anew=lambda error: isinstance(error, NodesReplacedError),
        )
    if not lifeline.lost:
        bridge.end_done()
    return outcome(bridge, lifeline)


def outcome(bridge: TrialBridge, lifeline: Lifeline) -> Outcome:
    """The outcome of a bridge in its present state."""
    lost, is_done = lifeline.lost, bool(bridge.ended) and not bridge.live
    return Outcome(
        folder=lifeline.folder,
        study=bridge.study,
        ended=lost or bridge.ended,
        failed=bool(lost) or bridge.failed,
        interrupted=0 if lost or is_done else lifeline.signal or signal.SIGINT,
        errors=tuple(bridge.errors),
        is_lost=bool(lost),
        is_folder_gone=lifeline.is_folder_gone,
    )


class _Steps(Unsaved, tune.Callback):
    def __init__(self, bridge: TrialBridge, on_step: Callable[[], None]) -> None:
        self.bridge, self._on_step = bridge, on_step
        self._looked = time.monotonic()

    @guarded(otherwise=None)
    def on_step_end(self, iteration: int, trials: list[Any], **info: Any) -> None:
        if time.monotonic() - self._looked > _LOOK_AT_DISK:
            self._looked = time.monotonic()
            self.bridge.runs_out_of_disk()
        try:
            self._on_step()
        except Exception as error:
            self.bridge.note("on_step", error)
