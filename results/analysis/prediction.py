"""Predictions of shared weights against measured results; the tables of a run never mix the two."""

from __future__ import annotations

import pandas as pd

from xoresnet.results.fronts.objectives import Objectives, eligible, numbers
from xoresnet.results.fronts.ranks import Agreement, agreement
from xoresnet.results.tables.loading import RunTables

__all__ = ["predicted_and_measured", "prediction_quality"]


def predicted_and_measured(run: RunTables) -> pd.DataFrame:
    """One row per complete trial with a prediction.

    Columns `[trial_id, arch_id, source]`, the measured objectives, and their predictions `predicted_<objective>` as
    far as they can be predicted.
    """
    complete = run.trials[eligible(run.trials, run.objectives)]
    columns = (f"predicted_{metric}" for metric in run.objectives)
    predicted = run.predicted[["arch_id", *(name for name in columns if name in run.predicted)]]
    return complete[["trial_id", "arch_id", "source", *run.objectives]].merge(predicted, on="arch_id")


def prediction_quality(pairs: pd.DataFrame, objectives: Objectives) -> dict[str, Agreement]:
    """How well the predictions rank networks, by objective.

    pairs: the frame that `predicted_and_measured` returns. Objectives without predictions are left out.
    """
    return {
        metric: agreement(numbers(pairs, metric), numbers(pairs, f"predicted_{metric}"))
        for metric in objectives
        if f"predicted_{metric}" in pairs
    }
