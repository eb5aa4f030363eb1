"""Trainings from the table of a confirmation, for a journal that has lost them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pandas as pd
from optuna.study import Study
from optuna.trial import FrozenTrial, TrialState

from xoresnet.description.arch import Arch
from xoresnet.description.recipe import Recipe
from xoresnet.results.tables.columns import CONFIRMED
from xoresnet.search.study.rebuilding import is_complete
from xoresnet.search.study.rows import TableRows, place_of, plain_rows, recipe_of, report_of, trial_of
from xoresnet.search.study.trials import confirmation_attributes, trials_of

__all__ = ["ConfirmedTable"]

_FIGURES = tuple(name for name, kind in CONFIRMED.items() if kind == "float64" and not name.startswith("config."))


class ConfirmedTable(TableRows):
    """The complete trainings of the table that a study lacks, or of which it lacks something."""

    def __init__(self, folder: Path, table: pd.DataFrame | None, metrics: Sequence[str], study: Study | None) -> None:
        super().__init__(folder, "confirmed", metrics)
        complete = trials_of(study, TrialState.COMPLETE) if study is not None else []
        known = {trial.training_key: trial for trial in complete if trial.has_network}
        free = len(study.get_trials(deepcopy=False)) if study is not None else 0
        rows = [] if table is None else plain_rows(table[table["state"] == "COMPLETE"])
        for row in sorted(rows, key=lambda row: row["weights"] is None):
            recipe = recipe_of(row)
            trial = known.get((row["arch_id"], recipe)) if recipe is not None else None
            if trial is not None and is_complete(trial.trial):
                continue
            number = int(Path(row["weights"]).name.partition("-")[0]) if row["weights"] else None
            number = number if trial is None else trial.number
            if number is None or number in self._rows:
                number = max([free, *(other + 1 for other in self._rows)])
            self._rows[number] = row

    def _trial(self, number: int, row: Mapping[str, Any], network: tuple[Arch, Recipe]) -> FrozenTrial:
        figures = {"epoch": row["epochs_trained"], **{name: row[name] for name in _FIGURES}}
        report = report_of(int(row["epochs_trained"]), figures, self._metrics, place_of(row))
        attributes = confirmation_attributes(*network, row["trial_id"], row["source"])
        return trial_of(row, number, self._metrics, {**attributes, **report})
