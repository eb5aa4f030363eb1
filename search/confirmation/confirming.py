"""`confirm`: networks of a search are trained again on several seeds, and then measured on the test set once."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import optuna
from optuna.study import Study
from optuna.trial import Trial, TrialState

from xoresnet.data.load import DataSet
from xoresnet.errors import RunError, UsageError
from xoresnet.files.atomic import sweep
from xoresnet.limits import MOST_SEEDS
from xoresnet.plain_text import shown
from xoresnet.results.tables.loading import DamagedTableError, Run, load, load_table
from xoresnet.search.config import CONFIRM_LIMITS, SearchConfig
from xoresnet.search.confirmation.candidates import Candidate, candidates
from xoresnet.search.confirmation.study import (
    best_seeds,
    look_at_confirm_study,
    note_searched,
    open_confirm_study,
)
from xoresnet.search.confirmation.table import confirmation_fault, confirmed_folder, write_confirmed
from xoresnet.search.execution.bridge import TrialBridge
from xoresnet.search.execution.execute import Outcome, execute, outcome
from xoresnet.search.execution.lifeline import Lifeline
from xoresnet.search.execution.trainable import train_trial
from xoresnet.search.execution.workplace import Workplace
from xoresnet.search.folders.claim import claimed
from xoresnet.search.folders.disk_space import DiskSpace
from xoresnet.search.folders.run import RunFolder
from xoresnet.search.prepare import Progress, full_recipe
from xoresnet.search.sources.jobs import JobSource
from xoresnet.search.study.opening import read_search
from xoresnet.search.study.tables import FrameWriter
from xoresnet.search.study.trials import TrialRecord, confirmation_attributes, training_key, trials_of
from xoresnet.space.baseline_networks import baselines

__all__ = ["ConfirmPlan", "ConfirmRun", "confirm", "plan_confirm"]


@dataclass(frozen=True)
class ConfirmPlan:
    """What a confirmation will train; nothing is written yet."""

    folder: RunFolder
    config: SearchConfig
    """The configuration of the search with the limits of this confirmation."""
    jobs: tuple[Candidate, ...]
    """One training for each network and seed, ordered by seed; the recipe holds the seed."""
    networks: int
    """How many networks there are."""
    data: DataSet

    def left(self, study: Study | None = None) -> list[Candidate]:
        """Jobs that are not complete yet; study: the confirmation's if it is open already. Raises `RunError`."""
        study = study or look_at_confirm_study(self.folder.path)
        complete = trials_of(study, TrialState.COMPLETE) if study is not None else []
        done = {trial.training_key for trial in complete}
        return [job for job in self.jobs if training_key(_attributes(job)) not in done]


def plan_confirm(
    run: str | Path,
    *,
    seeds: int = 3,
    epochs: int | None = None,
    wanted: Sequence[str] = (),
    with_baselines: bool = False,
    limits: Mapping[str, Any] | None = None,
    progress: Progress | None = None,
) -> ConfirmPlan:
    """Find and check everything that a confirmation needs; nothing is written.

    The arguments are those of `confirm`. Raises `RunError`, `UsageError` (with `SpecError`), `DataError`.
    """
    if seeds < 1:
        raise UsageError(f"seeds must be at least 1, got {shown(seeds)}")
    if seeds > MOST_SEEDS:
        raise UsageError(f"seeds must be at most {MOST_SEEDS:,}, got {shown(seeds)}")
    _check_limits(limits or {})
    folder, searched, study, fault = read_search(run)
    if fault:
        raise RunError(fault)
    config = _with_limits(searched, limits or {})
    data = _data_with_test_set(config, progress)
    space = config.search_space
    chosen = candidates(
        _current_run(folder, config, study),
        study,
        wanted,
        known=baselines(space),
        with_baselines=with_baselines,
        recipe=full_recipe(config, space),
        epochs=epochs,
    )
    # not the search's own seed, because these networks were selected by their results on it
    numbers = [(config.seed + 1 + number) % 2**32 for number in range(seeds)]
    jobs = tuple(network._replace(recipe=network.recipe.replace(seed=seed)) for seed in numbers for network in chosen)
    return ConfirmPlan(folder, config, jobs, len(chosen), data)


def _check_limits(limits: Mapping[str, Any]) -> None:
    """Raises `UsageError` for fields that the search has fixed."""
    of_data = limits.get("data", {})
    names = [name for name in limits if name != "data" or not isinstance(of_data, Mapping)]
    for name in [*names, *(f"data.{field}" for field in of_data if isinstance(of_data, Mapping))]:
        if name not in CONFIRM_LIMITS:
            raise UsageError(f"{name} is fixed by the search; confirm accepts only {', '.join(CONFIRM_LIMITS)}")


def _with_limits(config: SearchConfig, limits: Mapping[str, Any]) -> SearchConfig:
    """Raises `SpecError`."""
    data = config.data.model_dump(mode="json") | dict(limits.get("data", {}))
    return config.replace(**{**limits, "data": data} if "data" in limits else limits)


def _current_run(folder: RunFolder, config: SearchConfig, study: Study) -> Run:
    """The run with the tables of its study, because those in the folder may be older."""
    return load(folder.path, frames=FrameWriter(study, config.objectives, folder.path).frames()._asdict())


def _data_with_test_set(config: SearchConfig, progress: Progress | None) -> DataSet:
    """Check before hours of training that there is a test set; nothing is measured on it yet. Raises `DataError`."""
    data = config.data.load(progress=progress)
    data.test.open(by="confirm")
    return data


