"""The file that holds a study: one JSON object per line (`lines.py`). A crash may leave the last line incomplete."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import wraps
from pathlib import Path
from typing import Any, Concatenate, NamedTuple, ParamSpec, Protocol, TypeVar

from optuna.storages.journal import BaseJournalBackend, JournalFileOpenLock
from optuna.study import Study

from xoresnet.errors import RunError
from xoresnet.search.study.indexed_journal import IndexedJournal
from xoresnet.search.study.lines import entry_of, guarded, is_guarded, number_of

__all__ = ["TRIAL", "Damage", "JournalFile", "damage_of", "fault_of", "mend", "open_journal", "written_together"]

P = ParamSpec("P")
T = TypeVar("T")
_CREATES_TRIAL = 4
"""Optuna's code of the operation."""
TRIAL = "trial"
"""The key of a trial's number in the line that creates it."""


class Damage(NamedTuple):
    """The first line of a journal that is not what was written, although intact ones follow."""

    line: int
    """Counted from 1."""
    what: str
    """What is wrong with it, as a clause about the file."""


class JournalFile(BaseJournalBackend):
    """Optuna's journal in a file that this process alone writes: each line is guarded, and a line is written or not.

    Lines are those of `JournalFileBackend`, which can read the file; it keeps the place of every line in memory. A line
    that creates a trial has its number in the file too, so that a line that is lost does not renumber later trials.
    """

    def __init__(self, path: Path, *, durable: bool = True) -> None:
        """durable: whether each line is on the disk before the next is written."""
        self._path, self._durable = path, durable
        self._lock = JournalFileOpenLock(str(path))
        path.touch()
        self._read = self._place = 0
        """How many lines were read, and where the next one begins."""
        self._trials = 0
        """How many trials those lines have created."""
        self._together = 0
        """How many blocks of `together` are open."""
        self._unsafe = False
        """Whether lines were written that may not be on the disk yet."""

    def read_logs(self, log_number_from: int) -> Iterator[dict[str, Any]]:
        if log_number_from < self._read:
            self._read = self._place = self._trials = 0
        with self._path.open("rb") as file:
            file.seek(self._place)
            for line in file:
                if not line.endswith(b"\n"):
                    return
                entry = entry_of(line[:-1])
                if entry is None:
                    raise RunError(f"{self._path}, line {self._read + 1} is damaged")
                self._read += 1
                self._place += len(line)
                self._trials += entry["op_code"] == _CREATES_TRIAL
                if self._read > log_number_from:
                    yield entry

    def append_logs(self, logs: list[dict[str, Any]]) -> None:
        """Write entries at the end. Raises `OSError`, and then the file is as it was: a disk may be full."""
        self._lock.acquire()
        try:
            with self._path.open("r+b", buffering=0) as file:
                end = file.seek(0, os.SEEK_END)
                content = self._lines(logs, *self._counts(file.fileno(), end))
                try:
                    _write_all(file.fileno(), content)
                    self._unsafe = self._durable
                    if not self._together:
                        self._make_durable(file.fileno())
                except OSError:
                    file.truncate(end)
                    raise
        finally:
            self._lock.release()

    @contextmanager
    def together(self) -> Iterator[None]:
        """Lines that are written in the block reach the disk at its end, together, in place of one after the other.

        What a process has written survives its death at once; the disk matters where the machine dies. Raises `OSError`
        at the end of the block where the disk fails.
        """
        self._together += 1
        try:
            yield
        finally:
            self._together -= 1
            if self._unsafe and not self._together:
                with self._path.open("rb", buffering=0) as file:
                    self._make_durable(file.fileno())

    def _make_durable(self, file: int) -> None:
        if self._unsafe:
            os.fsync(file)
        self._unsafe = False

    def _counts(self, file: int, end: int) -> tuple[int, int]:
        """How many lines and trials the file has; lines that were not read are another program's."""
        unread = os.pread(file, end - self._place, self._place) if end > self._place else b""
        created = sum(line.startswith(b'{"op_code":%d,' % _CREATES_TRIAL) for line in unread.splitlines())
        return self._read + unread.count(b"\n"), self._trials + created

    def _lines(self, logs: Sequence[dict[str, Any]], lines: int, trials: int) -> bytes:
        """Entries as they are written behind so many lines and trials."""
        content = b""
        for number, log in enumerate(logs, lines + 1):
            creates = log["op_code"] == _CREATES_TRIAL
            content += guarded({**log, TRIAL: trials} if creates else log, number)
            trials += creates
        return content


class _HasStudy(Protocol):
    @property
    def study(self) -> Study: ...


Owner = TypeVar("Owner", bound=_HasStudy)


def written_together(method: Callable[Concatenate[Owner, P], T]) -> Callable[Concatenate[Owner, P], T]:
    """Decorate a method of something with a study: what it writes to a journal reaches the disk when it returns."""

    @wraps(method)
    def together(self: Owner, /, *args: P.args, **kwargs: P.kwargs) -> T:
        backend = getattr(self.study._storage, "_backend", None)
        if not isinstance(backend, JournalFile):
            return method(self, *args, **kwargs)
        with backend.together():
            return method(self, *args, **kwargs)

    return together


def open_journal(path: Path) -> IndexedJournal:
    """The storage in this file, created if it is missing. The caller must have claimed the folder. Raises as `mend`."""
    mend(path)
    return IndexedJournal(JournalFile(path))


def mend(path: Path) -> None:
    """Cut off an incomplete end, which Optuna never acknowledged; it is kept in `<name>.journal.torn`.

    The caller must have claimed the folder. Raises `RunError` for damage with intact lines after it.
    """
    if not path.exists():
        return
    Path(f"{path}.lock").unlink(missing_ok=True)  # left by a writer that was killed
    damage, whole = _checked(path)
    if damage is not None:
        raise RunError(
            f"{path}, line {damage.line} {damage.what}, but later lines are intact; "
            f"to rebuild it: xoresnet repair {path.parent}"
        )
    if whole < path.stat().st_size:
        with path.open("r+b") as file:
            file.seek(whole)
            path.with_suffix(".journal.torn").write_bytes(file.read())
            file.truncate(whole)


def damage_of(path: Path) -> Damage | None:
    """What is wrong with a journal; None for one that is intact or only torn at its end. Raises `OSError`."""
    return _checked(path)[0]


def _checked(path: Path) -> tuple[Damage | None, int]:
    """The first damage, and where the last intact line ends if there is none."""
    damage, place, whole = None, 0, 0
    with path.open("rb") as file:
        for number, line in enumerate(file, 1):
            place += len(line)
            what, is_intact = fault_of(line, number)
            if what and damage is None:
                damage = Damage(number, what)
            if is_intact:
                if damage is not None:
                    return damage, whole
                whole = place
    return None, whole


def fault_of(line: bytes, number: int) -> tuple[str, bool]:
    """What is wrong with a line at this place, as a clause about it; and whether its content is intact all the same.

    line: with its end of line; number: counted from 1.
    """
    if not line.endswith(b"\n"):
        return "is incomplete", False
    line = line[:-1]
    if not is_guarded(line):
        return ("", True) if entry_of(line) is not None else ("is damaged", False)
    own = number_of(line)
    if own is None:
        return "is damaged", False
    return ("" if own == number else f"is out of place: it was written as line {own}", True)


def _write_all(file: int, content: bytes) -> None:
    while content:
        content = content[os.write(file, content) :]
