"""Files that are replaced as a whole: whoever reads one sees what was there before or what is there now."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

__all__ = ["replaced", "sweep", "write_text"]


@contextmanager
def replaced(path: Path) -> Iterator[Path]:
    """A path beside `path` to write to; once the block has ended well, it takes the place of `path`, for good.

    Missing folders are made. What an exception leaves half written is removed.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        yield partial
        with partial.open("r+b") as file:
            os.fsync(file.fileno())
        partial.chmod(0o666 & ~_umask())  # some libraries write files for their owner alone
        partial.replace(path)
        _sync_folder(path.parent)
    finally:
        partial.unlink(missing_ok=True)


def write_text(path: Path, text: str) -> None:
    with replaced(path) as partial:
        partial.write_text(text, encoding="utf-8")


def sweep(folder: Path) -> None:
    """Remove what killed processes left half written; for whoever has the folder to itself."""
    for partial in folder.glob(".*.*"):
        if partial.suffix[1:].isdecimal():
            partial.unlink(missing_ok=True)


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask


def _sync_folder(folder: Path) -> None:
    """Make a rename last through a power cut, where folders can be synced."""
    if os.name != "posix":
        return
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
