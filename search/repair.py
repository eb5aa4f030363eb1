"""`repair`: a run whose journals or tables are damaged, rebuilt from whatever is intact."""

from __future__ import annotations

import shutil
from collections.abc import Iterable, Mapping
from contextlib import suppress
from itertools import count
from pathlib import Path
from typing import Any, NamedTuple

import optuna
import pandas as pd
from optuna.samplers import RandomSampler
from optuna.study import Study, StudyDirection
from optuna.trial import FrozenTrial

from xoresnet.errors import RunError
from xoresnet.files.atomic import sweep
from xoresnet.results.tables.columns import CONFIRMED, HISTORY, LAYERS, PREDICTED, TRIALS, typed
from xoresnet.results.tables.loading import DamagedTableError, load, load_table
from xoresnet.search.config import SearchConfig
from xoresnet.search.confirmation.rows import ConfirmedTable
from xoresnet.search.confirmation.study import CONFIRM_STUDY, look_at_confirm_study
from xoresnet.search.confirmation.table import write_confirmed
from xoresnet.search.folders.claim import claimed
from xoresnet.search.folders.run import CONFIRM_JOURNAL, JOURNAL, TABLES, RunFolder
from xoresnet.search.study.attributes import IDENTITY
from xoresnet.search.study.current import changed_trials
from xoresnet.search.study.faults import differing, record_fault
from xoresnet.search.study.journal import damage_of, mend
from xoresnet.search.study.opening import identity_of, look_at_study
from xoresnet.search.study.reading import ReadStorage
from xoresnet.search.study.rebuilding import Merged, StudyFacts, merged, rebuild_journal
from xoresnet.search.study.rows import TrialTables
from xoresnet.search.study.storage import study_name
from xoresnet.search.study.tables import FrameWriter

__all__ = ["Repaired", "repair"]

_COPIES = "before-repair"


class Repaired(NamedTuple):
    """What `repair` did."""

    faults: tuple[str, ...]
    """What was wrong; empty if nothing was."""
    trials: int
    """How many trials the study of the search has now."""
    from_tables: tuple[int, ...]
    """Trials that were taken from the tables, all or in part."""
    lost: tuple[int, ...]
    """Trials of which nothing is known any more; most had been answered from the record, which tables do not have."""
    copies: Path | None
    """The folder with what was replaced; None if nothing was."""


def repair(run: str | Path) -> Repaired:
    """Rebuild the journals of a run from their intact lines, the tables and the trials' folders, then the tables.

    What is replaced is kept in a folder `before-repair` of the run. Raises `RunError` for a run without a readable
    configuration, for one whose study is damaged in a database, which cannot be repaired here, and where a process is
    working.
    """
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    folder = RunFolder(Path(run))
    if not folder.path.is_dir():
        raise RunError(f"there is no folder {run}")
    config = folder.saved_config()
    if config is None:
        raise RunError(f"{run} holds no search: it has no config.yaml")
    with claimed(folder.path):
        sweep(folder.path)
        return _Repair(folder.path, config).run()


