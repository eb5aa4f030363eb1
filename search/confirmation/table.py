"""The table of a confirmation, made from its study: what `xoresnet.results` reads as `confirmed`."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path
from typing import Any, NamedTuple

import pandas as pd
from optuna.study import Study
from optuna.trial import TrialState

from xoresnet.errors import RunError
from xoresnet.results.tables.columns import CONFIRMED, typed
from xoresnet.results.tables.files import write_parquet
from xoresnet.results.tables.loading import DamagedTableError, load_table
from xoresnet.search.confirmation.study import best_seeds, look_at_confirm_study, searched_trial
from xoresnet.search.folders.claim import is_claimed
from xoresnet.search.folders.run import CONFIRM_JOURNAL
from xoresnet.search.folders.trial import TrialFolder
from xoresnet.search.study.faults import remedy
from xoresnet.search.study.rows import plain_rows, recipe_of
from xoresnet.search.study.tables import trial_row
from xoresnet.search.study.trials import TrainingKey, TrialRecord, trials_of

__all__ = [
    "confirmation_fault",
    "confirmed_folder",
    "confirmed_frame",
    "current_confirmed",
    "lost_trainings",
    "write_confirmed",
]


def confirmed_folder(run: Path, trial: TrialRecord) -> TrialFolder:
    """The folder of a confirmation's training in the folder of its run."""
    return TrialFolder.in_run(run, "confirmed", trial.number, trial.arch_id)


def write_confirmed(study: Study, run: Path) -> None:
    """Write the table into the run's folder."""
    write_parquet(run / "confirmed.parquet", confirmed_frame(study, run))


def confirmed_frame(study: Study, run: Path) -> pd.DataFrame:
    """One row for each network and seed, of its last training if there were several; run: the folder."""
    kept = {trial.number for trial in best_seeds(study) if confirmed_folder(run, trial).weights.exists()}
    rows: dict[TrainingKey, dict[str, Any]] = {}
    for trial in filter(lambda trial: trial.has_network, trials_of(study)):
        rows[trial.training_key] = {
            **trial_row(trial),
            **{name: value for name, value in trial.last_metrics.items() if name.startswith("test_")},
            "trial_id": searched_trial(study, trial),
            "weights": confirmed_folder(run, trial).path.relative_to(run).as_posix() if trial.number in kept else None,
        }
    return typed(list(rows.values()), CONFIRMED)


class CurrentConfirmed(NamedTuple):
    """The table of a confirmation, and what is wrong with its record."""

    table: pd.DataFrame | None
    """None if nothing was confirmed."""
    fault: str
    """One sentence that names the remedy; empty if nothing is wrong."""


def current_confirmed(run: Path) -> CurrentConfirmed:
    """The table as new as it can be, written anew where that is possible and loses nothing."""
    try:
        kept = load_table(run, "confirmed")
    except DamagedTableError:
        kept = None
    try:
        study = look_at_confirm_study(run)
    except RunError as error:
        return CurrentConfirmed(kept, str(error))
    fault = confirmation_fault(run, kept, study)
    if study is None or fault:
        return CurrentConfirmed(kept, fault)
    if not is_claimed(run):
        with suppress(OSError):  # another user's folder, a full disk
            write_confirmed(study, run)
    return CurrentConfirmed(confirmed_frame(study, run), "")


def confirmation_fault(run: Path, table: pd.DataFrame | None, study: Study | None) -> str:
    """What the study lacks that the table has, in one sentence with its remedy; empty if nothing."""
    lost = lost_trainings(table, study)
    if not lost:
        return ""
    return f"{run / CONFIRM_JOURNAL} lacks {lost} trainings that are in confirmed.parquet; {remedy(run)}"


def lost_trainings(table: pd.DataFrame | None, study: Study | None) -> int:
    """How many networks and recipes are complete according to the table and not according to the study."""
    if table is None:
        return 0
    rows = plain_rows(table[table["state"] == "COMPLETE"])
    complete = {(row["arch_id"], recipe) for row in rows if (recipe := recipe_of(row)) is not None}
    known = trials_of(study, TrialState.COMPLETE) if study is not None else []
    return len(complete - {trial.training_key for trial in known if trial.has_network})
