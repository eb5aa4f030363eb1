"""`confirm`: networks of a search trained again on several seeds, and only then measured on the test set."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import optuna
from optuna.study import Study
from optuna.trial import Trial, TrialState

from xoresnet.errors import RunError, UsageError
from xoresnet.files.atomic import sweep
from xoresnet.results.tables.loading import Run, load
from xoresnet.search.config import SearchConfig
from xoresnet.search.confirmation.candidates import Candidate, candidates
from xoresnet.search.confirmation.study import (
    best_seeds,
    look_at_confirm_study,
    note_searched,
    open_confirm_study,
)
from xoresnet.search.confirmation.table import weights_folder, write_confirmed
from xoresnet.search.execution.bridge import TrialBridge
from xoresnet.search.execution.execute import Outcome, execute, outcome
from xoresnet.search.execution.trainable import CHECKPOINT, train_trial
from xoresnet.search.folders.claim import claimed
from xoresnet.search.folders.run import RunFolder
from xoresnet.search.prepare import full_recipe
from xoresnet.search.sources.jobs import JobSource
from xoresnet.search.study.opening import look_at_study
from xoresnet.search.study.tables import FrameWriter
from xoresnet.search.study.trials import TrialRecord, confirmation_attributes, training_key, trials_of
from xoresnet.space.baseline_networks import baselines

__all__ = ["LIMITS", "ConfirmPlan", "ConfirmRun", "confirm", "plan_confirm"]

LIMITS = (
    "address", "cpus_per_trial", "gpus_per_trial", "max_concurrent", "retries", "trial_seconds", "data.root",
    "data.verify",
)  # fmt: skip
"""Fields of the search's configuration that a confirmation may have otherwise."""


@dataclass(frozen=True)
class ConfirmPlan:
    """What is to be trained, before anything is written."""

    folder: RunFolder
    config: SearchConfig
    """The search's, with the limits of this confirmation."""
    jobs: tuple[Candidate, ...]
    """Each network once for each seed, one seed after the other; the seed is the recipe's."""
    networks: int

    def left(self, study: Study | None = None) -> list[Candidate]:
        """Jobs that are not done yet; study: of the confirmation, if it is at hand. Raises `RunError`, `UsageError`."""
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
    progress: Callable[[int, int], None] | None = None,
) -> ConfirmPlan:
    """Find everything that a confirmation needs; writes nothing. Raises `RunError`, `UsageError`, `SpecError`.

    Arguments as in `confirm`.
    """
    if seeds < 1:
        raise UsageError(f"seeds must be at least 1, got {seeds}")
    folder, config = _searched(run, limits or {})
    study = look_at_study(config, folder.path)
    if study is None:
        raise RunError(f"{run} has no study yet")
    _check_test_set(config, progress)
    space = config.search_space
    chosen = candidates(
        _as_it_is(folder, config, study), study, wanted, known=baselines(space), with_baselines=with_baselines,
        recipe=full_recipe(config, space), epochs=epochs,
    )  # fmt: skip
    # other seeds than the search's, by whose luck these networks were chosen
    numbers = [(config.seed + 1 + number) % 2**32 for number in range(seeds)]
    jobs = tuple(one._replace(recipe=one.recipe.replace(seed=number)) for number in numbers for one in chosen)
    return ConfirmPlan(folder, config, jobs, len(chosen))


def _searched(run: str | Path, limits: Mapping[str, Any]) -> tuple[RunFolder, SearchConfig]:
    """The folder, and what was searched in it, under these limits. Raises `RunError`, `UsageError`, `SpecError`."""
    of_data = limits.get("data", {})
    names = [name for name in limits if name != "data" or not isinstance(of_data, Mapping)]
    for name in [*names, *(f"data.{field}" for field in of_data if isinstance(of_data, Mapping))]:
        if name not in LIMITS:
            raise UsageError(f"{name} is the search's; here may be said {', '.join(LIMITS)}")
    folder = RunFolder(Path(run))
    if not folder.path.is_dir():
        raise RunError(f"there is no folder {run}")
    config = folder.saved_config() if (folder.path / "config.yaml").exists() else None
    if config is None:
        raise RunError(f"{run} holds no search")
    data = config.data.model_dump(mode="json") | dict(of_data)
    return folder, config.replace(**{**limits, "data": data} if "data" in limits else limits)


