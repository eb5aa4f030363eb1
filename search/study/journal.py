"""The file that holds a study: one JSON object per line. A crash may leave the last line incomplete."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from optuna.storages import JournalStorage
from optuna.storages.journal import BaseJournalBackend, JournalFileBackend, JournalFileOpenLock

from xoresnet.errors import RunError

__all__ = ["JournalReader", "mend", "open_journal"]


class JournalReader(BaseJournalBackend):
    """A journal for reading only, up to its first incomplete line; its writer may be active."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def read_logs(self, log_number_from: int) -> Iterator[dict[str, Any]]:
        for number, line in enumerate(self._path.read_bytes().split(b"\n")[:-1]):
            entry = _entry(line)
            if entry is None:
                return
            if number >= log_number_from:
                yield entry

    def append_logs(self, logs: list[dict[str, Any]]) -> None:
        raise OSError(f"{self._path} is open for reading only")


def open_journal(path: Path) -> JournalStorage:
    """The storage in this file, created if it is missing. The caller must have claimed the folder. Raises as `mend`."""
    mend(path)
    return JournalStorage(_WholeLines(str(path), lock_obj=JournalFileOpenLock(str(path))))


class _WholeLines(JournalFileBackend):
    """A journal without half lines: on a full disk, the next line would otherwise be added to the half one."""

    def append_logs(self, logs: list[dict[str, Any]]) -> None:
        path = Path(self._file_path)
        before = path.stat().st_size
        try:
            super().append_logs(logs)
        except OSError:
            os.truncate(path, before)
            raise


def mend(path: Path) -> None:
    """Cut off an incomplete end, which Optuna never acknowledged; it is kept in `<name>.journal.torn`.

    The caller must have claimed the folder. Raises `RunError` for damage with intact lines after it.
    """
    if not path.exists():
        return
    Path(f"{path}.lock").unlink(missing_ok=True)  # left by a writer that was killed
    content = path.read_bytes()
    whole = content.rfind(b"\n") + 1
    while whole and _entry(content[(start := content.rfind(b"\n", 0, whole - 1) + 1) : whole]) is None:
        whole = start
    for number, line in enumerate(content[:whole].split(b"\n")[:-1], 1):
        if _entry(line) is None:
            raise RunError(f"{path}, line {number} is damaged, but later lines are intact; repair the file by hand")
    if whole < len(content):
        path.with_suffix(".journal.torn").write_bytes(content[whole:])
        with path.open("r+b") as file:
            file.truncate(whole)


def _entry(line: bytes) -> dict[str, Any] | None:
    """The record in a line; None if it is damaged."""
    try:
        entry = json.loads(line)
    except ValueError:
        return None
    return entry if isinstance(entry, dict) and "op_code" in entry else None
