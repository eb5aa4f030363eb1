"""`repair`: a run whose journals or tables are damaged, rebuilt from whatever is intact."""

from __future__ import annotations

import re
import shutil
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from itertools import count
from pathlib import Path
from typing import Any, NamedTuple

import optuna
import pandas as pd
from optuna.samplers import RandomSampler
from optuna.study import Study, StudyDirection
from optuna.trial import FrozenTrial

from xoresnet.errors import NoRunError, RunError
from xoresnet.files.atomic import sweep
from xoresnet.files.run_contents import no_run
from xoresnet.files.secrets import hidden_address
from xoresnet.results.tables.columns import ABLATIONS, CONFIRMED, HISTORY, LAYERS, PREDICTED, TRIALS, typed
from xoresnet.results.tables.loading import DamagedTableError, load, load_table
from xoresnet.search.ablation.folder import is_alone
from xoresnet.search.ablation.rows import compared_attributes, trainings
from xoresnet.search.ablation.study import ABLATION
from xoresnet.search.ablation.table import ablations_frame
from xoresnet.search.config import SearchConfig
from xoresnet.search.confirmation.study import CONFIRMATION
from xoresnet.search.confirmation.table import confirmed_frame
from xoresnet.search.folders.claim import claimed
from xoresnet.search.folders.mirror import named_as, with_url
from xoresnet.search.folders.remote_run import writable_run
from xoresnet.search.folders.run import JOURNAL, RECORDED, TABLES, RunFolder
from xoresnet.search.objective import DEFAULT_OBJECTIVES, Objective
from xoresnet.search.retraining.rows import RetrainedTable
from xoresnet.search.retraining.side_study import SideStudy
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
    recorded: bool = False
    """Whether the run had been passed on without its study, so that its tables are complete and nothing was lost."""


def repair(run: str | Path, *, on_wait: Callable[[str], None] = lambda sentence: None) -> Repaired:
    """Rebuild the journals of a run from their intact lines, the tables and the trials' folders, then the tables.

    run: its folder, or its URL. What is replaced is kept in a folder `before-repair` of the run. Raises `RunError` for
    a run without a readable configuration, for one whose study is damaged in a database, which cannot be repaired here,
    and where a process is working. on_wait: called with a sentence before a long wait.
    """
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    with writable_run(run, on_wait) as folder:
        if not folder.path.is_dir():
            raise NoRunError(no_run(run))
        with named_as(folder.path, hidden_address(str(run))):
            config = None if is_alone(folder) else folder.saved_config()
            if config is None and not is_alone(folder):
                raise NoRunError(no_run(folder.path))
        with claimed(folder.path):
            sweep(folder.path)
            objectives = DEFAULT_OBJECTIVES if config is None else config.objectives
            repair_of = _Repair(folder.path, objectives)
            repaired = repair_of.ablation() if config is None else repair_of.search(config)
        repaired = repaired._replace(faults=tuple(with_url(fault, folder.path) for fault in repaired.faults))
        fault = "" if folder.uploads is None else folder.uploads.push()
        if fault:
            raise RunError(f"{fault}; the same command uploads what was repaired")
    return repaired


