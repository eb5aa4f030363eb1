"""`Retraining`: a list of trainings on Ray, each completed once, however often it is interrupted."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any, ClassVar, Generic, Self, TypeVar

import optuna
import pandas as pd
from optuna.trial import Trial, TrialState

from xoresnet.errors import RunError
from xoresnet.files.atomic import sweep
from xoresnet.files.places import is_url
from xoresnet.results.tables.loading import DamagedTableError, load_table
from xoresnet.search.execution.bridge import TrialBridge
from xoresnet.search.execution.cluster.wait_for_nodes import WaitForNodes
from xoresnet.search.execution.execute import Outcome, execute, outcome
from xoresnet.search.execution.lifeline import Lifeline
from xoresnet.search.execution.session import check_wait
from xoresnet.search.execution.trackers.callback import Trackers
from xoresnet.search.execution.trackers.tracked import tracked_run
from xoresnet.search.execution.uploading import note_uploads, push_last, uploading
from xoresnet.search.execution.worker.trainable import train_trial
from xoresnet.search.execution.worker.work_files import Reach
from xoresnet.search.execution.workplace import Workplace
from xoresnet.search.folders.claim import claimed
from xoresnet.search.folders.disk_space import DiskSpace
from xoresnet.search.folders.remote_run import writable_run
from xoresnet.search.folders.trial import TrialFolder
from xoresnet.search.retraining.planning import RetrainingPlan, job_attributes
from xoresnet.search.sources.jobs import JobSource
from xoresnet.search.study.same_data import note_data
from xoresnet.search.study.trials import TrialRecord, training_key, trials_of

__all__ = ["Retraining", "retrain"]


PlanT = TypeVar("PlanT", bound=RetrainingPlan)


class Retraining(ABC, Generic[PlanT]):
    """The trainings of a plan with their folder and their study, ready to run."""

    opens_test: ClassVar[str]
    """In whose name the test set is opened after the last epoch."""
    done: ClassVar[str]
    """What is said at the end where nothing is left."""

    def __init__(self, plan: PlanT, wait: WaitForNodes | None = None) -> None:
        self.plan, self._wait = plan, wait
        self.on_wait: Callable[[str], None] = lambda sentence: None
        """As in `run_search`."""
        self.path = plan.folder.path
        self._reach = Reach.of(plan.folder)
        self._kept: set[int] = set()
        """The trainings whose weights are kept."""
        self._tidied: set[int] = set()
        """Those whose folders are as they are to stay."""
        self._refuse_lost_trainings()
        self.study = plan.side.open(self.path, plan.config.objectives)
        note_data(self.study, plan.data)
        self.note_plan()
        jobs = JobSource(
            self.study,
            map(job_attributes, plan.jobs),
            key=training_key,
            config=self._config,
            last_step=lambda trial: TrialRecord.of(trial).recipe.epochs,
        )
        self.to_do = jobs.to_do
        self.bridge = TrialBridge(
            self.study, jobs, plan.config.objectives, budget=jobs.finished + jobs.to_do, retries=plan.config.retries
        )
        self.bridge.checks.append(lambda trial: self._folder_of(trial).weights_fault())
        self._lifeline = Lifeline(self.path)
        self.bridge.observers += [lambda trial: self._tidy(), lambda trial: self.write_table()]
        tracked = tracked_run(plan.folder, plan.config, plan.side.folder)
        self._trackers = Trackers(self.bridge, tracked, plan.config.loggers)

    @abstractmethod
    def note_plan(self) -> None:
        """Write into the study what its table needs to know of the plan."""

    @abstractmethod
    def frame(self) -> pd.DataFrame:
        """The table of all trainings so far."""

    @abstractmethod
    def kept(self) -> set[int]:
        """The numbers of the complete trainings whose weights are kept; all others are removed."""

    def run(
        self,
        on_step: Callable[[Self], None] | None = None,
        on_stuck: Callable[[Outcome], None] | None = None,
    ) -> Outcome:
        """Run the trainings that are left; on_step is called several times a second, on_stuck as in `run_search`."""
        if on_stuck is not None:
            self._lifeline = Lifeline(self.path, partial(self._stuck, on_stuck))
        self._tidy()  # an earlier process may have been killed before it did
        try:
            if not self.to_do:
                self.bridge.ended = self.done
                return outcome(self.bridge, self._lifeline)
            config, data = self.plan.config, self.plan.data
            with Workplace(config, data, self._lifeline, self._reach, self._wait, self.on_wait) as workplace:
                step = partial(self._step, on_step)
                result = execute(self.bridge, train_trial, config, step, workplace, self._trackers.callbacks)
        finally:
            self.write_table()
            self._trackers.close(interrupted=bool(self._lifeline.signal or self._lifeline.lost))
        result = replace(result, errors=tuple(self.bridge.errors))
        failed = len(self.plan.left(self.study))
        if result.interrupted and not failed and not self.bridge.live:  # it came when all was done
            self.bridge.ended = self.done
            return outcome(self.bridge, self._lifeline)
        if result.interrupted or result.failed:
            return result
        if not failed:
            return replace(result, ended=self.done)
        return replace(result, failed=True, ended=f"{failed} of {len(self.plan.jobs)} trainings failed")

    def write_table(self) -> None:
        """Write the table; a failure is noted and stops nothing, because the study holds everything."""
        if not self._lifeline.check_folder():
            return
        name = f"{self.plan.side.table}.parquet"
        try:
            self.plan.side.write(self.path, self.frame())
        except Exception as error:
            self.bridge.note(name, error)

    def _stuck(self, on_stuck: Callable[[Outcome], None]) -> None:
        """Called in another thread while the main thread does not come back from Ray."""
        push_last(self.plan.folder, self.write_table)
        on_stuck(outcome(self.bridge, self._lifeline))

    def _step(self, on_step: Callable[[Self], None] | None) -> None:
        note_uploads(self.plan.folder, self.bridge, self._lifeline)
        if on_step is not None:
            on_step(self)

    def _folder_of(self, trial: TrialRecord) -> TrialFolder:
        return self.plan.folder.retrained(self.plan.side.folder, trial.number, trial.arch_id)

    def _refuse_lost_trainings(self) -> None:
        """Going on would repeat what finished, and replace the table. Raises `RunError`."""
        side = self.plan.side
        try:
            table = load_table(self.path, side.table)
        except DamagedTableError:  # the study alone counts
            table = None
        fault = side.fault(self.path, table, side.look(self.path))
        if fault:
            raise RunError(fault)

    def _tidy(self) -> None:
        """Keep the weights that are to be kept and remove all others."""
        kept = self.kept()
        self._tidied -= kept ^ self._kept
        self._kept = kept
        ended = trials_of(self.study, TrialState.COMPLETE, TrialState.FAIL)
        for trial in ended:
            if not trial.has_network or trial.number in self._tidied:  # the first as `repair` found
                continue
            self._tidied.add(trial.number)
            folder = self._folder_of(trial)
            if trial.number in kept:
                folder.keep_weights()
            else:
                folder.remove()

    def _config(self, trial: Trial) -> dict[str, Any]:
        """The configuration of the trainable."""
        record, config = TrialRecord.of(trial), self.plan.config
        folder = self._folder_of(record)
        folder.create()
        folder.prepare(without_checkpoint=False)
        return {
            **record.config,
            "folder": str(folder.path),
            "data": config.data.located().model_dump_json(),
            "threads": config.cpus_per_trial,
            "reach": self._reach._asdict(),
            "opens_test": self.opens_test,
        }


RetrainingT = TypeVar("RetrainingT", bound=Retraining[Any])


def retrain(
    run: str | Path,
    plan: Callable[[str | Path], PlanT],
    make: Callable[[PlanT], RetrainingT],
    *,
    on_begin: Callable[[RetrainingT], None] | None,
    on_step: Callable[[RetrainingT], None] | None,
    on_stuck: Callable[[Outcome], None] | None,
    wait: WaitForNodes | None,
    on_wait: Callable[[str], None],
) -> Outcome:
    """Plan trainings, and run those that are left, while the folder of the run is locked and its URL kept up to date.

    run: the folder that is written to, or its URL. plan: called with the folder. make: called with the plan.
    on_begin, on_step, on_stuck, wait and on_wait are as in `run_search`. Raises what `plan` and `make` raise, and
    `RunError`, `UsageError`, `ClusterError`.
    """
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    with writable_run(run, on_wait) as folder:
        found = replace(plan(folder.path if is_url(run) else run), folder=folder)
        check_wait(found.config.address, wait)
        DiskSpace(folder.path).check()
        with claimed(folder.path):
            sweep(folder.path)
            retraining = make(found)
            retraining.on_wait = on_wait
            if on_begin is not None:
                on_begin(retraining)
            return uploading(folder, lambda: retraining.run(on_step, on_stuck))
