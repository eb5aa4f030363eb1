"""What is wrong with the record of a search: a damaged journal, or one that lacks what the tables have."""

from __future__ import annotations

import shlex
from pathlib import Path

import pandas as pd
from optuna.study import Study

from xoresnet.search.config import SearchConfig
from xoresnet.search.folders.run import JOURNAL
from xoresnet.search.study.reading import ReadStorage
from xoresnet.search.study.trials import trials_of

__all__ = ["FINISHED", "lost_trials", "record_fault", "remedy"]

FINISHED = ("COMPLETE", "PRUNED", "FAIL")
"""The states in which a trial never changes again."""


def record_fault(config: SearchConfig, folder: Path, study: Study | None, trials: pd.DataFrame | None) -> str:
    """What is wrong with the record of a search, in one sentence with its remedy; empty if nothing is.

    study: for reading only; None if there is none. trials: the run's table of trials; None if there is none.
    """
    place = str(folder / JOURNAL) if config.storage is None else f"the study {config.study or folder.name}"
    storage = study._storage if study is not None else None
    damage = storage.damage() if isinstance(storage, ReadStorage) else None
    if damage is not None:
        return f"{place}, line {damage.line} {damage.what}; what follows is left out; {remedy(folder)}"
    lost = lost_trials(trials, study)
    if not lost:
        return ""
    those = f"trial {lost[0]}" if len(lost) == 1 else f"{len(lost)} trials"
    if study is None:
        return f"{place} is missing or empty, but {those} finished according to the tables; {remedy(folder)}"
    return f"{place} differs from the tables in {those} that finished; {remedy(folder)}"


def remedy(folder: Path) -> str:
    """How to mend a run, as a clause."""
    return f"to rebuild it: xoresnet repair {shlex.quote(str(folder))}"


def lost_trials(trials: pd.DataFrame | None, study: Study | None) -> list[int]:
    """The numbers of trials that finished according to the table and not, or differently, according to the study."""
    if trials is None:
        return []
    finished = trials[trials["state"].isin(FINISHED)]
    known = {trial.number: trial for trial in trials_of(study)} if study is not None else {}
    metrics = (study.metric_names or []) if study is not None else []
    columns = ["trial_id", "state", "arch_id", *(name for name in metrics if name in finished)]
    lost = []
    for number, state, arch_id, *figures in finished[columns].itertuples(index=False, name=None):
        trial = known.get(number)
        same = trial is not None and trial.has_network and (trial.state.name, trial.arch_id) == (state, arch_id)
        if not same or (state == "COMPLETE" and len(figures) == len(metrics) and trial.values != figures):
            lost.append(int(number))
    return lost
