"""The tables of a run, brought up to its studies: what was killed wrote its journal later than its tables."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path

from xoresnet.search.folders.run import CONFIRM_JOURNAL, JOURNAL, RunFolder

__all__ = ["refresh"]


def refresh(run: str) -> None:
    """Write the tables anew where a journal is newer than they are and nobody is at work in the folder.

    Whatever hinders that, the tables stay as they are and can be read as before: it never raises.
    """
    if "://" in run:
        return
    path = Path(run)
    if _is_behind(path / "front.csv", path / JOURNAL):  # the last to be written
        with suppress(Exception):  # a folder of somebody else's, a damaged journal, a study of a newer version, ...
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
    from xoresnet.search.study.opening import look_at_study
    from xoresnet.search.study.tables import FrameWriter

    config = folder.saved_config()
    if config is None or folder.is_busy():
        return
    study = look_at_study(config, folder.path)
    if study is not None:
        FrameWriter(study, config.objectives, folder.path).write()


def _write_confirmed(folder: RunFolder) -> None:
    from xoresnet.search.confirmation.study import look_at_confirm_study
    from xoresnet.search.confirmation.table import write_confirmed

    if folder.is_busy():
        return
    study = look_at_confirm_study(folder.path)
    if study is not None:
        write_confirmed(study, folder.path)
