"""The files of a run as a worker sees them: in the run's folder, or here, and brought there.

A worker writes into the run's folder itself where it sees it. Elsewhere it works in a folder of its own, and its files
go to the URL of the run, or through Ray to the driver (`courier.py`). Nothing need be mounted anywhere.
"""

from __future__ import annotations

import os
import shutil
import tempfile
import time
import uuid
from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, NamedTuple, Self

from xoresnet.files.remote import RemoteFolder, patiently
from xoresnet.search.execution.worker import courier
from xoresnet.search.folders.run import MARKER, RunFolder

__all__ = ["Reach", "WorkFiles", "sees_folder", "work_files"]


_PREFIX = "xoresnet-files-"
_DAY = 86_400.0
"""Seconds."""


class Reach(NamedTuple):
    """How workers reach the files of a run."""

    folder: str
    """The run's, on the driver's machine."""
    marker: str
    """The name of a file in it."""
    content: str
    """The content of that file; no other file has it."""
    courier: str
    """The name of the actor that passes on files."""
    url: str | None = None
    """The URL of the run; None for a run in a folder."""

    @classmethod
    def of(cls, folder: RunFolder) -> Self:
        """How to reach the files of a run in this session."""
        content = uuid.uuid4().hex
        url = None if folder.uploads is None else folder.uploads.remote.url
        return cls(str(folder.path), MARKER, content, f"xoresnet-courier-{content}", url)

    def mark(self) -> None:
        """Write the file by which workers see whether the folder is theirs, too; called by the driver."""
        Path(self.folder, self.marker).write_text(self.content, encoding="utf-8")


class WorkFiles(ABC):
    """Files and folders are named by their paths on the driver's machine."""

    def __init__(self, run: Path, here: Path) -> None:
        """run: the run's folder on the driver's machine. here: where its files are on this one."""
        self._run, self._here = run, here

    def place(self, path: str | Path) -> Path:
        """Where a file or folder of the run is on this machine, or is to be written."""
        return self._here / Path(path).relative_to(self._run)

    def take(self, path: str | Path) -> Path:
        """A file of the run, brought here if there is one; otherwise the place where it may be written."""
        place = self.place(path)
        place.parent.mkdir(parents=True, exist_ok=True)
        self._fetch(self._name(place), place)
        return place

    def give(self, place: Path) -> None:
        """Bring a file that was written here to the run. Raises `OSError` or `RemoteError` if that is not possible."""
        self._put(place, self._name(place))

    def _name(self, place: Path) -> str:
        return place.relative_to(self._here).as_posix()

    @abstractmethod
    def _fetch(self, name: str, place: Path) -> None: ...

    @abstractmethod
    def _put(self, place: Path, name: str) -> None: ...


class _Shared(WorkFiles):
    """The run's folder itself."""

    def take(self, path: str | Path) -> Path:
        return self.place(path)  # in a folder that the driver has made

    def _fetch(self, name: str, place: Path) -> None: ...

    def _put(self, place: Path, name: str) -> None: ...


class _Carried(WorkFiles):
    """Copies, through Ray."""

    def __init__(self, run: Path, here: Path, actor: str) -> None:
        super().__init__(run, here)
        self._actor = actor

    def _fetch(self, name: str, place: Path) -> None:
        courier.fetch(self._actor, name, place)

    def _put(self, place: Path, name: str) -> None:
        courier.give(self._actor, place, name)


class _Uploaded(WorkFiles):
    """Copies of what is at the run's URL."""

    def __init__(self, run: Path, here: Path, url: str) -> None:
        super().__init__(run, here)
        self._remote = patiently(lambda: RemoteFolder(url))

    def _fetch(self, name: str, place: Path) -> None:
        patiently(lambda: self._remote.fetch(name, place))

    def _put(self, place: Path, name: str) -> None:
        patiently(lambda: self._remote.put(place, name))


@contextmanager
def work_files(reach: Mapping[str, Any] | None, run: str | Path) -> Iterator[WorkFiles]:
    """The files of a run for one job of a worker. Raises `RemoteError` where the URL cannot be reached.

    reach: the fields of `Reach`; None for the folder `run` of this machine.
    """
    way = None if reach is None else Reach(**reach)
    folder = Path(run if way is None else way.folder)
    if way is None or (way.url is None and sees_folder(way)):
        yield _Shared(folder, folder)
        return
    _sweep()
    with tempfile.TemporaryDirectory(prefix=f"{_PREFIX}{os.getpid()}-", ignore_cleanup_errors=True) as scratch:
        here = Path(scratch)
        yield _Carried(folder, here, way.courier) if way.url is None else _Uploaded(folder, here, way.url)


def _sweep() -> None:
    """Remove what killed workers left here more than a day ago."""
    for folder in Path(tempfile.gettempdir()).glob(f"{_PREFIX}*"):
        with suppress(OSError):
            if folder.stat().st_uid == os.getuid() and time.time() - folder.stat().st_mtime > _DAY:
                shutil.rmtree(folder, ignore_errors=True)


def sees_folder(way: Reach) -> bool:
    """Whether this process sees the run's folder of the driver, and not another one of that name."""
    try:
        return Path(way.folder, way.marker).read_text(encoding="utf-8") == way.content
    except OSError:
        return False
