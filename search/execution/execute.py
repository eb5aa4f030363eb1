"""Running the trials of a bridge on Ray until none is left or the search is interrupted."""

from __future__ import annotations

import shutil
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
from xoresnet.search.execution.cluster import ray_session, resources, slots
from xoresnet.search.execution.ray_plugin import Unsaved, Watchdog, guarded, run_trials, tune_config
from xoresnet.search.folders.disk_space import DiskSpace
from xoresnet.search.interrupts import termination_interrupts

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


def execute(
    bridge: TrialBridge,
    trainable: Callable[[dict[str, Any]], None],
    config: SearchConfig,
    folder: Path,
    on_step: Callable[[], None],
) -> Outcome:
    """Run the trials of a bridge, each with the resources and limits of the configuration.

    folder: the run's, which all nodes must see. on_step: called before the first trial and several times a second; its
    exceptions are only noted.
    Raises `UsageError` for a malformed address, and `ClusterError` for an address without a cluster and for trials that
    fit on no machine.
    """
    bridge.disk = DiskSpace(folder)
    bridge.runs_out_of_disk()  # before anything is started
    steps = _Steps(bridge, on_step)
    steps.on_step_end(0, [])  # which may already end it, for lack of time
    if bridge.ended:
        return outcome(bridge, folder)
    scratch = folder / "ray"  # Ray requires a place that all nodes see; nothing in it is read again
    callbacks: list[tune.Callback] = [steps]
    if config.trial_seconds is not None:
        callbacks.append(Watchdog(bridge, config.trial_seconds))

    def make_tuner(max_concurrent: int) -> tune.Tuner:
        shutil.rmtree(scratch, ignore_errors=True)
        return tune.Tuner(
            tune.with_resources(trainable, resources(config)),
            tune_config=tune_config(bridge, max_concurrent=max_concurrent),
            run_config=tune.RunConfig(
                name=scratch.name, storage_path=str(scratch.parent), verbose=0, callbacks=callbacks, log_to_file=False
            ),
        )

    # Ray has a handler of its own for SIGTERM
    with ray_session(config.address), termination_interrupts() as stopped:
        with suppress(KeyboardInterrupt):  # Ray catches it and returns, except at a few moments
            run_trials(bridge, make_tuner, slots(config))
        shutil.rmtree(scratch, ignore_errors=True)
    bridge.end_done()
    interrupted = bridge.live or not bridge.ended
    return outcome(bridge, folder, stopped.by if interrupted else 0)


def outcome(bridge: TrialBridge, folder: Path, interrupted: int = 0) -> Outcome:
    """The outcome of a bridge in its present state."""
    return Outcome(folder, bridge.study, bridge.ended, bridge.failed, interrupted, tuple(bridge.errors))


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