class ConfirmRun:
    """A confirmation with its folder and its study, ready to run."""

    def __init__(self, plan: ConfirmPlan) -> None:
        self.plan = plan
        self.path = plan.folder.path
        self._refuse_lost_trainings()
        self.study = open_confirm_study(self.path, plan.config.objectives)
        note_searched(self.study, [(_attributes(job), job.trial_id) for job in plan.jobs])
        jobs = JobSource(
            self.study,
            map(_attributes, plan.jobs),
            key=training_key,
            config=self._config,
            last_step=lambda trial: TrialRecord.of(trial).recipe.epochs,
        )
        self.to_do = jobs.to_do
        self.bridge = TrialBridge(
            self.study, jobs, plan.config.objectives, budget=jobs.finished + jobs.to_do, retries=plan.config.retries
        )
        self.bridge.checks.append(lambda trial: confirmed_folder(self.path, trial).weights_fault())
        self._lifeline = Lifeline(self.path)
        self.bridge.observers += [lambda trial: self._tidy(), lambda trial: self.write_table()]

    def run(
        self,
        on_step: Callable[[ConfirmRun], None] | None = None,
        on_stuck: Callable[[Outcome], None] | None = None,
    ) -> Outcome:
        """Run the trainings that are left; on_step is called several times a second, on_stuck as in `run_search`."""
        if on_stuck is not None:
            self._lifeline = Lifeline(self.path, lambda: on_stuck(outcome(self.bridge, self._lifeline)))
        self._tidy()  # an earlier process may have been killed before it did
        try:
            if not self.to_do:
                self.bridge.ended = "all networks are confirmed"
                return outcome(self.bridge, self._lifeline)
            step = (lambda: None) if on_step is None else (lambda: on_step(self))
            with Workplace(self.plan.config, self.plan.data, self._lifeline) as workplace:
                result = execute(self.bridge, train_trial, self.plan.config, step, workplace)
        finally:
            self.write_table()
        failed = len(self.plan.left(self.study))
        if result.interrupted and not failed and not self.bridge.live:  # it came when all was done
            self.bridge.ended = "all networks are confirmed"
            return outcome(self.bridge, self._lifeline)
        if not failed or result.interrupted or result.failed:
            return result
        return replace(result, failed=True, ended=f"{failed} of {len(self.plan.jobs)} trainings failed")

    def _refuse_lost_trainings(self) -> None:
        """Confirming on would repeat what finished, and replace the table. Raises `RunError`."""
        try:
            table = load_table(self.path, "confirmed")
        except DamagedTableError:  # the study alone counts
            table = None
        fault = confirmation_fault(self.path, table, look_at_confirm_study(self.path))
        if fault:
            raise RunError(fault)

    def write_table(self) -> None:
        """Write the table; a failure is noted and stops nothing, because the study holds everything."""
        if not self._lifeline.check_folder():
            return
        try:
            write_confirmed(self.study, self.path)
        except Exception as error:
            self.bridge.note("confirmed.parquet", error)

    def _tidy(self) -> None:
        """Keep the weights of each network's best seed and remove all others."""
        best = {trial.number for trial in best_seeds(self.study)}
        ended = trials_of(self.study, TrialState.COMPLETE, TrialState.FAIL)
        for trial in ended:
            if not trial.has_network:  # lost, as `repair` found
                continue
            folder = confirmed_folder(self.path, trial)
            if trial.number in best:
                folder.keep_weights()
            else:
                folder.remove()

    def _config(self, trial: Trial) -> dict[str, Any]:
        """The configuration of the trainable."""
        record, config = TrialRecord.of(trial), self.plan.config
        folder = confirmed_folder(self.path, record)
        folder.create()
        return {
            **record.config,
            "folder": str(folder.path),
            "data": config.data.located().model_dump_json(),
            "threads": config.cpus_per_trial,
            "opens_test": "confirm",
        }


def _attributes(job: Candidate) -> dict[str, Any]:
    """The attributes of the job's trial."""
    return confirmation_attributes(job.arch, job.recipe, job.trial_id, job.source)


def confirm(
    run: str | Path,
    *,
    seeds: int = 3,
    epochs: int | None = None,
    wanted: Sequence[str] = (),
    with_baselines: bool = False,
    limits: Mapping[str, Any] | None = None,
    on_begin: Callable[[ConfirmRun], None] | None = None,
    on_step: Callable[[ConfirmRun], None] | None = None,
    on_stuck: Callable[[Outcome], None] | None = None,
    progress: Progress | None = None,
) -> Outcome:
    """Train networks of a search again on new seeds and measure them on the test set; continues after interruptions.

    run: the folder of the search. seeds: how many, starting at the search's seed plus one. epochs: None for those of
    each network's recipe in the search. wanted: networks in place of the front's: ids of trials or networks, names of
    baselines, `knee` and other words of `pick`. with_baselines: add the known networks of the space. limits: fields of
    the search's configuration to change, of those in `CONFIRM_LIMITS`. on_begin, on_step, on_stuck and progress are as
    in `run_search`.
    The results are in `load(run).confirmed`.
    Raises `RunError`, `UsageError`, `DataError` where there is no test set, `ClusterError`.
    """
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    plan = plan_confirm(
        run, seeds=seeds, epochs=epochs, wanted=wanted, with_baselines=with_baselines, limits=limits, progress=progress
    )
    DiskSpace(plan.folder.path).check()
    with claimed(plan.folder.path):
        sweep(plan.folder.path)
        confirmation = ConfirmRun(plan)
        if on_begin is not None:
            on_begin(confirmation)
        return confirmation.run(on_step, on_stuck)
