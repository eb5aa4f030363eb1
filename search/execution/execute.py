"""Running the trials of a bridge on Ray until none is left or the search is interrupted."""

from __future__ import annotations

import signal
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import optuna
import pandas as pd
from ray import tune

from xoresnet.results.run import Run, load
from xoresnet.search.config import SearchConfig
from xoresnet.search.execution.bridge import TrialBridge
from xoresnet.search.execution.cluster.gpu_shares import GpuShares
from xoresnet.search.execution.cluster.more_nodes import MoreNodes
from xoresnet.search.execution.cluster.node_watch import NodesReplacedError, NodeWatch
from xoresnet.search.execution.cluster.packing import measure_packing
from xoresnet.search.execution.lifeline import Lifeline
from xoresnet.search.execution.ray_plugin import Unsaved, Watchdog, guarded, run_trials, tune_config
from xoresnet.search.execution.workplace import Workplace
from xoresnet.search.folders.disk_space import DiskSpace
from xoresnet.search.study.databases.database import DatabaseStorage

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
    notices: tuple[str, ...] = ()
    """What else the user should know, such as nodes that have left, in sentences."""
    is_lost: bool = False
    """Whether it ended because Ray or the run's folder was lost; `ended` says which."""
    is_folder_gone: bool = False
    """Whether the folder is no longer where it was."""

    @property
    def run(self) -> Run:
        """The run as `xoresnet.results.load` reads it, to go on with: `outcome.run.plot.front()`. Raises `RunError`."""
        return load(self.folder)

    @property
    def front(self) -> pd.DataFrame:
        """The front of the search, the same frame as `outcome.run.front`. Raises `RunError`."""
        return self.run.front


def execute(
    bridge: TrialBridge,
    trainable: Callable[[dict[str, Any]], None],
    config: SearchConfig,
    on_step: Callable[[], None],
    workplace: Workplace,
    trackers: Sequence[tune.Callback] = (),
) -> Outcome:
    """Run the trials of a bridge, each with the resources and limits of the configuration.

    on_step: called before the first trial and several times a second; its exceptions are only noted. trackers: further
    callbacks, which must raise nothing.
    Raises `UsageError` for a malformed address, `ClusterError` for an address without a cluster and for trials that fit
    on no machine, and KeyboardInterrupt while Ray starts.
    """
    lifeline = workplace.lifeline
    bridge.disk = DiskSpace(lifeline.folder)
    bridge.runs_out_of_disk()  # before anything is started
    steps = _Steps(bridge, on_step, lifeline)
    steps.on_step_end(0, [])  # which may already end it, for lack of time
    if bridge.ended or lifeline.signal or lifeline.lost:
        return outcome(bridge, lifeline)
    workplace.open()
    with (
        tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as scratch,
        suppress(KeyboardInterrupt),  # Ray catches interruptions, except at a few moments
        lifeline.watching(),
    ):
        _run(bridge, trainable, config, steps, workplace, scratch, trackers)
    if not lifeline.lost:
        bridge.end_done()
    return outcome(bridge, lifeline)


def _run(
    bridge: TrialBridge,
    trainable: Callable[[dict[str, Any]], None],
    config: SearchConfig,
    steps: tune.Callback,
    workplace: Workplace,
    scratch: str,
    trackers: Sequence[tune.Callback],
) -> None:
    """Find where trials can run, and run them. scratch: a folder for Ray."""
    lifeline, places = workplace.lifeline, workplace.find_places()
    bridge.errors += [fault for fault in places.faults if fault not in bridge.errors]
    measure_packing(bridge, config, places, workplace.data)
    shares = GpuShares(config, bridge)
    watch = NodeWatch(bridge, places, lifeline, MoreNodes(config, places))
    callbacks: list[tune.Callback] = [steps, watch, *trackers]
    if config.trial_seconds is not None:
        callbacks.append(Watchdog(bridge, config.trial_seconds))

    def make_tuner(max_concurrent: int) -> tune.Tuner:
        places.begin(shares)
        return tune.Tuner(
            trainable,
            tune_config=tune_config(
                bridge,
                max_concurrent=lambda: min(max_concurrent, places.slots),
                request=places.request,
                loss_of=watch.loss_of,
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
        notices=tuple(bridge.notices),
        is_lost=bool(lost),
        is_folder_gone=lifeline.is_folder_gone,
    )


class _Steps(Unsaved, tune.Callback):
    def __init__(self, bridge: TrialBridge, on_step: Callable[[], None], lifeline: Lifeline) -> None:
        self.bridge, self._on_step, self._lifeline = bridge, on_step, lifeline
        self._looked = time.monotonic()
        storage = bridge.study._storage
        self._database = storage if isinstance(storage, DatabaseStorage) else None
        self._waited = 0.0
        if self._database is not None:
            self._database.gives_up = lambda: bool(lifeline.signal or lifeline.lost)
            self._waited = self._database.waited

    @guarded(otherwise=None)
    def on_step_end(self, iteration: int, trials: list[Any], **info: Any) -> None:
        if self._database is not None:
            self._look_at(self._database)
        if time.monotonic() - self._looked > _LOOK_AT_DISK:
            self._looked = time.monotonic()
            self.bridge.runs_out_of_disk()
        try:
            self._on_step()
        except Exception as error:
            self.bridge.note("on_step", error)

    def _look_at(self, database: DatabaseStorage) -> None:
        """Say how long the database was away, which no trial is blamed for, and end the search if it is lost."""
        if database.lost and not self._lifeline.lost:
            self._lifeline.lose(database.lost)
        while database.notices:
            self.bridge.say(database.notices.pop(0))
        waited, self._waited = database.waited - self._waited, database.waited
        for live in self.bridge.live.values():
            if waited and live.started is not None:
                live.started = min(live.started + waited, time.monotonic())
