"""The table of a confirmation, made from its study: what `xoresnet.results` reads as `confirmed`."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pandas as pd
from optuna.study import Study

from xoresnet.results.tables.columns import CONFIRMED, typed
from xoresnet.search.confirmation.study import best_seeds, searched_trial
from xoresnet.search.folders.trial import TrialFolder
from xoresnet.search.study.tables import trial_row
from xoresnet.search.study.trials import TrainingKey, TrialRecord, trials_of

__all__ = [
    "confirmed_folder",
    "confirmed_frame",
]


def confirmed_folder(run: Path, trial: TrialRecord) -> TrialFolder:
    """The folder of a confirmation's training in the folder of its run."""
    return TrialFolder.in_run(run, "confirmed", trial.number, trial.arch_id)


def confirmed_frame(study: Study, run: Path) -> pd.DataFrame:
    """One row for each network and seed, of its last training if there were several; run: the folder."""
    kept = {trial.number for trial in best_seeds(study) if confirmed_folder(run, trial).has_weights()}
    rows: dict[TrainingKey, dict[str, Any]] = {}
    for trial in filter(lambda trial: trial.has_network, trials_of(study)):
        rows[trial.training_key] = {
            **trial_row(trial),
            **{name: value for name, value in trial.last_metrics.items() if name.startswith("test_")},
            "trial_id": searched_trial(study, trial),
            "weights": confirmed_folder(run, trial).path.relative_to(run).as_posix() if trial.number in kept else None,
        }
    return typed(list(rows.values()), CONFIRMED)
