"""What shared weights said of networks beside what these came to: the two are in tables of their own, always."""

from __future__ import annotations

import pandas as pd

from xoresnet.results.fronts.objectives import Objectives, eligible, numbers
from xoresnet.results.fronts.ranks import Agreement, agreement
from xoresnet.results.tables.loading import Run

__all__ = ["predicted_and_measured", "prediction_quality"]


def predicted_and_measured(run: Run) -> pd.DataFrame:
    """One row for each complete trial whose network was predicted.

    Columns `[trial_id, arch_id, source]`, the objectives as measured, and those that can be predicted with
    `predicted_` before their name.
    """
    complete = run.trials[eligible(run.trials, run.objectives)]
    columns = (f"predicted_{metric}" for metric in run.objectives)
    said = run.predicted[["arch_id", *(name for name in columns if name in run.predicted)]]
    return complete[["trial_id", "arch_id", "source", *run.objectives]].merge(said, on="arch_id")


def prediction_quality(pairs: pd.DataFrame, objectives: Objectives) -> dict[str, Agreement]:
    """How well predictions ranked networks, for each objective; pairs: by `predicted_and_measured`."""
    return {
        metric: agreement(numbers(pairs, metric), numbers(pairs, f"predicted_{metric}"))
        for metric in objectives
        if f"predicted_{metric}" in pairs
    }
