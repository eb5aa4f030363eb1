"""A study beside that of a search, in a journal of its own: those of a confirmation and of an ablation."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import optuna
import pandas as pd
from optuna.pruners import NopPruner
from optuna.samplers import RandomSampler
from optuna.study import Study
from optuna.trial import TrialState

from xoresnet.errors import RunError, XOResNetError
from xoresnet.results.tables.files import write_parquet
from xoresnet.search.objective import Objective
from xoresnet.search.study.faults import remedy
from xoresnet.search.study.journal import open_journal
from xoresnet.search.study.reading import ReadStorage
from xoresnet.search.study.rows import plain_rows, recipe_of
from xoresnet.search.study.trials import trials_of

__all__ = ["SideStudy", "lost_trainings"]

_ERRORS = (OSError, ValueError, KeyError, TypeError, AssertionError)  # what Optuna raises for a damaged journal


class SideStudy(NamedTuple):
    """Where the trainings of a confirmation or an ablation are recorded."""

    journal: str
    """The file in the run's folder."""
    name: str
    """The name of the study."""
    table: str
    """The table that is made from it, without `.parquet`."""
    folder: str
    """The folder in the run's with one folder for each training."""

    def open(self, folder: Path, objectives: Sequence[Objective]) -> Study:
        """The study in the folder of a run, created if there is none. Raises `RunError`."""
        try:
            return optuna.create_study(
                storage=open_journal(folder / self.journal),
                study_name=self.name,
                load_if_exists=True,
                pruner=NopPruner(),
                directions=[objective.optuna_direction for objective in objectives],
            )
        except XOResNetError:  # a damaged journal; also a ValueError
            raise
        except _ERRORS as error:
            raise self._unreadable(folder, error) from None

    def look(self, folder: Path) -> Study | None:
        """The same study for reading only; None where nothing was trained yet. Raises `RunError`, for damage too."""
        if not (folder / self.journal).exists():
            return None
        try:
            storage = ReadStorage(folder / self.journal)
            damage = storage.damage()
            if damage is not None:
                raise RunError(f"{folder / self.journal}, line {damage.line} {damage.what}; {remedy(folder)}")
            if not storage.get_all_studies():
                return None
            return optuna.load_study(
                study_name=self.name, storage=storage, sampler=RandomSampler()
            )  # which is not asked
        except RunError:  # also a ValueError
            raise
        except _ERRORS as error:
            raise self._unreadable(folder, error) from None

    def write(self, folder: Path, table: pd.DataFrame) -> None:
        """Write the table into the folder of a run."""
        write_parquet(folder / f"{self.table}.parquet", table)

    def fault(self, run: Path, table: pd.DataFrame | None, study: Study | None) -> str:
        """What the study lacks that the table has, in one sentence with its remedy; empty if nothing."""
        lost = lost_trainings(table, study)
        if not lost:
            return ""
        return f"{run / self.journal} lacks {lost} trainings that are in {self.table}.parquet; {remedy(run)}"

    def _unreadable(self, folder: Path, error: Exception) -> RunError:
        return RunError(f"{folder / self.journal} cannot be read: {type(error).__name__}: {error}")


def lost_trainings(table: pd.DataFrame | None, study: Study | None) -> int:
    """How many networks and recipes are complete according to the table and not according to the study."""
    if table is None:
        return 0
    rows = plain_rows(table[table["state"] == "COMPLETE"])
    complete = {(row["arch_id"], recipe) for row in rows if (recipe := recipe_of(row)) is not None}
    known = trials_of(study, TrialState.COMPLETE) if study is not None else []
    return len(complete - {trial.training_key for trial in known if trial.has_network})
