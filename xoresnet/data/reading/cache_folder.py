"""Where what was read from many files is kept, so that all processes on a machine share it: places, names and locks.

A cache lies in `.xoresnet-cache/` beside the files or, if that is not writable, in `xoresnet/` of `$XDG_CACHE_HOME`
(else `~/.cache`).

- File names contain a fingerprint of everything that the content depends on: paths, sizes and times of the files,
  labels, and what the reader adds. If any of them changes, a new cache is built, which replaces the old one when it is
  complete.
- One process builds at a time; others wait for its lock and then use its result. Machines that share a disk but no
  locks each build files of their own, with the same result.
"""

from __future__ import annotations

import hashlib
import json
import os
import platform
import re
import shutil
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

from xoresnet.data.reading.file_list import FileList
from xoresnet.errors import DataError

__all__ = ["CacheFiles", "cache_places", "check_space", "cores", "first_writable", "locked", "write_whole"]


class CacheFiles(NamedTuple):
    """The files of one cache of one split in one folder."""

    folder: Path
    stem: str
    fingerprint: str

    def file(self, suffix: str) -> Path:
        """A file of the complete cache."""
        return self.folder / f"{self.stem}-{self.fingerprint}{suffix}"

    def growing(self, suffix: str) -> Path:
        """A file that this machine has not completed yet."""
        return self.file(f".{re.sub(r'[^A-Za-z0-9]+', '-', platform.node())}{suffix}.partial")

    @property
    def lock(self) -> Path:
        return self.folder / f"{self.stem}.lock"

    def remove_outdated(self) -> None:
        """Remove the files of the same split that have another fingerprint; call it under the lock.

        Processes that have mapped such a file keep it.
        """
        of_split = re.compile(rf"{re.escape(self.stem)}-[0-9a-f]{{16}}\..*")
        for path in self.folder.iterdir():
            if of_split.fullmatch(path.name) and self.fingerprint not in path.name:
                path.unlink(missing_ok=True)


def cache_places(files: FileList, stem: str, facts: Sequence[Any]) -> list[CacheFiles]:
    """Where a cache may lie, the best place first.

    facts: what its content depends on besides the files, their classes and labels. Raises `DataError` for a file that
    cannot be read.
    """
    fingerprint = _fingerprint(files, facts)
    return [CacheFiles(folder, stem, fingerprint) for folder in _folders(files.root)]


def _folders(root: Path) -> tuple[Path, Path]:
    home = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    place = hashlib.sha256(os.fsencode(root.resolve())).hexdigest()[:10]
    return root / ".xoresnet-cache", home / "xoresnet" / place


def _fingerprint(files: FileList, facts: Sequence[Any]) -> str:
    digest = hashlib.sha256(json.dumps([*facts, files.classes, files.labels]).encode())
    for index, name in enumerate(files.names):
        path = files.path(index)
        try:
            status = path.stat()
        except OSError as error:
            raise DataError(f"{path} cannot be read: {error.strerror}") from None
        digest.update(f"{name}\0{status.st_size}\0{status.st_mtime_ns}\0".encode(errors="surrogateescape"))
    return digest.hexdigest()[:16]


def first_writable(caches: Sequence[CacheFiles], what: str) -> CacheFiles:
    """The first place in which files can be made. what: is cached, for the message. Raises `DataError`."""
    faults: list[str] = []
    for cache in caches:
        try:
            cache.folder.mkdir(parents=True, exist_ok=True)
            cache.lock.open("ab").close()
        except OSError as error:
            faults.append(f"{cache.folder} ({error.strerror})")
        else:
            return cache
    raise DataError(f"{what} can be cached neither in {' nor in '.join(faults)}")


@contextmanager
def locked(cache: CacheFiles) -> Iterator[None]:
    """Hold the lock of a split, which the system releases when the process ends, however it ends."""
    with cache.lock.open("ab") as file:
        try:
            import fcntl

            fcntl.flock(file, fcntl.LOCK_EX)
        except (ImportError, OSError):  # without locks each process builds, and the last rename wins
            pass
        yield


def write_whole(path: Path, text: str) -> None:
    """Write a file that is there as a whole or not at all."""
    unfinished = path.with_suffix(f".{os.getpid()}.tmp")
    unfinished.write_text(text, encoding="utf-8")
    unfinished.replace(path)


def check_space(folder: Path, size: int, what: str, remedy: str) -> None:
    """Raises `DataError` if the disk lacks room for so many more bytes. what: needs them; remedy: what to do."""
    free = shutil.disk_usage(folder).free
    if size > free:
        sizes = f"{size / 2**30:,.1f} GiB more in {folder}, which has {free / 2**30:,.1f}"
        raise DataError(f"{what} need {sizes}: {remedy}")


def cores() -> int:
    """How many processors this process may use."""
    available: Any = getattr(os, "sched_getaffinity", None)
    return len(available(0)) if available else os.cpu_count() or 1
