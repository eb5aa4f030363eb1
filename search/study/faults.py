"""What is wrong with the record of a search: a damaged journal, or one that lacks what the tables have."""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from pathlib import Path

import pandas as pd
from optuna.study import Study

from xoresnet.results.tables.columns import SUMMED
from xoresnet.search.config import SearchConfig
from xoresnet.search.folders.run import JOURNAL, RunFolder
from xoresnet.search.study.journal import Damage
from xoresnet.search.study.reading import ReadStorage
from xoresnet.search.study.storage import place_of, study_name
from xoresnet.search.study.trials import trials_of

__all__ = ["FINISHED", "differing", "lost_trials", "record_fault", "remedy"]

FINISHED = ("COMPLETE", "PRUNED", "FAIL")
"""The states in which a trial never changes again."""


def record_fault(config: SearchConfig, folder: Path, study: Study | None, trials: pd.DataFrame | None) -> str:
    """What is wrong with the record of a search, in one sentence with its remedy; empty if nothing is.

    study: for reading only; None if there is none. trials: the run's table of trials; None if there is none.
    """
    damage = _damage(config, folder, study)
    if damage is not None:
        where = f"{folder / JOURNAL}, line {damage.line} {damage.what}"
        return f"{where}; what follows is left out; {remedy(folder)}"
    lost = lost_trials(trials, study)
    if study is None and RunFolder(folder).is_recorded():
        return f"{folder} is a recorded search: it has its tables, but no study; {remedy(folder, 'make one from them')}"
    if lost and study is None:
        what = f"is missing or empty, but {_those(lost)} finished according to the tables"
        return _sentence(config, folder, what)
    return differing(config, folder, lost)


def differing(config: SearchConfig, folder: Path, trials: Sequence[int]) -> str:
    """That finished trials differ from the tables, with the remedy; empty if none do."""
    return _sentence(config, folder, f"differs from the tables in {_those(trials)} that finished") if trials else ""


def _those(trials: Sequence[int]) -> str:
    return f"trial {trials[0]}" if len(trials) == 1 else f"{len(trials)} trials"


def _sentence(config: SearchConfig, folder: Path, what: str) -> str:
    if config.storage is None:
        return f"{folder / JOURNAL} {what}; {remedy(folder)}"
    return f"the study {study_name(config, folder)!r} in {place_of(config, folder)} {what}; restore the database"


def _damage(config: SearchConfig, folder: Path, study: Study | None) -> Damage | None:
    storage = study._storage if study is not None else None
    if study is None and config.storage is None and (folder / JOURNAL).exists():
        storage = ReadStorage(folder / JOURNAL)
    return storage.damage() if isinstance(storage, ReadStorage) else None


def remedy(folder: Path, what: str = "rebuild it") -> str:
    """How to mend a run, as a clause; what: the repair does."""
    return f"to {what}: xoresnet repair {shlex.quote(str(folder))}"


def lost_trials(trials: pd.DataFrame | None, study: Study | None) -> list[int]:
    """The numbers of trials that finished according to the table and not, or differently, according to the study.

    A trial that is paused in the table may have gone on in the study, but not be behind.
    """
    if trials is None:
        return []
    finished = trials[trials["state"].isin((*FINISHED, "PAUSED"))]
    known = {trial.number: trial for trial in trials_of(study)} if study is not None else {}
    metrics = (study.metric_names or []) if study is not None else []
    compared = [place for place, name in enumerate(metrics) if name in finished and name not in SUMMED]
    columns = ["trial_id", "state", "arch_id", "epochs_trained", *(metrics[place] for place in compared)]
    lost = []
    for number, state, arch_id, epochs, *figures in finished[columns].itertuples(index=False, name=None):
        trial = known.get(number)
        if (
            trial is None
            or not trial.has_network
            or trial.arch_id != arch_id
            or (trial.last_step < epochs if state == "PAUSED" else trial.state.name != state)
            or (state == "COMPLETE" and [trial.values[place] for place in compared] != figures)
        ):
            lost.append(int(number))
    return lost
