"""A run as it is now: its tables where they are good, and what its study has where they are missing, damaged or old.

The journal is written before the tables, so that a search that was killed leaves tables that are older. Tables in turn
survive a journal that is damaged. Neither is ever replaced by less: tables are written anew only if every trial that
has finished in them is in the study, with the same figures; otherwise a sentence says so, and how to go on.
"""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

import pandas as pd

from xoresnet.errors import RunError
from xoresnet.results.tables.loading import DamagedTableError, RunTables, load, load_table
from xoresnet.search.folders.run import RunFolder
from xoresnet.search.study.faults import FINISHED, differing, lost_trials, record_fault
from xoresnet.search.study.opening import look_at_study
from xoresnet.search.study.tables import Frames, FrameWriter

__all__ = ["CurrentRun", "changed_trials", "current_run"]


class CurrentRun(NamedTuple):
    """A run, and what is wrong with its record."""

    run: RunTables
    fault: str
    """One sentence that names the remedy; empty if nothing is wrong."""


def current_run(run: str | Path, frames: Mapping[str, pd.DataFrame] | None = None) -> CurrentRun:
    """A run as new as it can be; its tables are written anew where that is possible and loses nothing.

    run: its folder. frames: as for `load`, for tables that a search does not write. Raises `RunError`.
    """
    folder, given = RunFolder(Path(run)), frames or {}
    try:
        config = folder.saved_config()
    except RunError:  # of another version, for example: the tables may be readable all the same
        config = None
    if config is None:
        return CurrentRun(load(run, frames=given), "")
    kept = {name: _kept(folder.path, name) for name in Frames._fields}
    is_whole = all(frame is not None for frame in kept.values())
    if is_whole and (config.storage is not None or not folder.is_behind() or folder.is_busy()):
        return CurrentRun(load(run, frames={**given, **_present(kept)}), "")
    study = look_at_study(config, folder.path)
    fault = record_fault(config, folder.path, study, kept["trials"])
    if study is None:
        fault = "" if folder.is_recorded() else fault  # to be read, its tables suffice
        return CurrentRun(load(run, frames={**given, **_present(kept)}), fault)
    writer = FrameWriter(study, config.objectives, folder.path)
    current: dict[str, pd.DataFrame] = writer.frames()._asdict()
    changed = changed_trials(kept, current)
    if changed or (fault and lost_trials(kept["trials"], study)):
        current |= _present(kept)
        fault = fault or differing(config, folder.path, changed)
    if not fault and not folder.is_busy():
        with suppress(OSError):  # another user's folder, a full disk
            writer.write()
    return CurrentRun(load(run, frames={**given, **current}), fault)


def changed_trials(kept: Mapping[str, pd.DataFrame | None], current: Mapping[str, pd.DataFrame]) -> list[int]:
    """The numbers of finished trials whose figures in the tables that were kept differ from those of the study."""
    trials = kept["trials"]
    if trials is None:
        return []
    finished = set(trials.loc[trials["state"].isin(FINISHED), "trial_id"])
    changed: set[int] = set()
    for name, key in _KEYS.items():
        old, new = kept[name], current[name].set_index(key)
        if old is None or not new.index.is_unique:
            continue
        old = old[old["trial_id"].isin(finished)].set_index(key)
        old = old[old.index.isin(new.index)]
        figures = [column for column in old if column in new and str(old[column].dtype) == "float64"]
        before, after = old[figures], new[figures].reindex(old.index)
        differs = ((before != after) & before.notna()).any(axis=1)
        changed |= set(old.index.get_level_values("trial_id")[differs])
    return sorted(map(int, changed))


_KEYS = {"trials": ["trial_id"], "history": ["trial_id", "epoch"], "layers": ["trial_id", "layer"]}
"""What identifies a row of each table."""


def _kept(folder: Path, name: str) -> pd.DataFrame | None:
    """A table of the run; None if it is missing or damaged."""
    try:
        return load_table(folder, name)
    except DamagedTableError:
        return None


def _present(kept: Mapping[str, pd.DataFrame | None]) -> dict[str, pd.DataFrame]:
    return {name: frame for name, frame in kept.items() if frame is not None}