def _as_it_is(folder: RunFolder, config: SearchConfig, study: Study) -> Run:
    """The run with the trials of its study, which may be newer than its tables."""
    try:
        found = load(folder.path)
    except RunError as error:
        raise RunError(str(error)) from None
    return replace(found, trials=FrameWriter(study, config.objectives, folder.path).frames().trials)


def _check_test_set(config: SearchConfig, progress: Callable[[int, int], None] | None) -> None:
    """Before hours of training: that there is one. Nothing is measured on it."""
    config.data.load(progress=progress).test.open(by="confirm")


class ConfirmRun:
    """A confirmation that has its folder and its study, ready to go."""

    def __init__(self, plan: ConfirmPlan) -> None:
        self.plan = plan
        self.path = plan.folder.path
        self.study = open_confirm_study(self.path, plan.config.objectives)
        note_searched(self.study, [(_attributes(job), job.trial_id) for job in plan.jobs])
        jobs = JobSource(
            self.study, map(_attributes, plan.jobs), key=training_key, config=self._config,
            last_step=lambda trial: TrialRecord.of(trial).recipe.epochs,
        )  # fmt: skip
        self.to_do = jobs.to_do
        self.bridge = TrialBridge(
            self.study, jobs, plan.config.objectives, trials=jobs.finished + jobs.to_do, retries=plan.config.retries
        )
        self.bridge.observers += [lambda trial: self._tidy(), lambda trial: self.write_table()]

    def run(self, on_step: Callable[[ConfirmRun], None] | None = None) -> Outcome:
        """Train what is left to be trained; on_step is called several times a second."""
        self._tidy()  # whoever was killed may not have come to it
        try:
            if not self.to_do:
                self.bridge.ended = "everything is confirmed"
                return outcome(self.bridge, self.path)
            step = (lambda: None) if on_step is None else (lambda: on_step(self))
            found = execute(self.bridge, train_trial, self.plan.config, self.path, step)
        finally:
            self.write_table()
        failed = len(self.plan.left(self.study))
        if not failed or found.interrupted or found.failed:
            return found
        return replace(found, failed=True, ended=f"{failed} of {len(self.plan.jobs)} trainings failed")

    def write_table(self) -> None:
        """A confirmation goes on without it, since its study has it all."""
        try:
            write_confirmed(self.study, self.path)
        except Exception as error:
            self.bridge.note("confirmed.parquet", error)

    def _tidy(self) -> None:
        """Of each network the weights of its best seed are kept."""
        best = {trial.number for trial in best_seeds(self.study)}
        for trial in trials_of(self.study, TrialState.COMPLETE, TrialState.FAIL):
            folder = self.path / weights_folder(trial)
            if trial.number in best:
                (folder / CHECKPOINT).unlink(missing_ok=True)
                sweep(folder)
            else:
                shutil.rmtree(folder, ignore_errors=True)

    def _config(self, trial: Trial) -> dict[str, Any]:
        """What the trainable is given."""
        record, config = TrialRecord.of(trial), self.plan.config
        folder = self.path / weights_folder(record)
        folder.mkdir(parents=True, exist_ok=True)
        return {
            **record.config, "folder": str(folder), "data": json.dumps(config.data.model_dump(mode="json")),
            "threads": config.cpus_per_trial, "opens_test": "confirm",
        }  # fmt: skip


def _attributes(job: Candidate) -> dict[str, Any]:
    """Of its trial."""
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
    progress: Callable[[int, int], None] | None = None,
) -> Outcome:
    """Train networks of a search again, and measure them on the test set; goes on where it was interrupted.

    Of the front, unless others are wanted (ids of trials or networks, names of baselines, `knee` and the like);
    with_baselines: those as well. seeds: how many, from the search's seed plus one on. epochs: None for what each was
    to be trained for in the search. limits: fields of the search's configuration, `LIMITS`, to be otherwise. on_begin,
    on_step and progress are as in `run_search`. Results: `load(run).confirmed`.
    Raises `RunError`, `UsageError`.
    """
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    plan = plan_confirm(
        run, seeds=seeds, epochs=epochs, wanted=wanted, with_baselines=with_baselines, limits=limits,
        progress=progress,
    )  # fmt: skip
    with claimed(plan.folder.path):
        sweep(plan.folder.path)
        found = ConfirmRun(plan)
        if on_begin is not None:
            on_begin(found)
        return found.run(on_step)
