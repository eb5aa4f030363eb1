"""The table of a confirmation, made from its study: what `xoresnet.results` reads as `confirmed`."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pandas as pd
from optuna.study import Study

from xoresnet.results.tables.columns import CONFIRMED, typed
from xoresnet.results.tables.files import write_parquet
from xoresnet.search.confirmation.study import best_seeds, searched_trial
from xoresnet.search.execution.trainable import WEIGHTS
from xoresnet.search.study.tables import trial_row
from xoresnet.search.study.trials import TrainingKey, TrialRecord, trials_of

__all__ = ["confirmed_frame", "weights_folder", "write_confirmed"]


def weights_folder(trial: TrialRecord) -> Path:
    """Within the run's folder."""
    return Path("confirmed") / f"{trial.number:04d}-{trial.arch_id}"


def write_confirmed(study: Study, run: Path) -> None:
    """Write the table into the run's folder."""
    write_parquet(run / "confirmed.parquet", confirmed_frame(study, run))


def confirmed_frame(study: Study, run: Path) -> pd.DataFrame:
    """One row for each network and seed, the last one where a seed was tried again; run: the folder."""
    kept = {trial.number for trial in best_seeds(study) if (run / weights_folder(trial) / WEIGHTS).exists()}
    rows: dict[TrainingKey, dict[str, Any]] = {}
    for trial in trials_of(study):
        rows[trial.training_key] = {
            **trial_row(trial),
            **{name: value for name, value in trial.last_metrics.items() if name.startswith("test_")},
            "trial_id": searched_trial(study, trial),
            "weights": weights_folder(trial).as_posix() if trial.number in kept else None,
        }
    return typed(list(rows.values()), CONFIRMED)
