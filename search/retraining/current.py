"""The table of retrained networks as new as it can be, for those who read a run."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

import pandas as pd
from optuna.study import Study

from xoresnet.errors import RunError
from xoresnet.results.tables.loading import DamagedTableError, load_table
from xoresnet.search.folders.claim import is_claimed
from xoresnet.search.folders.run import RunFolder
from xoresnet.search.retraining.side_study import SideStudy

__all__ = ["CurrentTable", "current_table"]


class CurrentTable(NamedTuple):
    """A table made from the study of retrained networks, and what is wrong with that study."""

    table: pd.DataFrame | None
    """None if nothing was retrained."""
    fault: str
    """One sentence that names the remedy; empty if nothing is wrong."""


def current_table(side: SideStudy, folder: Path, frame: Callable[[Study], pd.DataFrame]) -> CurrentTable:
    """The table as new as it can be, written anew where that is possible and loses nothing."""
    try:
        kept = load_table(folder, side.table)
    except DamagedTableError:
        kept = None
    try:
        study = side.look(folder)
    except RunError as error:
        return CurrentTable(kept, str(error))
    if study is None and RunFolder(folder).is_recorded():
        return CurrentTable(kept, "")  # to be read, its table suffices
    fault = side.fault(folder, kept, study)
    if study is None or fault:
        return CurrentTable(kept, fault)
    table = frame(study)
    if not is_claimed(folder):
        with suppress(OSError):  # another user's folder, a full disk
            side.write(folder, table)
    return CurrentTable(table, "")
