"""What is trained again, and with which limits; nothing is written here."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

from optuna.study import Study
from optuna.trial import TrialState

from xoresnet.data.load import DataSet
from xoresnet.errors import RunError, UsageError
from xoresnet.limits import MOST_SEEDS
from xoresnet.plain_text import shown
from xoresnet.results.tables.loading import RunTables, load
from xoresnet.search.config import CONFIRM_LIMITS, SearchConfig
from xoresnet.search.folders.run import RunFolder
from xoresnet.search.loggers import check_loggers
from xoresnet.search.prepare import Progress
from xoresnet.search.retraining.candidates import Candidate
from xoresnet.search.retraining.side_study import SideStudy
from xoresnet.search.study.opening import read_search
from xoresnet.search.study.tables import FrameWriter
from xoresnet.search.study.trials import confirmation_attributes, training_key, trials_of

__all__ = [
    "RetrainingPlan",
    "check_limits",
    "current_tables",
    "data_with_test_set",
    "job_attributes",
    "new_seeds",
    "on_seeds",
    "read_searched",
    "with_limits",
]


@dataclass(frozen=True)
class RetrainingPlan:
    """What will be trained; nothing is written yet."""

    side: ClassVar[SideStudy]
    """Where the trainings are recorded."""

    folder: RunFolder
    config: SearchConfig
    """The configuration of the search with the limits of this command."""
    jobs: tuple[Candidate, ...]
    """One training for each network and seed, ordered by seed; the recipe holds the seed."""
    networks: int
    """How many networks there are."""
    data: DataSet

    def left(self, study: Study | None = None) -> list[Candidate]:
        """Jobs that are not complete yet; study: that of the trainings if it is open already. Raises `RunError`."""
        study = study or self.side.look(self.folder.path)
        complete = trials_of(study, TrialState.COMPLETE) if study is not None else []
        done = {trial.training_key for trial in complete}
        return [job for job in self.jobs if training_key(job_attributes(job)) not in done]


def job_attributes(job: Candidate) -> dict[str, Any]:
    """The attributes of the job's trial."""
    return confirmation_attributes(job.arch, job.recipe, job.trial_id, job.source)


def on_seeds(networks: Iterable[Candidate], seeds: Iterable[int]) -> tuple[Candidate, ...]:
    """Each network on each seed, ordered by seed."""
    networks = list(networks)
    return tuple(network._replace(recipe=network.recipe.replace(seed=seed)) for seed in seeds for network in networks)


def new_seeds(seed: int, count: int) -> list[int]:
    """So many seeds that follow one: not the search's own, because networks were selected by their results on it.

    Raises `UsageError` for a count that is out of range.
    """
    if count < 1:
        raise UsageError(f"seeds must be at least 1, got {shown(count)}")
    if count > MOST_SEEDS:
        raise UsageError(f"seeds must be at most {MOST_SEEDS:,}, got {shown(count)}")
    return [(seed + 1 + number) % 2**32 for number in range(count)]


def check_limits(limits: Mapping[str, Any], command: str) -> None:
    """Raises `UsageError` for fields that the search has fixed; command: `confirm` or `ablate`."""
    of_data = limits.get("data", {})
    names = [name for name in limits if name != "data" or not isinstance(of_data, Mapping)]
    for name in [*names, *(f"data.{field}" for field in of_data if isinstance(of_data, Mapping))]:
        if name not in CONFIRM_LIMITS:
            raise UsageError(f"{name} is fixed by the search; {command} accepts only {', '.join(CONFIRM_LIMITS)}")


def read_searched(run: str | Path, limits: Mapping[str, Any], command: str) -> tuple[RunFolder, SearchConfig, Study]:
    """The folder, the configuration and the study of a search; the configuration has the limits of this command.

    Raises `RunError` for a run that cannot be read whole, and `UsageError` (with `SpecError`) for the limits.
    """
    check_limits(limits, command)
    folder, searched, study, fault = read_search(run)
    if fault:
        raise RunError(fault)
    config = with_limits(searched, limits)
    check_loggers(config.loggers)
    return folder, config, study


def with_limits(config: SearchConfig, limits: Mapping[str, Any]) -> SearchConfig:
    """Raises `SpecError`."""
    data = config.data.model_dump(mode="json") | dict(limits.get("data", {}))
    return config.replace(**{**limits, "data": data} if "data" in limits else limits)


def current_tables(folder: RunFolder, config: SearchConfig, study: Study) -> RunTables:
    """The run with the tables of its study, because those in the folder may be older."""
    return load(folder.path, frames=FrameWriter(study, config.objectives, folder.path).frames()._asdict())


def data_with_test_set(config: SearchConfig, progress: Progress | None, by: str) -> DataSet:
    """Check before hours of training that there is a test set; nothing is measured on it yet. Raises `DataError`.

    by: in whose name it is opened.
    """
    data = config.data.load(progress=progress)
    data.test.open(by=by)
    return data
