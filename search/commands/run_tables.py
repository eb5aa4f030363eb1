"""The tables of a run as commands read them, brought up to date with its studies first.

A search or confirmation that was killed has written its journal later than its tables.
"""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path
from typing import Any

import pandas as pd

from xoresnet.description.user_code import names_only
from xoresnet.errors import RunError
from xoresnet.results.tables.loading import DamagedTableError, Run, load
from xoresnet.search.folders.run import CONFIRM_JOURNAL, RunFolder
from xoresnet.search.views.messages import print_note

__all__ = ["read_run", "row_fields"]


def read_run(run: str, *, trust_code: bool = False) -> Run:
    """The tables of a run, as new as they can be; what is wrong with its record is said on stderr.

    run: its folder, or a URL, whose tables are read as they are. trust_code: whether names of code in its files may be
    imported. Raises `RunError`, and `UntrustedCodeError` where one would have to be.
    """
    if "://" in run:
        return load(run)
    if not Path(run).is_dir():
        raise RunError(f"there is no folder {run}")
    if not RunFolder(Path(run)).is_behind() and not _is_behind(Path(run)):
        with suppress(DamagedTableError):
            return load(run)
    # Optuna, which whole tables do not need
    from xoresnet.search.confirmation.table import current_confirmed
    from xoresnet.search.study.current import current_run

    with names_only(run, trust_code=trust_code):
        confirmed = current_confirmed(Path(run))
        current = current_run(run, {} if confirmed.table is None else {"confirmed": confirmed.table})
    for fault in filter(None, (current.fault, confirmed.fault)):
        print_note(fault)
    return current.run


def row_fields(row: dict[Any, Any]) -> dict[str, Any]:
    """A row of a table as JSON shows it: missing values are None, and `config` has the parameters of this network."""
    plain = {str(name): _plain(value) for name, value in row.items()}
    config = {name.removeprefix("config."): value for name, value in plain.items() if name.startswith("config.")}
    others = {name: value for name, value in plain.items() if not name.startswith("config.")}
    return {**others, "config": {name: value for name, value in config.items() if value is not None}}


def _is_behind(run: Path) -> bool:
    """Whether the table of a confirmation may lack something that its journal has, or has lost it."""
    journal, table = run / CONFIRM_JOURNAL, run / "confirmed.parquet"
    try:
        return table.stat().st_mtime_ns < journal.stat().st_mtime_ns
    except (OSError, ValueError):
        return journal.exists() != table.exists()


def _plain(value: Any) -> Any:
    if pd.isna(value):
        return None
    return value.isoformat() if isinstance(value, pd.Timestamp) else value
