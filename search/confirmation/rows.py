"""Trainings from the table of a confirmation, for a journal that has lost them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pandas as pd
from optuna.study import Study
from optuna.trial import FrozenTrial, TrialState

from xoresnet.results.tables.columns import CONFIRMED
from xoresnet.search.folders.trial import TrialFolder
from xoresnet.search.study.rebuilding import is_complete
from xoresnet.search.study.rows import network_of, place_of, plain_rows, report_of, trial_of
from xoresnet.search.study.trials import TrialRecord, confirmation_attributes, trials_of

__all__ = ["ConfirmedTable"]

_FIGURES = tuple(name for name, kind in CONFIRMED.items() if kind == "float64" and not name.startswith("config."))


class ConfirmedTable:
    """The complete trainings of the table that a study lacks, or of which it lacks something, as Optuna's trials."""

    def __init__(self, folder: Path, table: pd.DataFrame | None, metrics: list[str], study: Study | None) -> None:
        self._folder, self._metrics = folder, metrics
        self._rows: dict[int, dict[str, Any]] = {}
        known = {_key(trial): trial for trial in trials_of(study, TrialState.COMPLETE)} if study is not None else {}
        free = len(study.get_trials(deepcopy=False)) if study is not None else 0
        rows = [] if table is None else plain_rows(table[table["state"] == "COMPLETE"])
        for row in sorted(rows, key=lambda row: row["weights"] is None):
            trial = known.get((row["arch_id"], row["config.recipe.seed"], row["config.recipe.epochs"]))
            if trial is not None and is_complete(trial.trial):
                continue
            number = int(Path(row["weights"]).name.partition("-")[0]) if row["weights"] else None
            number = number if trial is None else trial.number
            if number is None or number in self._rows:
                number = max([free, *(other + 1 for other in self._rows)])
            self._rows[number] = row

    @property
    def numbers(self) -> list[int]:
        """The numbers that the trainings have, or get."""
        return sorted(self._rows)

    def trial(self, number: int) -> FrozenTrial | None:
        """A complete training; None if there is no such row, or if its network cannot be told from it."""
        row = self._rows.get(number)
        if row is None:
            return None
        network = network_of(row, TrialFolder(self._folder / "nowhere"))
        if network is None:
            return None
        figures = {"epoch": row["epochs_trained"], **{name: row[name] for name in _FIGURES}}
        report = report_of(int(row["epochs_trained"]), figures, self._metrics, place_of(row))
        attributes = confirmation_attributes(*network, row["trial_id"], row["source"])
        return trial_of(row, number, self._metrics, {**attributes, **report})


def _key(trial: TrialRecord) -> tuple[str, int, int] | None:
    return (trial.arch_id, trial.recipe.seed, trial.recipe.epochs) if trial.has_network else None
