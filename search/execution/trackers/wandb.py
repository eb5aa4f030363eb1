"""Weights & Biases: a group for the search, and in it one run for each trial."""

from __future__ import annotations

import atexit
import os
from contextlib import suppress
from pathlib import Path
from typing import Any

import wandb
from ray.air.constants import TRAINING_ITERATION
from ray.air.integrations.wandb import WandbLoggerCallback

from xoresnet.search.execution.trackers.tracked import TrackedRun, TrackedTrial

__all__ = ["WandbTracker"]

_PROJECT = "xoresnet"
"""The project where neither WANDB_PROJECT nor Ray's WANDB_PROJECT_NAME says another one."""
_INIT_SECONDS = 30.0
"""How long W&B may take to begin a run, where WANDB_INIT_TIMEOUT does not say; its own default is 90 s."""


class WandbTracker(WandbLoggerCallback):
    """Ray Tune's callback for W&B, with runs of this process in place of two actors for each trial.

    Ray's actors are processes, of which paused trials would leave hundreds; they cannot continue a run, and they end
    with Ray, before the last trials of a search are told how they ended. W&B itself (since 0.19.10) serves many runs of
    one process; a trial that pauses keeps its run.
    """

    def __init__(self, run: TrackedRun) -> None:
        super().__init__(
            project=os.environ.get("WANDB_PROJECT_NAME") or os.environ.get("WANDB_PROJECT") or _PROJECT,
            group=os.environ.get("WANDB_GROUP_NAME") or os.environ.get("WANDB_RUN_GROUP") or f"{run.name} {run.id}",
        )
        self._run = run
        self._runs: dict[TrackedTrial, wandb.Run] = {}

    def setup(self, *arguments: Any, **more: Any) -> None:
        """Choose the folder. The key was checked before the search (`check_loggers`); Ray's way is deprecated."""
        self._folder = Path(os.environ.get("WANDB_DIR") or self._run.folder)
        self._settings = wandb.Settings(
            console="off",  # what this process prints belongs to no trial
            silent=True,
            x_disable_stats=True,  # the load of this process is not that of the trials
            init_timeout=float(os.environ.get("WANDB_INIT_TIMEOUT") or _INIT_SECONDS),
        )

    def log_trial_start(self, trial: Any) -> None:
        """Begin or continue the run of a trial."""
        if trial in self._runs:
            return
        if not os.environ.get("WANDB_DIR"):
            (self._folder / "wandb").mkdir(exist_ok=True)
        self._runs[trial] = wandb.init(
            project=self.project,
            group=self.group,
            id=trial.trial_id,
            name=str(trial),
            job_type=self._run.kind,
            config={**self._run.parameters, **trial.config},
            dir=self._folder,
            resume="allow",
            reinit="create_new",
            allow_val_change=True,
            settings=self._settings,
        )

    def last_epoch(self, trial: TrackedTrial, recorded: int) -> int:
        """The last epoch that W&B has of a trial, as `Tracker` has it.

        Offline it does not know what an earlier process has logged: if it has a folder of the trial, that is taken to
        be all that the study has.
        """
        run = self._runs[trial]
        if not run.offline:
            return max(run.starting_step - 1, 0)  # one behind the last that was logged
        folders = list((self._folder / "wandb").glob(f"offline-run-*-{run.id}*"))
        return recorded if len(folders) > 1 else 0

    def log_trial_result(self, iteration: int, trial: Any, result: dict[str, Any]) -> None:
        figures = {name: value for name, value in result.items() if name != TRAINING_ITERATION}
        self._runs[trial].log(figures, step=result[TRAINING_ITERATION])

    def log_trial_end(self, trial: Any, failed: bool = False) -> None:
        """End the run of a trial, unless the trial only pauses."""
        run = self._runs[trial]
        run.summary.update({"state": trial.state} | ({"failure": trial.failure} if trial.failure else {}))
        if trial.state != "PAUSED":
            self._runs.pop(trial).finish(int(failed))

    def end(self, status: str) -> None:
        """End the runs of paused trials, which another session may continue."""
        for trial in list(self._runs):
            self._runs.pop(trial).finish()

    def give_up(self) -> None:
        """Let this process end even though W&B has not uploaded everything, for which its own hook would wait."""
        atexit.register(_end_service)


def _end_service() -> None:
    """End the process that uploads, which W&B has started; the files of its runs stay."""
    with suppress(AttributeError, OSError):
        wandb.setup()._connection._proc._process.terminate()  # type: ignore[union-attr]
