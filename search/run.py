"""`run_search`: a search from its configuration to its front, as often interrupted as one likes."""

from __future__ import annotations

import json
import logging
import os
import shutil
import signal
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import FrameType
from typing import Any

import optuna
import ray
from optuna.trial import FrozenTrial, TrialState
from ray import tune

from xoresnet.data import DATASETS
from xoresnet.recipe import Recipe
from xoresnet.search.bridge import TrialBridge
from xoresnet.search.config import SearchConfig
from xoresnet.search.errors import CommandError
from xoresnet.search.proposals import ARCH_ID, ArchProposals
from xoresnet.search.ray_plugin import Unsaved, Watchdog, tune_config
from xoresnet.search.run_folder import RunFolder
from xoresnet.search.study import open_study
from xoresnet.search.trainable import CHECKPOINT, train_trial
from xoresnet.space.baselines import baselines

__all__ = ["Outcome", "SearchRun", "full_recipe", "run_search"]

_QUIET = {
    "RAY_AIR_NEW_OUTPUT": "0",
    "RAY_AUTH_MODE": "disabled",
    "RAY_DEDUP_LOGS": "0",
    "TUNE_DISABLE_AUTO_CALLBACK_LOGGERS": "1",
    "TUNE_DISABLE_STRICT_METRIC_CHECKING": "1",
    "TUNE_GLOBAL_CHECKPOINT_S": "1000000",  # the study is what a search goes on from
    "TUNE_WARN_EXCESSIVE_EXPERIMENT_CHECKPOINT_SYNC_THRESHOLD_S": "0",
}


@dataclass(frozen=True)
class Outcome:
    """How a search ended."""

    folder: Path
    study: optuna.Study
    ended: str
    """Why no further trials were begun."""
    interrupted: int
    """The signal that ended it; 0 where it ended by itself."""
    errors: tuple[str, ...]


class SearchRun:
    """A search that has its folder and its study, ready to go."""

    def __init__(self, config: SearchConfig, folder: RunFolder) -> None:
        self.config, self.folder = config, folder
        self.space = config.search_space
        self.recipe = full_recipe(config)
        self.study = open_study(config, folder.path, name=folder.path.name, epochs=self.recipe.epochs)
        self.bridge = self._bridge()
        self.began = time.monotonic()

    def run(self, on_step: Callable[[SearchRun], None] | None = None) -> Outcome:
        """Search until the budget is spent; on_step is called several times a second."""
        received = 0
        if not self._nothing_to_do():
            with _ray(self.config), _termination_stops() as stopped:  # Ray has a handler of its own for SIGTERM
                self._fit(on_step)
                if not self.bridge.ended:  # Ray catches SIGINT and returns
                    received = stopped.by or signal.SIGINT
        return Outcome(self.folder.path, self.study, self.bridge.ended, received, tuple(self.bridge.errors))

    def _fit(self, on_step: Callable[[SearchRun], None] | None) -> None:
        callbacks: list[tune.Callback] = [_Steps(self, on_step)]
        if self.config.trial_seconds is not None:
            callbacks.append(Watchdog(self.bridge, self.config.trial_seconds))
        scratch = self.folder.path / "ray"  # Ray wants a place that all nodes see; nothing in it is ever read again
        shutil.rmtree(scratch, ignore_errors=True)
        tuner = tune.Tuner(
            tune.with_resources(train_trial, _resources(self.config)),
            tune_config=tune_config(self.bridge, max_concurrent=_slots(self.config)),
            run_config=tune.RunConfig(
                name=scratch.name, storage_path=str(scratch.parent), verbose=0, callbacks=callbacks, log_to_file=False
            ),
        )
        tuner.fit()
        shutil.rmtree(scratch, ignore_errors=True)

    def _bridge(self) -> TrialBridge:
        config = self.config
        common = {
            "data": json.dumps(config.data.model_dump(mode="json")),
            "threads": config.cpus_per_trial,
        }
        proposals = _Placed(
            self.study, self.space, self.recipe, seed=config.seed, common=common, ask_sampler=config.sampler != "grid"
        )
        proposals.folder = self.folder
        if config.baselines and not self.study.get_trials(deepcopy=False):
            proposals.enqueue(baselines(self.space))
        bridge = TrialBridge(
            self.study, proposals, config.objectives,
            trials=config.trials, max_step=self.recipe.epochs, retries=config.retries,
        )  # fmt: skip
        bridge.observers.append(self._tidy)
        return bridge

    def _tidy(self, trial: FrozenTrial) -> None:
        """A trial that has ended needs no checkpoint; weights are kept of those that are complete."""
        folder = self.folder.trial(trial.number, trial.user_attrs[ARCH_ID])
        (folder / CHECKPOINT).unlink(missing_ok=True)
        if trial.state != TrialState.COMPLETE:
            shutil.rmtree(folder, ignore_errors=True)

    def _nothing_to_do(self) -> bool:
        if self.bridge.finished < self.config.trials:
            return False
        self.bridge.ended = f"{self.bridge.finished} trials are finished"
        return True


