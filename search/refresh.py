"""The tables of a run, brought up to its study: a search that was killed wrote its journal later than its tables."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path

from xoresnet.search.run_folder import JOURNAL, RunFolder

__all__ = ["refresh"]


def refresh(run: str) -> None:
    """Write the tables anew where the journal is newer than they are and nobody is searching.

    Whatever hinders that, the tables stay as they are and can be read as before: it never raises.
    """
    path = Path(run)
    if "://" in run or not _is_behind(path):
        return
    with suppress(Exception):  # a folder of somebody else's, a damaged journal, a study of a newer version, ...
        _write(RunFolder(path))


def _is_behind(path: Path) -> bool:
    try:
        journal = (path / JOURNAL).stat().st_mtime_ns
        tables = path / "front.csv"  # the last to be written
        return not tables.exists() or tables.stat().st_mtime_ns < journal
    except (OSError, ValueError):
        return False


def _write(folder: RunFolder) -> None:
    from xoresnet.search.frames import FrameWriter
    from xoresnet.search.study import look_at_study

    config = folder.saved_config()
    if config is None or folder.is_busy():
        return
    study = look_at_study(config, folder.path)
    if study is not None:
        FrameWriter(study, config.objectives, folder.path).write()
