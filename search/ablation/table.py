"""The table of an ablation, made from its study: what `xoresnet.results` reads as `ablations`."""

from __future__ import annotations

from typing import Any

import pandas as pd
from optuna.study import Study

from xoresnet.results.tables.columns import ABLATIONS, typed
from xoresnet.search.ablation.study import compared
from xoresnet.search.study.tables import trial_row
from xoresnet.search.study.trials import TrainingKey, TrialRecord, trials_of

__all__ = ["ablations_frame"]


def ablations_frame(study: Study) -> pd.DataFrame:
    """One row for each compared network and seed, of its last training if there were several.

    A training that is compared in several ways has several rows.
    """
    last: dict[TrainingKey, TrialRecord] = {}
    for trial in trials_of(study):
        if trial.has_network:
            last[trial.training_key] = trial
    by_network: dict[tuple[str, str], list[dict[str, Any]]] = {}
    for (arch_id, recipe), trial in last.items():
        key = arch_id, recipe.replace(seed=0).model_dump_json()
        by_network.setdefault(key, []).append(_row(trial))
    rows = [
        {**row, **{name: getattr(part, name) for name in _PART}}
        for part in compared(study)
        for row in by_network.get((part.arch_id, part.recipe), ())
    ]
    return typed(rows, ABLATIONS)


_PART = ("base_trial_id", "base_source", "base_arch_id", "field", "value", "reference")


def _row(trial: TrialRecord) -> dict[str, Any]:
    measured = {name: value for name, value in trial.last_metrics.items() if name.startswith("test_")}
    return {**trial_row(trial), **measured, "training_id": trial.number}
