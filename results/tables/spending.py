"""How far a search has come and what it has spent, from its tables alone."""

from __future__ import annotations

import pandas as pd

from xoresnet.results.tables.loading import RunTables

__all__ = ["PAUSING", "STATE_NAMES", "progress_text", "spent_trainings", "without_continued"]

PAUSING = ("freeze-thaw", "promotion")
"""Strategies that pause networks, which are told PRUNED when all is over, and may go on with a larger budget."""
STATE_NAMES = {
    "COMPLETE": "complete",
    "PAUSED": "paused",
    "PRUNED": "pruned",
    "FAIL": "failed",
    "RUNNING": "unfinished",
}
"""The states of trials as people read them."""


def without_continued(trials: pd.DataFrame) -> pd.DataFrame:
    """One row for each training: the pruned trials that another one continues are left out."""
    return trials[~trials["trial_id"].isin(trials["rescues"].dropna())]


def spent_trainings(trials: pd.DataFrame) -> float:
    """What all trials have cost, in full trainings; 0 before the first.

    The table does not have the cost of shared weights, nor epochs that were trained again for lack of a checkpoint.
    """
    epochs = trials["config.recipe.epochs"].max()
    return 0.0 if pd.isna(epochs) else float(without_continued(trials)["epochs_trained"].sum() / epochs)


def progress_text(run: RunTables) -> str:
    """How many networks have come how far, and what was spent of the budget; empty before the first trial."""
    states = without_continued(run.trials)["state"].value_counts()
    counts = ", ".join(f"{states[state]:,} {word}" for state, word in STATE_NAMES.items() if states.get(state))
    budget = run.config.get("budget")
    if not counts or not isinstance(budget, int | float):
        return counts
    return f"{counts}; {spent_trainings(run.trials):,.1f} of {budget:g} full trainings spent"
