"""Trainings from the table of a confirmation, for a journal that has lost them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pandas as pd
from optuna.study import Study
from optuna.trial import FrozenTrial

from xoresnet.results.tables.columns import CONFIRMED
from xoresnet.search.confirmation.table import lost_trainings
from xoresnet.search.folders.trial import TrialFolder
from xoresnet.search.study.rows import network_of, place_of, plain_rows, report_of, trial_of
from xoresnet.search.study.trials import confirmation_attributes

__all__ = ["ConfirmedTable"]

_FIGURES = tuple(name for name, kind in CONFIRMED.items() if kind == "float64" and not name.startswith("config."))


class ConfirmedTable:
    """The complete trainings of the table that a study lacks, as Optuna's trials."""

    def __init__(self, folder: Path, table: pd.DataFrame | None, metrics: list[str], study: Study | None) -> None:
        self._folder, self._metrics = folder, metrics
        self._rows: dict[int, dict[str, Any]] = {}
        rows = [] if table is None else plain_rows(table[table["state"] == "COMPLETE"])
        free = len(study.get_trials(deepcopy=False)) if study is not None else 0
        lost = [row for row in rows if table is not None and lost_trainings(pd.DataFrame([row]), study)]
        for row in sorted(lost, key=lambda row: row["weights"] is None):
            number = int(Path(row["weights"]).name.partition("-")[0]) if row["weights"] else None
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
