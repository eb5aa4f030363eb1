"""MLflow: one run for the search, and within it one run for each trial."""

from __future__ import annotations

import logging
import os
import time
from collections.abc import Mapping
from contextlib import suppress
from typing import Any

from mlflow import MlflowClient
from mlflow.entities import Metric, Param, Run, RunTag
from mlflow.exceptions import MlflowException
from mlflow.tracking import is_tracking_uri_set
from mlflow.utils.mlflow_tags import MLFLOW_PARENT_RUN_ID
from ray.air.constants import TRAINING_ITERATION
from ray.air.integrations.mlflow import MLflowLoggerCallback

from xoresnet.search.execution.trackers.tracked import TrackedRun, TrackedTrial

__all__ = ["MlflowTracker"]

_EXPERIMENT = "xoresnet"
"""The name of the experiment where MLFLOW_EXPERIMENT_NAME does not say another one."""
_STATUS = {"COMPLETE": "FINISHED", "PRUNED": "KILLED", "FAIL": "FAILED", "PAUSED": "SCHEDULED", "RUNNING": "KILLED"}
"""MLflow's word for the state in which a trial is left; RUNNING after an interruption."""
_RUN_ID, _KIND, _TRIAL, _STATE, _FAILURE = (
    f"xoresnet.{name}" for name in ("run_id", "kind", "trial", "state", "failure")
)
_MOST_PARAMS = 100
"""How many parameters MLflow takes at once."""


class MlflowTracker(MLflowLoggerCallback):
    """Ray Tune's callback for MLflow, with one run for each trial within that of the search."""

    def __init__(self, run: TrackedRun) -> None:
        super().__init__()
        self._store = _Runs(run)
        self.mlflow_util = self._store  # type: ignore[assignment]

    def setup(self, *arguments: Any, **more: Any) -> None:
        """Find or make the run of the search."""
        super().setup()  # type: ignore[no-untyped-call]

    def log_trial_start(self, trial: Any) -> None:
        """Find or make the run of a trial, and log its parameters."""
        super().log_trial_start(trial)
        self._store.set_state(self._trial_runs[trial], "RUNNING", trial)

    def last_epoch(self, trial: TrackedTrial, recorded: int) -> int:
        """The last epoch that MLflow has of a trial, as `Tracker` has it."""
        return self._store.last_step(self._trial_runs[trial])

    def log_trial_end(self, trial: Any, failed: bool = False) -> None:
        """Record how the trial is left. Ray's callback knows FINISHED and FAILED alone, and no trial that pauses."""
        self._store.set_state(self._trial_runs[trial], _STATUS[trial.state], trial)

    def end(self, status: str) -> None:
        """Record how the search is left."""
        self._store.end_run(status, self._store.parent)

    def give_up(self) -> None:
        """Nothing: requests end with the process."""


class _Runs:
    """In place of the part of Ray's callback that speaks to MLflow (`_MLflowLoggerUtil`).

    Ray's sets the tracking address for the whole process, where the next search, and a notebook's own code, would find
    it; it asks MLflow before each of a dozen figures whether the run exists; and it never continues a run.
    """

    def __init__(self, run: TrackedRun) -> None:
        self._run = run
        self.parent = ""
        """The id of the run of the search."""

    def setup_mlflow(self, **ignored: Any) -> None:
        """Find or make the experiment and the run of the search, where MLflow's own variables say.

        Without MLFLOW_TRACKING_URI that is a database in the folder of the run.
        """
        logging.getLogger("mlflow").setLevel(logging.WARNING)  # it announces each table that it makes
        os.environ.setdefault("MLFLOW_SUPPRESS_PRINTING_URL_TO_STDOUT", "true")  # for each run that ends
        folder = self._run.folder / "mlflow"
        is_ours = not is_tracking_uri_set()  # type: ignore[no-untyped-call]
        if is_ours:
            folder.mkdir(exist_ok=True)
        self._client = MlflowClient(f"sqlite:///{folder / 'mlflow.db'}" if is_ours else None)
        self._experiment = os.environ.get("MLFLOW_EXPERIMENT_ID") or self._experiment_id(
            os.environ.get("MLFLOW_EXPERIMENT_NAME") or _EXPERIMENT, str(folder / "artifacts") if is_ours else None
        )
        tags = {_RUN_ID: self._run.id, _KIND: self._run.kind}
        self.parent = self._found_or_made(self._run.name, tags).info.run_id
        self._client.update_run(self.parent, "RUNNING")
        self._log_params(self.parent, self._run.parameters)

    def start_run(self, run_name: str, tags: Mapping[str, str]) -> Run:
        """Find or make the run of a trial."""
        return self._found_or_made(run_name, {MLFLOW_PARENT_RUN_ID: self.parent, **tags})

    def log_params(self, run_id: str, params_to_log: Mapping[str, Any]) -> None:
        self._log_params(run_id, params_to_log)

    def log_metrics(self, run_id: str, metrics_to_log: Mapping[str, float], step: int) -> None:
        """Log all figures of an epoch in one request."""
        now = int(time.time() * 1000)
        figures = {name: value for name, value in metrics_to_log.items() if name != TRAINING_ITERATION}
        self._client.log_batch(run_id, metrics=[Metric(name, value, now, step) for name, value in figures.items()])

    def last_step(self, run_id: str) -> int:
        names = sorted(self._client.get_run(run_id).data.metrics)
        history = self._client.get_metric_history(run_id, names[-1]) if names else []
        return max((metric.step for metric in history), default=0)

    def set_state(self, run_id: str, status: str, trial: TrackedTrial) -> None:
        """Set MLflow's status and our state of a trial's run."""
        tags = {_TRIAL: str(trial.number), _STATE: trial.state, _FAILURE: trial.failure}
        self._client.log_batch(run_id, tags=[RunTag(name, value) for name, value in tags.items() if value])
        self.end_run(status, run_id)

    def end_run(self, status: str, run_id: str) -> None:
        """Set the status of a run; one that runs, or pauses, has no end yet."""
        if status in ("RUNNING", "SCHEDULED"):
            self._client.update_run(run_id, status)
        else:
            self._client.set_terminated(run_id, status)

    def _found_or_made(self, name: str, tags: Mapping[str, str]) -> Run:
        """The run with these tags."""
        wanted = " and ".join(f"tags.`{tag}` = '{value}'" for tag, value in tags.items())
        found = self._client.search_runs([self._experiment], wanted, max_results=1, order_by=["start_time ASC"])
        return found[0] if found else self._client.create_run(self._experiment, run_name=name, tags=dict(tags))

    def _experiment_id(self, name: str, artifacts: str | None) -> str:
        found = self._client.get_experiment_by_name(name)
        if found is None:
            with suppress(MlflowException):  # another search has made it meanwhile
                return str(self._client.create_experiment(name, artifact_location=artifacts))
            found = self._client.get_experiment_by_name(name)
        assert found is not None
        return str(found.experiment_id)

    def _log_params(self, run_id: str, params: Mapping[str, Any]) -> None:
        """Log the parameters that a run does not have; MLflow refuses to change one."""
        known = self._client.get_run(run_id).data.params
        new = [Param(name, str(value)) for name, value in params.items() if name not in known]
        for start in range(0, len(new), _MOST_PARAMS):
            self._client.log_batch(run_id, params=new[start : start + _MOST_PARAMS])
