"""What the driver writes into the copy of a run, brought to the run's URL while the search goes on."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import NamedTuple

from xoresnet.files.atomic import write_text
from xoresnet.files.remote import RemoteError, RemoteFolder
from xoresnet.search.folders.mirror import TRAININGS, UPLOADED, hidden_address_in

__all__ = ["Uploads"]

_PAUSE_SECONDS = 5.0
_SHARE = 20
"""Uploads take at most one part in so many of the time."""
_TAIL = 2**16
"""Bytes that are searched at once for the end of a line."""
_BEGUN = (*TRAININGS, "prior")
"""What exists once something was trained."""


class _State(NamedTuple):
    modified: int
    size: int


class Uploads:
    """Uploads changed files of a copy from time to time, in a thread, and removes files at the URL that are done with.

    Files are removed only after an upload of the journal that says why, so that a machine that is lost never leaves a
    run whose journal still needs them.
    """

    def __init__(
        self, remote: RemoteFolder, folder: Path, same: Iterable[str], may_write: Callable[[], bool] = lambda: True
    ) -> None:
        """folder: the copy. same: the names of files that are at the URL as they are here. may_write: whether this
        process still has the right to write there.
        """
        self.remote, self._folder, self._may_write = remote, folder, may_write
        self.faults: list[str] = []
        """A sentence for each new reason why nothing could be uploaded for a while."""
        self._known = {name: _state((folder / name).stat()) for name in same}
        self._removals: dict[str, None] = {}
        self._lock = threading.Lock()
        """Held while a file is removed, so that its trial is not handed out in between."""
        self._pushing = threading.Lock()
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)

    def begin(self) -> None:
        """Upload from time to time from now on."""
        self._thread.start()

    def end(self) -> str:
        """Upload what is left; returns what went wrong, as a sentence, empty if nothing did or nothing was begun."""
        began = self._thread.ident is not None
        self.stop()
        return self.push() if began else ""

    def stop(self) -> None:
        """Upload nothing any more."""
        self._ended.set()
        if self._thread.is_alive():
            self._thread.join()

    def remove_later(self, *names: str) -> None:
        """Remove files at the URL once the journal as it is now has been uploaded."""
        with self._lock:
            self._removals |= dict.fromkeys(names)

    def settle(self, name: str) -> bool:
        """Forget that a file was to be removed, because it will be written again; returns whether it was."""
        with self._lock:
            return name in self._removals and self._removals.pop(name) is None

    def push(self) -> str:
        """Upload what has changed since the last time; returns the first fault, empty if there was none."""
        with self._pushing:
            try:
                return self._push()
            except Exception as error:  # as where the folder was moved, which the search notices itself
                return f"{type(error).__name__}: {error}"

    def _push(self) -> str:
        if not any((self._folder / name).exists() for name in _BEGUN):  # a search that may still be refused
            return ""
        with self._lock:
            removals = list(self._removals)
        for name, state in sorted(self._changed(), key=lambda each: not each[0].endswith(".journal")):
            if not self._may_write():
                return f"{self.remote.shown} belongs to another driver, or has not answered for too long"
            try:
                self._upload(name, state)
            except FileNotFoundError:  # replaced or removed meanwhile
                continue
            except RemoteError as error:
                return str(error)
            self._known[name] = state
        if not (self._folder / UPLOADED).exists():
            write_text(self._folder / UPLOADED, "")
        for name in removals:
            with self._lock:
                if name not in self._removals or not self._may_write():
                    continue
                try:
                    self.remote.remove(name)
                except RemoteError as error:
                    return str(error)
                del self._removals[name]
        return ""

    def _upload(self, name: str, state: _State) -> None:
        path = self._folder / name
        if name == "config.yaml":
            self.remote.put_text(hidden_address_in(path.read_text(encoding="utf-8")), name)
        elif name.endswith(".journal"):
            self.remote.put(path, name, _whole_lines(path, state.size))
        else:
            self.remote.put(path, name)

    def _changed(self) -> Iterator[tuple[str, _State]]:
        for name, state in _files(self._folder):
            if self._known.get(name) != state:
                yield name, state

    def _run(self) -> None:
        pause, said = _PAUSE_SECONDS, ""
        while not self._ended.wait(pause):
            began = time.monotonic()
            fault = self.push()
            pause = max(_PAUSE_SECONDS, _SHARE * (time.monotonic() - began))
            if fault and fault != said:
                self.faults.append(f"{fault}; it is tried again")
            said = fault


def _files(folder: Path, prefix: str = "") -> Iterator[tuple[str, _State]]:
    """All files below a folder but hidden ones and locks, by name."""
    try:
        entries = list(os.scandir(folder))
    except FileNotFoundError:
        return
    for entry in entries:
        if entry.name.startswith(".") or entry.name.endswith(".lock"):
            continue
        try:
            if entry.is_dir(follow_symlinks=False):
                yield from _files(Path(entry.path), f"{prefix}{entry.name}/")
            elif entry.is_file(follow_symlinks=False):
                yield f"{prefix}{entry.name}", _state(entry.stat())
        except FileNotFoundError:
            continue


def _state(status: os.stat_result) -> _State:
    return _State(status.st_mtime_ns, status.st_size)


def _whole_lines(path: Path, size: int) -> int:
    """Where the last whole line among the first `size` bytes ends: the next one may be being written."""
    with path.open("rb") as file:
        end = size
        while end > 0:
            begin = max(0, end - _TAIL)
            file.seek(begin)
            place = file.read(end - begin).rfind(b"\n")
            if place >= 0:
                return begin + place + 1
            end = begin
    return 0