class _Placed(ArchProposals):
    """Each trial with a folder of its own."""

    folder: RunFolder

    def config(self, trial: optuna.Trial) -> dict[str, Any]:
        config = super().config(trial)
        arch_id = trial.user_attrs[ARCH_ID]
        folder = self.folder.trial(trial.number, arch_id)
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "arch.json").write_text(json.dumps(json.loads(config["arch"]), indent=2) + "\n", encoding="utf-8")
        return {**config, "folder": str(folder)}


class _Steps(Unsaved, tune.Callback):
    """Looks up several times a second: at the clock, and to let others look."""

    def __init__(self, run: SearchRun, on_step: Callable[[SearchRun], None] | None) -> None:
        self._run, self._on_step = run, on_step

    def on_step_end(self, iteration: int, trials: list[Any], **info: Any) -> None:
        budget = self._run.config.time_budget
        if budget is not None and time.monotonic() - self._run.began > budget and not self._run.bridge.ended:
            self._run.bridge.ended = f"{budget:g} s have passed"
        if self._on_step is not None:
            self._on_step(self._run)


@dataclass
class _Stopped:
    by: int = 0


@contextmanager
def _termination_stops() -> Iterator[_Stopped]:
    """SIGTERM does what SIGINT does: Ray stops, and the study has as RUNNING what is to be gone on with."""
    found = _Stopped()

    def note(number: int, frame: FrameType | None) -> None:
        found.by = number
        signal.raise_signal(signal.SIGINT)

    before = signal.signal(signal.SIGTERM, note)
    try:
        yield found
    finally:
        signal.signal(signal.SIGTERM, before)


@contextmanager
def _ray(config: SearchConfig) -> Iterator[None]:
    """Ray, started for this search unless the caller has started it."""
    for name, value in _QUIET.items():
        os.environ.setdefault(name, value)
    if ray.is_initialized():
        yield
        return
    cwd = Path.cwd()
    with tempfile.TemporaryDirectory() as empty:
        os.chdir(
            empty
        )  # workers put the driver's working directory first on their path, and a user's random.py with it
        try:
            ray.init(address=config.address, include_dashboard=False, log_to_driver=False, logging_level=logging.ERROR)
        finally:
            os.chdir(cwd)
        try:
            yield
        finally:
            ray.shutdown()


def run_search(
    config: SearchConfig,
    run: str | Path,
    *,
    on_begin: Callable[[SearchRun], None] | None = None,
    on_step: Callable[[SearchRun], None] | None = None,
) -> Outcome:
    """Search, or go on with the search in this folder.

    on_begin: called once, before anything runs; on_step: several times a second. Raises `CommandError`, `SpecError`.
    """
    folder = RunFolder(Path(run))
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    with folder.opened(config):
        search = SearchRun(config, folder)
        if on_begin is not None:
            on_begin(search)
        return search.run(on_step)


def full_recipe(config: SearchConfig) -> Recipe:
    """With which a trial is trained, but for what the space varies. Raises `CommandError`, `SpecError`."""
    if config.data.name not in DATASETS:
        raise CommandError(f"there is no data set {config.data.name!r}: there are {', '.join(DATASETS)}", exit_code=2)
    epochs = {} if config.epochs is None else {"epochs": config.epochs}
    return DATASETS[config.data.name].recipe.replace(**{**config.recipe, **epochs, "seed": config.seed})


def _resources(config: SearchConfig) -> dict[str, float]:
    gpus = config.gpus_per_trial
    if gpus is None:
        gpus = 0.25 if _cluster().get("GPU") else 0.0
    return {"cpu": config.cpus_per_trial, **({"gpu": gpus} if gpus else {})}


def _cluster() -> dict[str, float]:
    found: dict[str, float] = ray.cluster_resources()  # type: ignore[no-untyped-call]
    return found


def _slots(config: SearchConfig) -> int:
    """How many trials fit at once."""
    wanted, there = _resources(config), _cluster()
    fit = min(int(there.get(name.upper(), 0) / amount + 1e-9) for name, amount in wanted.items())
    if fit < 1:
        needs = ", ".join(f"{amount:g} {name}" for name, amount in wanted.items())
        has = ", ".join(f"{there.get(name.upper(), 0):g} {name}" for name in wanted)
        raise CommandError(f"a trial needs {needs}, the machines have {has}")
    return min(fit, config.max_concurrent or fit)
