"""The tables of a run as commands read them, brought up to date with its studies first.

A search, confirmation or ablation that was killed has written its journal later than its tables.
"""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path
from typing import Any

import pandas as pd

from xoresnet.description.user_code import names_only
from xoresnet.errors import NoRunError
from xoresnet.files.places import is_url, local_path
from xoresnet.files.run_contents import no_run
from xoresnet.results.tables.loading import DamagedTableError, RunTables, ablation_run, load
from xoresnet.search.ablation.folder import is_alone
from xoresnet.search.folders.mirror import copied, with_url
from xoresnet.search.folders.run import ABLATION_JOURNAL, CONFIRM_JOURNAL, RunFolder
from xoresnet.search.views.messages import print_note

__all__ = ["read_ablation", "read_run", "row_fields"]

_SIDE_FILES = ((CONFIRM_JOURNAL, "confirmed.parquet"), (ABLATION_JOURNAL, "ablations.parquet"))
"""The journals beside that of the search, and the tables that are made from them."""


def read_run(run: str, *, trust_code: bool = False) -> RunTables:
    """The tables of a run, as new as they can be; what is wrong with its record is said on stderr.

    run: its folder, or its URL. trust_code: whether names of code in its files may be
    imported. Raises `RunError`, and `UntrustedCodeError` where one would have to be.
    """
    if not is_url(run):
        return _read(local_path(run, "RUN"), run, trust_code=trust_code)
    with copied(run) as folder:
        return _read(folder, run, trust_code=trust_code)


def read_ablation(run: str) -> RunTables | None:
    """The ablation of a network that belongs to no search, as new as it can be; None if the folder holds no such one.

    run: its folder, or its URL. Raises `RunError`.
    """
    with copied(run) as folder:
        if not is_alone(RunFolder(folder)):
            return None
        # Optuna, which searches with whole tables do not need
        from xoresnet.search.ablation.study import ABLATION
        from xoresnet.search.ablation.table import ablations_frame
        from xoresnet.search.retraining.current import current_table

        current = current_table(ABLATION, folder, ablations_frame)
        if current.fault:
            print_note(with_url(current.fault, folder))
        return ablation_run(folder, current.table)


def _read(folder: Path, run: str, *, trust_code: bool) -> RunTables:
    """run: the folder, or the URL of which it is a copy."""
    if not folder.is_dir():
        raise NoRunError(no_run(run))
    if not RunFolder(folder).is_behind() and not any(_is_behind(folder, *files) for files in _SIDE_FILES):
        with suppress(DamagedTableError):
            return load(folder)
    # Optuna, which whole tables do not need
    from xoresnet.search.ablation.study import ABLATION
    from xoresnet.search.ablation.table import ablations_frame
    from xoresnet.search.confirmation.study import CONFIRMATION
    from xoresnet.search.confirmation.table import confirmed_frame
    from xoresnet.search.retraining.current import current_table
    from xoresnet.search.study.current import current_run

    with names_only(run, trust_code=trust_code):
        confirmed = current_table(CONFIRMATION, folder, lambda study: confirmed_frame(study, folder))
        ablations = current_table(ABLATION, folder, ablations_frame)
        tables = {"confirmed": confirmed.table, "ablations": ablations.table}
        current = current_run(folder, {name: table for name, table in tables.items() if table is not None})
    for fault in filter(None, (current.fault, confirmed.fault, ablations.fault)):
        print_note(with_url(fault, folder))
    return current.run


def row_fields(row: dict[Any, Any]) -> dict[str, Any]:
    """A row of a table as JSON shows it: missing values are None, and `config` has the parameters of this network."""
    plain = {str(name): _plain(value) for name, value in row.items()}
    config = {name.removeprefix("config."): value for name, value in plain.items() if name.startswith("config.")}
    others = {name: value for name, value in plain.items() if not name.startswith("config.")}
    return {**others, "config": {name: value for name, value in config.items() if value is not None}}


def _is_behind(run: Path, journal_name: str, table_name: str) -> bool:
    """Whether a table may lack something that its journal has, or has lost it."""
    journal, table = run / journal_name, run / table_name
    try:
        return table.stat().st_mtime_ns < journal.stat().st_mtime_ns
    except (OSError, ValueError):
        return journal.exists() != table.exists()


def _plain(value: Any) -> Any:
    if pd.isna(value):
        return None
    return value.isoformat() if isinstance(value, pd.Timestamp) else value
