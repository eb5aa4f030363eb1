"""`run_search`: a search from its configuration to its front, as often interrupted as one likes."""

from __future__ import annotations

import json
import shutil
import time
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import optuna
from optuna.trial import FrozenTrial

from xoresnet.files.atomic import sweep
from xoresnet.search.config import SearchConfig
from xoresnet.search.execution.bridge import TrialBridge
from xoresnet.search.execution.cluster import ray_session
from xoresnet.search.execution.execute import Outcome, execute, outcome
from xoresnet.search.execution.trainable import CHECKPOINT, WEIGHTS, train_trial
from xoresnet.search.folders.run import RunFolder
from xoresnet.search.prepare import SearchPlan, plan_search
from xoresnet.search.prior.guidance import budget_of, make_guide
from xoresnet.search.prior.shared_prior import PriorError, PriorInterruptedError
from xoresnet.search.sources.archs import ArchProposals
from xoresnet.search.study.near_front import FINISHABLE, near_front, rescued
from xoresnet.search.study.opening import ENQUEUED, has_begun, open_study
from xoresnet.search.study.tables import FrameWriter
from xoresnet.search.study.trials import TrialRecord

__all__ = ["SearchRun", "run_search"]


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
        self.preparing: TrialBridge | None = None
        """The jobs of the prior, while they run."""

    def run(self, on_step: Callable[[SearchRun], None] | None = None) -> Outcome:
        """Search until the budget is spent; on_step is called several times a second."""
        step = partial(self._step, on_step)
        try:
            if self._nothing_to_do():
                return outcome(self.bridge, self.folder.path)
            if self.config.prior.kind == "none":
                return execute(self.bridge, train_trial, self.config, self.folder.path, step)
            with ray_session(self.config.address):  # one for both
                self._let_guide(on_step)
                self._heed_time(self.bridge)
                if self.bridge.ended:
                    return outcome(self.bridge, self.folder.path)
                return execute(self.bridge, train_trial, self.config, self.folder.path, step)
        except PriorInterruptedError as error:
            return replace(error.outcome, study=self.study)
        finally:
            self.write_tables()

    @property
    def budget(self) -> int:
        """How many trials are to be finished: those that the prior has cost are none."""
        return budget_of(self.study, self.config.trials)

    def _let_guide(self, on_step: Callable[[SearchRun], None] | None) -> None:
        """Let the prior choose networks. Raises `PriorInterruptedError`, `XOResNetError`."""

        def look(jobs: TrialBridge) -> None:
            self.preparing = jobs
            self._heed_time(jobs)
            if on_step is None:
                return
            try:
                on_step(self)
            except Exception as error:
                self.bridge.note("on_step", error)

        try:
            self._proposals.guide = make_guide(self.study, self.plan, self.folder.path, look)
        except PriorError as error:
            self.bridge.errors.append(f"no shared weights: {error}; the search goes on without them")
        self.preparing = None
        self.bridge.budget = self.budget

    def _step(self, on_step: Callable[[SearchRun], None] | None) -> None:
        self._heed_time(self.bridge)
        self.write_tables(pause=5.0)  # epochs of trials that run
        if on_step is not None:
            on_step(self)

    def _heed_time(self, bridge: TrialBridge) -> None:
        budget = self.config.time_budget
        if budget is not None and time.monotonic() - self.began > budget and not bridge.ended:
            bridge.ended = f"{budget:g} s have passed"

    def write_tables(self, *, pause: float | None = None) -> None:
        """With a pause, now and then. A search goes on without them, since its study has it all."""
        try:
            if pause is None:
                self.frames.write()
            else:
                self.frames.write_now_and_then(pause)
        except Exception as error:
            self.bridge.note("tables", error)

    def _bridge(self) -> TrialBridge:
        config = self.config
        common = {
            "data": json.dumps(config.data.model_dump(mode="json")),
            "threads": config.cpus_per_trial,
        }
        self._proposals = proposals = _Placed(
            self.study, self.space, self.recipe, seed=config.seed, common=common,
            ask_sampler=config.sampler != "grid", rescue=config.rescue,
        )  # fmt: skip
        proposals.folder = self.folder
        if ENQUEUED not in self.study.user_attrs:
            self._enqueue_known(proposals)
            self.study.set_user_attr(ENQUEUED, True)  # last: whoever dies before begins anew, and enqueues none twice
        bridge = TrialBridge(
            self.study, proposals, config.objectives,
            trials=self.budget, max_step=self.recipe.epochs, retries=config.retries,
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
        record = TrialRecord(trial)
        if record.is_complete:
            if (self._folder_of(record) / WEIGHTS).exists():
                (self._folder_of(record) / CHECKPOINT).unlink(missing_ok=True)
            sweep(self._folder_of(record))
        elif record.is_pruned and self._kept:
            promising = near_front(self.study)
            for other in promising[self._kept :]:
                shutil.rmtree(self._folder_of(other), ignore_errors=True)
        else:
            shutil.rmtree(self._folder_of(record), ignore_errors=True)

    @property
    def _kept(self) -> int:
        """How many pruned trials may be finished."""
        return max(self.config.rescue, FINISHABLE if self.config.prior.kind != "none" else 0)

    def _folder_of(self, trial: TrialRecord) -> Path:
        return self.folder.trial(trial.number, trial.arch_id)

    def _nothing_to_do(self) -> bool:
        to_rescue = rescued(self.study) < self.config.rescue and near_front(self.study)
        if self.bridge.finished < self.budget or self.bridge.interrupted or to_rescue:
            return False
        self.bridge.ended = f"{self.bridge.finished} trials are finished"
        return True


class _Placed(ArchProposals):
    """Each trial with a folder of its own."""

    folder: RunFolder

    def config(self, trial: optuna.Trial) -> dict[str, Any]:
        config = super().config(trial)
        record = TrialRecord.of(trial)
        folder = self.folder.trial(trial.number, record.arch_id)
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "arch.json").write_text(json.dumps(json.loads(config["arch"]), indent=2) + "\n", encoding="utf-8")
        if record.rescues is not None:
            stopped = self.folder.trial(record.rescues, record.arch_id)
            if (stopped / CHECKPOINT).exists():
                (stopped / CHECKPOINT).replace(folder / CHECKPOINT)
            shutil.rmtree(stopped, ignore_errors=True)
        return {**config, "folder": str(folder)}


def run_search(
    config: SearchConfig,
    run: str | Path,
    *,
    on_begin: Callable[[SearchRun], None] | None = None,
    on_step: Callable[[SearchRun], None] | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> Outcome:
    """Search, or go on with the search in this folder.

    on_begin: called once, before anything runs; on_step: several times a second; progress: with the numbers of images
    decoded and in all, while the data set is read. Raises `XOResNetError`, `SpecError`.
    """
    folder = RunFolder(Path(run))
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    plan = plan_search(config, begun=has_begun(folder), progress=progress)
    with folder.opened(plan.config) as named:
        search = SearchRun(replace(plan, config=named), folder)
        if on_begin is not None:
            on_begin(search)
        return search.run(on_step)
