"""`run_search`: a search from its configuration to its front, as often interrupted as one likes."""

from __future__ import annotations

import json
import shutil
import signal
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from types import FrameType
from typing import Any

import optuna
from optuna.trial import FrozenTrial, TrialState
from ray import tune

from xoresnet.atomic import sweep
from xoresnet.search.attributes import ARCH_ID, RESCUES
from xoresnet.search.bridge import TrialBridge
from xoresnet.search.cluster import ray_session, resources, slots
from xoresnet.search.config import SearchConfig
from xoresnet.search.frames import FrameWriter
from xoresnet.search.plan import SearchPlan, plan_search
from xoresnet.search.proposals import ArchProposals
from xoresnet.search.ray_plugin import Unsaved, Watchdog, guarded, run_trials, tune_config
from xoresnet.search.rescue import near_front, rescued
from xoresnet.search.run_folder import RunFolder
from xoresnet.search.study import ENQUEUED, has_begun, open_study
from xoresnet.search.trainable import CHECKPOINT, WEIGHTS, train_trial

__all__ = ["Outcome", "SearchRun", "run_search"]


@dataclass(frozen=True)
class Outcome:
    """How a search ended."""

    folder: Path
    study: optuna.Study
    ended: str
    """Why no further trials were begun."""
    failed: bool
    """Whether that is because too much went wrong."""
    interrupted: int
    """The signal that ended it; 0 where it ended by itself."""
    errors: tuple[str, ...]


class SearchRun:
    """A search that has its folder and its study, ready to go."""

    def __init__(self, plan: SearchPlan, folder: RunFolder) -> None:
        self.plan, self.folder = plan, folder
        self.config, self.space, self.recipe = plan.config, plan.space, plan.recipe
        self.study = open_study(self.config, folder.path, self.recipe.epochs)
        self.bridge = self._bridge()
        self.frames = FrameWriter(self.study, self.config.objectives, folder.path)
        self.bridge.observers.append(lambda trial: self.write_tables(pause=0.0))
        self.began = time.monotonic()

    def run(self, on_step: Callable[[SearchRun], None] | None = None) -> Outcome:
        """Search until the budget is spent; on_step is called several times a second."""
        received = 0
        if not self._nothing_to_do():
            # Ray has a handler of its own for SIGTERM
            with ray_session(self.config.address), _termination_stops() as stopped:
                try:
                    self._fit(on_step)
                finally:
                    self.write_tables()
                if self.bridge.live or not self.bridge.ended:  # Ray catches SIGINT and returns
                    received = stopped.by or signal.SIGINT
        else:
            self.write_tables()
        bridge = self.bridge
        return Outcome(self.folder.path, self.study, bridge.ended, bridge.failed, received, tuple(bridge.errors))

    def write_tables(self, *, pause: float | None = None) -> None:
        """With a pause, now and then. A search goes on without them, since its study has it all."""
        try:
            if pause is None:
                self.frames.write()
            else:
                self.frames.write_now_and_then(pause)
        except Exception as error:
            self.bridge.note("tables", error)

    def _fit(self, on_step: Callable[[SearchRun], None] | None) -> None:
        callbacks: list[tune.Callback] = [_Steps(self, on_step)]
        if self.config.trial_seconds is not None:
            callbacks.append(Watchdog(self.bridge, self.config.trial_seconds))
        scratch = self.folder.path / "ray"  # Ray wants a place that all nodes see; nothing in it is ever read again

        def make_tuner(max_concurrent: int) -> tune.Tuner:
            shutil.rmtree(scratch, ignore_errors=True)
            return tune.Tuner(
                tune.with_resources(train_trial, resources(self.config)),
                tune_config=tune_config(self.bridge, max_concurrent=max_concurrent),
                run_config=tune.RunConfig(
                    name=scratch.name, storage_path=str(scratch.parent), verbose=0, callbacks=[*callbacks],
                    log_to_file=False,
                ),
            )  # fmt: skip

        run_trials(self.bridge, make_tuner, slots(self.config))
        shutil.rmtree(scratch, ignore_errors=True)

    def _bridge(self) -> TrialBridge:
        config = self.config
        common = {
            "data": json.dumps(config.data.model_dump(mode="json")),
            "threads": config.cpus_per_trial,
        }
        proposals = _Placed(
            self.study, self.space, self.recipe, seed=config.seed, common=common,
            ask_sampler=config.sampler != "grid", rescue=config.rescue,
        )  # fmt: skip
        proposals.folder = self.folder
        if ENQUEUED not in self.study.user_attrs:
            self._enqueue_known(proposals)
            self.study.set_user_attr(ENQUEUED, True)  # last: whoever dies before begins anew, and enqueues none twice
        bridge = TrialBridge(
            self.study, proposals, config.objectives,
            trials=config.trials, max_step=self.recipe.epochs, retries=config.retries,
        )  # fmt: skip
        bridge.observers.append(self._tidy)
        return bridge

    def _enqueue_known(self, proposals: ArchProposals) -> None:
        for name, arch, recipe in self.plan.earlier:
            proposals.enqueue(name, arch, recipe if self.space.recipe else None)
        for name, arch in self.plan.baselines.items():
            proposals.enqueue(name, arch)

    def _tidy(self, trial: FrozenTrial) -> None:
        """Keep weights of complete trials, and checkpoints of pruned ones that may be rescued."""
        if trial.state == TrialState.COMPLETE:
            if (self._folder_of(trial) / WEIGHTS).exists():
                (self._folder_of(trial) / CHECKPOINT).unlink(missing_ok=True)
            sweep(self._folder_of(trial))
        elif trial.state == TrialState.PRUNED and self.config.rescue:
            promising = near_front(self.study)
            for other in promising[self.config.rescue :]:
                shutil.rmtree(self._folder_of(other), ignore_errors=True)
        else:
            shutil.rmtree(self._folder_of(trial), ignore_errors=True)

    def _folder_of(self, trial: FrozenTrial) -> Path:
        return self.folder.trial(trial.number, trial.user_attrs[ARCH_ID])

    def _nothing_to_do(self) -> bool:
        to_rescue = rescued(self.study) < self.config.rescue and near_front(self.study)
        if self.bridge.finished < self.config.trials or self.bridge.interrupted or to_rescue:
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
        if RESCUES in trial.user_attrs:
            stopped = self.folder.trial(trial.user_attrs[RESCUES], arch_id)
            if (stopped / CHECKPOINT).exists():
                (stopped / CHECKPOINT).replace(folder / CHECKPOINT)
            shutil.rmtree(stopped, ignore_errors=True)
        return {**config, "folder": str(folder)}


class _Steps(Unsaved, tune.Callback):
    """Looks up several times a second: at the clock, to write tables, and to let others look."""

    def __init__(self, run: SearchRun, on_step: Callable[[SearchRun], None] | None) -> None:
        self.bridge = run.bridge
        self._run, self._on_step = run, on_step

    @guarded(otherwise=None)
    def on_step_end(self, iteration: int, trials: list[Any], **info: Any) -> None:
        budget = self._run.config.time_budget
        if budget is not None and time.monotonic() - self._run.began > budget and not self.bridge.ended:
            self.bridge.ended = f"{budget:g} s have passed"
        self._run.write_tables(pause=5.0)  # epochs of trials that run
        if self._on_step is not None:
            try:
                self._on_step(self._run)
            except Exception as error:
                self.bridge.note("on_step", error)


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
    plan = plan_search(config, begun=has_begun(folder))
    with folder.opened(plan.config) as named:
        search = SearchRun(replace(plan, config=named), folder)
        if on_begin is not None:
            on_begin(search)
        return search.run(on_step)