class _Repair:
    """One repair; the folder is claimed."""

    def __init__(self, folder: Path, config: SearchConfig) -> None:
        self._folder, self._config = folder, config
        self._metrics = [objective.metric for objective in config.objectives]
        self._faults: list[str] = []
        self._copies: Path | None = None

    def run(self) -> Repaired:
        tables = {name: self._table(name) for name in _COLUMNS}
        rebuilt = self._search_journal(tables)
        self._confirm_journal(tables["confirmed"])
        for name in ("confirmed", "predicted"):
            if tables[name] is None and (self._folder / f"{name}.parquet").exists():
                self._set_aside([f"{name}.parquet"])
                (self._folder / f"{name}.parquet").unlink()
        study = look_at_study(self._config, self._folder)
        if study is not None:
            damaged = {f"{name}.parquet" for name, table in tables.items() if table is None}
            self._set_aside(damaged & {*TABLES})
            FrameWriter(study, self._config.objectives, self._folder).write()
        confirmed = look_at_confirm_study(self._folder)
        if confirmed is not None:
            write_confirmed(confirmed, self._folder)
        trials = len(study.get_trials(deepcopy=False)) if study is not None else 0
        return Repaired(tuple(self._faults), trials, tuple(rebuilt.from_tables), tuple(rebuilt.lost), self._copies)

    def _table(self, name: str) -> pd.DataFrame | None:
        """A table of the run; None if it is missing or damaged, which is noted."""
        try:
            return load_table(self._folder, name)
        except DamagedTableError as error:
            self._note(str(error))
            return None

    def _note(self, fault: str) -> None:
        """Note what is wrong without the remedy, which is this."""
        self._faults.append(fault.partition("; to rebuild it")[0])

    def _search_journal(self, tables: Mapping[str, pd.DataFrame | None]) -> Merged:
        config, journal = self._config, self._folder / JOURNAL
        study = look_at_study(config, self._folder)
        fault = record_fault(config, self._folder, study, tables["trials"])
        if not fault and study is not None:
            frames = FrameWriter(study, config.objectives, self._folder).frames()._asdict()
            fault = differing(config, self._folder, changed_trials(tables, frames))
        if not fault:
            if config.storage is None:
                mend(journal)
            return Merged([], [], [])
        self._note(fault)
        if config.storage is not None:
            raise RunError(fault)
        self._set_aside([JOURNAL, *TABLES])
        known_tables = {name: typed([], _COLUMNS[name]) if table is None else table for name, table in tables.items()}
        run = load(self._folder, frames=known_tables)
        known = _Known(journal, study_name(config, self._folder))
        rebuilt = merged(known.trials, TrialTables(self._folder, run, config.search_space))
        system = {_METRIC_NAMES: self._metrics, **known.system_attrs}
        facts = StudyFacts(known.name, self._directions, {IDENTITY: identity_of(config), **known.user_attrs}, system)
        rebuild_journal(journal, facts, rebuilt.trials)
        return rebuilt

    def _confirm_journal(self, table: pd.DataFrame | None) -> None:
        journal = self._folder / CONFIRM_JOURNAL
        damage = damage_of(journal) if journal.exists() else None
        known = _Known(journal, CONFIRM_STUDY)
        lost = ConfirmedTable(self._folder, table, self._metrics, known.study)
        if damage is None and not lost.numbers:
            mend(journal)
            return
        what = (
            f"line {damage.line} {damage.what}" if damage is not None else "trainings of confirmed.parquet are missing"
        )
        self._note(f"{journal}, {what}")
        self._set_aside([CONFIRM_JOURNAL, "confirmed.parquet"])
        trials = [None if trial.number in lost.wrong else trial for trial in known.trials]
        facts = StudyFacts(CONFIRM_STUDY, self._directions, known.user_attrs, known.system_attrs)
        rebuild_journal(journal, facts, merged(trials, lost).trials)

    @property
    def _directions(self) -> list[StudyDirection]:
        return [StudyDirection[objective.optuna_direction.upper()] for objective in self._config.objectives]

    def _set_aside(self, names: Iterable[str]) -> None:
        """Keep copies of files that are about to be replaced."""
        for name in names:
            if not (self._folder / name).exists():
                continue
            if self._copies is None:
                self._copies = _new_folder(self._folder)
            if not (self._copies / name).exists():
                shutil.copy2(self._folder / name, self._copies / name)


class _Known:
    """What the intact lines of a journal tell of a study; nothing without a journal."""

    def __init__(self, journal: Path, name: str) -> None:
        self.name = name
        self.trials: list[FrozenTrial] = []
        self.user_attrs: Mapping[str, Any] = {}
        self.system_attrs: Mapping[str, Any] = {}
        self.study: Study | None = None
        storage = ReadStorage(journal, lenient=True) if journal.exists() else None
        if storage is None or name not in optuna.get_all_study_names(storage):
            return
        self.study = optuna.load_study(study_name=name, storage=storage, sampler=RandomSampler())
        self.trials = self.study.get_trials()
        self.user_attrs = self.study.user_attrs
        self.system_attrs = storage.get_study_system_attrs(self.study._study_id)


def _new_folder(run: Path) -> Path:
    """A folder for copies that does not exist yet."""
    for number in count(1):
        folder = run / (_COPIES if number == 1 else f"{_COPIES}-{number}")
        with suppress(FileExistsError):
            folder.mkdir()
            return folder
    raise AssertionError


_METRIC_NAMES = "study:metric_names"
_COLUMNS = {"trials": TRIALS, "history": HISTORY, "layers": LAYERS, "confirmed": CONFIRMED, "predicted": PREDICTED}
