"""What trackers are shown of a search: one run for each of its trials, with readable parameters and figures."""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

from ray.tune.experiment import Trial as RayTrial

from xoresnet.measures.records import EpochRecord
from xoresnet.results.tables.columns import config_fields
from xoresnet.search.config import SearchConfig
from xoresnet.search.folders.run import RunFolder
from xoresnet.search.study.trials import TrialRecord

__all__ = ["TrackedRun", "TrackedTrial", "figures_of", "parameters_of", "tracked_run"]

_FIGURES = frozenset(field.name for field in fields(EpochRecord) if field.name not in ("epoch", "layers"))
_KINDS = {"trial": "", "confirmed": " confirmed", "ablated": " ablated"}


@dataclass(frozen=True)
class TrackedRun:
    """The run of which all trials are part."""

    folder: Path
    name: str
    """What trackers call it."""
    id: str
    """Letters and digits; the same in every session of the run, and for no other run."""
    kind: str
    """What its trials are called: `trial`, `confirmed` or `ablated`."""
    parameters: Mapping[str, Any]
    """Those of the whole run."""
    data: Mapping[str, Any]
    """The data set's, which are parameters of each trial."""


class TrackedTrial:
    """A trial as Ray Tune's callbacks see it: the same one however many trials of Ray's run it in turn.

    Whatever a callback reads that is not here, it reads from the trial of Ray's that runs at the moment.
    """

    def __init__(self, run: TrackedRun, place: str, number: int, parameters: Mapping[str, Any]) -> None:
        """place: the folder within the run's for the files of all its trials."""
        self.run, self.number = run, number
        self.config = self.evaluated_params = {**run.data, **parameters}
        self.trial_id = f"{run.id}-{run.kind}-{number}"
        self.experiment_dir_name = run.name
        self.local_path = str(run.folder / place / f"{run.kind}-{number:04d}")
        self.logdir = self.local_path
        self.state = "RUNNING"
        """RUNNING, PAUSED, or how the trial ended: COMPLETE, PRUNED or FAIL."""
        self.failure = ""
        """Why it failed."""
        self.checkpoint = None  # those of a search are not Ray's
        self.ray_trial: RayTrial | None = None

    def init_local_path(self) -> None:
        """Make the trial's folder. Raises `OSError` where the run's folder is gone, which must not be made again."""
        path = Path(self.local_path)
        path.parent.mkdir(exist_ok=True)
        path.mkdir(exist_ok=True)

    def __str__(self) -> str:
        return f"{self.run.kind} {self.number}"

    def __getattr__(self, name: str) -> Any:
        ray_trial = self.__dict__.get("ray_trial")
        if ray_trial is None:
            raise AttributeError(f"{type(self).__name__} has no {name}")
        return getattr(ray_trial, name)


def tracked_run(folder: RunFolder, config: SearchConfig, kind: str = "trial") -> TrackedRun:
    """What trackers are told of a run; kind: `trial`; `confirmed` or `ablated` for those trainings."""
    objectives = ", ".join(f"{objective.metric} {objective.direction}" for objective in config.objectives)
    names = ("strategy", "sampler", "seed", "baselines")  # none that may change, because MLflow keeps the first value
    parameters = {name: getattr(config, name) for name in names if getattr(config, name) is not None}
    data = {
        f"data.{name}": value
        for name, value in config.data.model_dump(mode="json").items()
        if name not in ("root", "verify") and value is not None
    }
    return TrackedRun(
        folder=folder.path,
        name=f"{folder.path.name}{_KINDS[kind]}",
        id=folder.run_id() or uuid.uuid5(uuid.NAMESPACE_URL, folder.path.as_uri()).hex[:12],
        kind=kind,
        parameters={**parameters, "objectives": objectives, **data},
        data=data,
    )


def parameters_of(record: TrialRecord) -> dict[str, Any]:
    """Network and recipe of a trial as in the columns `config.*` of the tables, without that prefix.

    Fields that are not set are left out, because no tracker has a value for them.
    """
    found = {name.removeprefix("config."): value for name, value in config_fields(record.arch, record.recipe).items()}
    more = {"arch_id": record.arch_id, "source": record.source}
    return {name: value for name, value in (more | found).items() if value is not None}


def figures_of(metrics: Mapping[str, Any]) -> dict[str, float]:
    """The figures of an epoch, and those on the test set, among all that a trial has reported."""
    return {
        name: float(value)
        for name, value in metrics.items()
        if (name in _FIGURES or name.startswith("test_"))
        and isinstance(value, int | float)
        and not isinstance(value, bool)
    }
