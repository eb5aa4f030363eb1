"""The tables of a run as commands read them, brought up to date with its studies first.

A search or confirmation that was killed has written its journal later than its tables.
"""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path
from typing import Any

import pandas as pd

from xoresnet.errors import RunError
from xoresnet.results.tables.loading import Run, load
from xoresnet.search.folders.run import CONFIRM_JOURNAL, JOURNAL, RunFolder

__all__ = ["read_run", "refresh", "row_fields"]


def read_run(run: str) -> Run:
    """The tables of a run, as new as they can be; run: its folder, or a URL. Raises `RunError`."""
    if "://" not in run and not Path(run).is_dir():
        raise RunError(f"there is no folder {run}")
    refresh(run)
    return load(run)


def row_fields(row: dict[Any, Any]) -> dict[str, Any]:
    """A row of a table as JSON shows it: missing values are None, and `config` has the parameters of this network."""
    plain = {str(name): _plain(value) for name, value in row.items()}
    config = {name.removeprefix("config."): value for name, value in plain.items() if name.startswith("config.")}
    others = {name: value for name, value in plain.items() if not name.startswith("config.")}
    return {**others, "config": {name: value for name, value in config.items() if value is not None}}


def refresh(run: str) -> None:
    """Write the tables anew if a journal is newer than they are and no process is at work in the folder.

    Never raises: if the tables cannot be written, they stay as they are and can still be read.
    """
    if "://" in run:
        return
    path = Path(run)
    if _is_behind(path / "front.csv", path / JOURNAL):  # the last to be written
        with suppress(Exception):  # another user's folder, a damaged journal, a study of a newer version, ...
            _write_searched(RunFolder(path))
    if _is_behind(path / "confirmed.parquet", path / CONFIRM_JOURNAL):
        with suppress(Exception):
            _write_confirmed(RunFolder(path))


def _is_behind(table: Path, journal: Path) -> bool:
    try:
        written = journal.stat().st_mtime_ns
        return not table.exists() or table.stat().st_mtime_ns < written
    except (OSError, ValueError):
        return False


def _write_searched(folder: RunFolder) -> None:
    # Optuna, which reading tables does not need
    from xoresnet.search.study.opening import look_at_study
    from xoresnet.search.study.tables import FrameWriter

    config = folder.saved_config()
    if config is None or folder.is_busy():
        return
    study = look_at_study(config, folder.path)
    if study is not None:
        FrameWriter(study, config.objectives, folder.path).write()


def _write_confirmed(folder: RunFolder) -> None:
    # Optuna, as above
    from xoresnet.search.confirmation.study import look_at_confirm_study
    from xoresnet.search.confirmation.table import write_confirmed

    if folder.is_busy():
        return
    study = look_at_confirm_study(folder.path)
    if study is not None:
        write_confirmed(study, folder.path)


def _plain(value: Any) -> Any:
    if pd.isna(value):
        return None
    return value.isoformat() if isinstance(value, pd.Timestamp) else value
