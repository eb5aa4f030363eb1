"""Locks: a folder is written by one process at a time."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from filelock import FileLock, Timeout

from xoresnet.errors import RunError

__all__ = ["claimed", "holds_files", "is_claimed"]

_LOCK = ".lock"


@contextmanager
def claimed(folder: Path) -> Iterator[None]:
    """Lock a folder, made if needed, for this process until the block ends. Raises `RunError` if it is locked."""
    folder.mkdir(parents=True, exist_ok=True)
    lock = FileLock(folder / _LOCK)
    try:
        lock.acquire(timeout=0)
    except Timeout:
        raise RunError(f"another process is working in {folder}") from None
    try:
        yield
    finally:
        lock.release()


def is_claimed(folder: Path) -> bool:
    """Whether a process has locked the folder."""
    if not (folder / _LOCK).exists():
        return False
    lock = FileLock(folder / _LOCK)
    try:
        lock.acquire(timeout=0)
    except Timeout:
        return True
    lock.release()
    return False


def holds_files(folder: Path) -> bool:
    """Whether a folder has files other than hidden ones: the lock, and what a killed process left half written."""
    return folder.is_dir() and any(not file.name.startswith(".") for file in folder.iterdir())