class _Repair:
    """One repair; the folder is claimed."""

    def __init__(self, folder: Path, objectives: Sequence[Objective]) -> None:
        self._folder, self._objectives = folder, objectives
        self._metrics = [objective.metric for objective in objectives]
        self._faults: list[str] = []
        self._copies: Path | None = None

    def search(self, config: SearchConfig) -> Repaired:
        """Rebuild a search, its confirmation and its ablation."""
        tables = {name: self._table(name) for name in _COLUMNS}
        recorded = RunFolder(self._folder).is_recorded()
        rebuilt = self._search_journal(config, tables)
        self._side_journal(CONFIRMATION, tables["confirmed"], lambda known: known)
        for name in ("confirmed", "predicted"):
            self._drop_damaged(name, tables[name])
        study = look_at_study(config, self._folder)
        if study is not None:
            damaged = {f"{name}.parquet" for name, table in tables.items() if table is None}
            self._set_aside(damaged & {*TABLES})
            FrameWriter(study, config.objectives, self._folder).write()
        confirmed = CONFIRMATION.look(self._folder)
        if confirmed is not None:
            CONFIRMATION.write(self._folder, confirmed_frame(confirmed, self._folder))
        self._ablation(tables["ablations"])
        trials = len(study.get_trials(deepcopy=False)) if study is not None else 0
        from_tables, lost = tuple(rebuilt.from_tables), tuple(rebuilt.lost)
        return Repaired(tuple(self._faults), trials, from_tables, lost, self._copies, recorded)

    def ablation(self) -> Repaired:
        """Rebuild an ablation that belongs to no search."""
        trials = self._ablation(self._table("ablations"))
        return Repaired(tuple(self._faults), trials, (), (), self._copies)

    def _ablation(self, table: pd.DataFrame | None) -> int:
        """Rebuild the journal and the table of an ablation; returns how many trainings there are."""
        self._side_journal(ABLATION, trainings(table), lambda known: compared_attributes(known, table))
        self._drop_damaged("ablations", table)
        study = ABLATION.look(self._folder)
        if study is None:
            return 0
        ABLATION.write(self._folder, ablations_frame(study))
        return len(study.get_trials(deepcopy=False))

    def _drop_damaged(self, name: str, table: pd.DataFrame | None) -> None:
        """Remove a table that could not be read, of which a copy is kept."""
        if table is None and (self._folder / f"{name}.parquet").exists():
            self._set_aside([f"{name}.parquet"])
            (self._folder / f"{name}.parquet").unlink()

    def _table(self, name: str) -> pd.DataFrame | None:
        """A table of the run; None if it is missing or damaged, which is noted."""
        try:
            return load_table(self._folder, name)
        except DamagedTableError as error:
            self._note(str(error))
            return None

    def _note(self, fault: str) -> None:
        """Note what is wrong without the remedy, which is this."""
        self._faults.append(re.sub("; to [^;:]*: xoresnet repair .*", "", fault))

    def _search_journal(self, config: SearchConfig, tables: Mapping[str, pd.DataFrame | None]) -> Merged:
        journal = self._folder / JOURNAL
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
        self._set_aside([JOURNAL, *TABLES, RECORDED])
        known_tables = {name: typed([], _COLUMNS[name]) if table is None else table for name, table in tables.items()}
        run = load(self._folder, frames=known_tables)
        known = _Known(journal, study_name(config, self._folder))
        rebuilt = merged(known.trials, TrialTables(self._folder, run, config.search_space))
        system = {_METRIC_NAMES: self._metrics, **known.system_attrs}
        facts = StudyFacts(known.name, self._directions, {IDENTITY: identity_of(config), **known.user_attrs}, system)
        rebuild_journal(journal, facts, rebuilt.trials)
        (self._folder / RECORDED).unlink(missing_ok=True)
        return rebuilt

    def _side_journal(
        self,
        side: SideStudy,
        rows: pd.DataFrame | None,
        attributes: Callable[[Mapping[str, Any]], Mapping[str, Any]],
    ) -> None:
        """The journal of a confirmation or an ablation.

        rows: the trainings of its table. attributes: completes those of the study, of which it is given what was read.
        """
        journal = self._folder / side.journal
        damage = damage_of(journal) if journal.exists() else None
        known = _Known(journal, side.name)
        lost = RetrainedTable(self._folder, side.folder, rows, self._metrics, known.study)
        if damage is None and not lost.numbers:
            mend(journal)
            return
        what = (
            f"line {damage.line} {damage.what}"
            if damage is not None
            else f"trainings of {side.table}.parquet are missing"
        )
        self._note(f"{journal}, {what}")
        self._set_aside([side.journal, f"{side.table}.parquet"])
        trials = [None if trial.number in lost.wrong else trial for trial in known.trials]
        facts = StudyFacts(side.name, self._directions, attributes(known.user_attrs), known.system_attrs)
        rebuild_journal(journal, facts, merged(trials, lost).trials)

    @property
    def _directions(self) -> list[StudyDirection]:
        return [StudyDirection[objective.optuna_direction.upper()] for objective in self._objectives]

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
_COLUMNS = {
    "trials": TRIALS,
    "history": HISTORY,
    "layers": LAYERS,
    "confirmed": CONFIRMED,
    "ablations": ABLATIONS,
    "predicted": PREDICTED,
}
