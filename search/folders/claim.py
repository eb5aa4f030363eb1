"""Locks: a folder is written by one process at a time."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from filelock import FileLock, Timeout

from xoresnet.errors import RunError

__all__ = ["LOCK", "claimed", "holds_files", "is_claimed"]

LOCK = ".lock"
"""The file that is locked."""


_PATIENCE = 0.2
"""Seconds: a process that only asks whether the folder is locked holds the lock for an instant."""


@contextmanager
def claimed(folder: Path) -> Iterator[None]:
    """Lock a folder, made if needed, for this process until the block ends. Raises `RunError` if it is locked."""
    folder.mkdir(parents=True, exist_ok=True)
    lock = FileLock(folder / LOCK)
    try:
        lock.acquire(timeout=_PATIENCE, poll_interval=_PATIENCE / 10)
    except Timeout:
        raise RunError(f"another process is working in {folder}; wait for its end, or stop it") from None
    try:
        yield
    finally:
        lock.release()


def is_claimed(folder: Path) -> bool:
    """Whether a process has locked the folder. Nothing is written, so that a folder may be read-only."""
    try:
        handle = os.open(folder / LOCK, os.O_RDONLY)
    except OSError:
        return False
    try:
        fcntl.flock(handle, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    except OSError:  # a file system without locks
        return False
    finally:
        os.close(handle)  # which releases it
    return False


def holds_files(folder: Path) -> bool:
    """Whether a folder has files other than hidden ones: the lock, and what a killed process left half written."""
    return folder.is_dir() and any(not file.name.startswith(".") for file in folder.iterdir())
