"""What a search has spent, from its table of trials alone."""

from __future__ import annotations

import pandas as pd

__all__ = ["spent_trainings", "without_continued"]


def without_continued(trials: pd.DataFrame) -> pd.DataFrame:
    """One row for each training: the pruned trials that another one continues are left out."""
    return trials[~trials["trial_id"].isin(trials["rescues"].dropna())]


def spent_trainings(trials: pd.DataFrame) -> float:
    """What all trials have cost, in full trainings; 0 before the first.

    The table does not have the cost of shared weights, nor epochs that were trained again for lack of a checkpoint.
    """
    epochs = trials["config.recipe.epochs"].max()
    return 0.0 if pd.isna(epochs) else float(without_continued(trials)["epochs_trained"].sum() / epochs)
