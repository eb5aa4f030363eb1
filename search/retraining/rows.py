"""Trainings from the table of a confirmation or an ablation, for a journal that has lost them."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pandas as pd
from optuna.study import Study
from optuna.trial import FrozenTrial, TrialState

from xoresnet.description.arch import Arch
from xoresnet.description.recipe import Recipe
from xoresnet.results.tables.columns import CONFIRMED, LAST, SUMMED
from xoresnet.search.study.rebuilding import is_complete
from xoresnet.search.study.rows import TableRows, place_of, plain_rows, recipe_of, report_of, trial_of
from xoresnet.search.study.trials import TrialRecord, confirmation_attributes, trials_of

__all__ = ["RetrainedTable"]

_STATES = (TrialState.COMPLETE, TrialState.RUNNING)
_OF_EPOCH = {column: metric for metric, column in LAST.items()}
_FIGURES = {
    _OF_EPOCH.get(name, name): name
    for name, kind in CONFIRMED.items()
    if kind == "float64" and not name.startswith("config.")
}
"""Columns of the table by the metric of the study that they hold."""


class RetrainedTable(TableRows):
    """The complete trainings of the table that a study lacks, or that it has with other figures."""

    def __init__(
        self, folder: Path, kind: str, table: pd.DataFrame | None, metrics: Sequence[str], study: Study | None
    ) -> None:
        """folder: the run's. kind: that of the trainings' folders. table: with the columns of a confirmation's."""
        super().__init__(folder, kind, metrics)
        self.wrong: set[int] = set()
        """The numbers of trials in the study that contradict the table: it counts, because it is checked when read."""
        known = [trial for trial in trials_of(study, *_STATES) if trial.has_network] if study is not None else []
        rows = [] if table is None else plain_rows(table[table["state"] == "COMPLETE"])
        missing: list[tuple[dict[str, Any], list[int]]] = []
        for row in sorted(rows, key=lambda row: row["weights"] is None):
            recipe = recipe_of(row)
            if recipe is None:
                continue
            same = [trial for trial in known if trial.training_key == (row["arch_id"], recipe)]
            right = [trial.number for trial in same if _agrees(trial, row)][:1]
            self.wrong |= {trial.number for trial in same} - {*right}
            if not right:
                missing.append((row, [trial.number for trial in same]))
        count = len(study.get_trials(deepcopy=False)) if study is not None else 0
        taken = {*range(count)} - self.wrong
        for row, own in missing:
            of_weights = [int(Path(row["weights"]).name.partition("-")[0])] if row["weights"] else []
            last = max([count - 1, *self._rows, *of_weights])
            wanted = [*of_weights, *own, *sorted(self.wrong), last + 1]
            self._rows[next(number for number in wanted if number not in taken and number not in self._rows)] = row

    def _trial(self, number: int, row: Mapping[str, Any], network: tuple[Arch, Recipe]) -> FrozenTrial:
        figures = {"epoch": row["epochs_trained"], **{metric: row[column] for metric, column in _FIGURES.items()}}
        report = report_of(int(row["epochs_trained"]), figures, self._metrics, place_of(row))
        attributes = confirmation_attributes(*network, row["trial_id"], row["source"])
        return trial_of(row, number, self._metrics, {**attributes, **report})


def _agrees(trial: TrialRecord, row: Mapping[str, Any]) -> bool:
    """Whether a trial has all of a row, apart from the sums over all epochs."""
    last = trial.last_metrics
    return (
        trial.is_complete
        and is_complete(trial.trial)
        and all(
            row[column] is None or math.isnan(row[column]) or row[column] == last.get(metric)
            for metric, column in _FIGURES.items()
            if column not in SUMMED
        )
    )
