"""Disks that are full: recognised in the error of any library, and described in a sentence."""

from __future__ import annotations

import errno
import os
import re
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

__all__ = ["disk_errors", "free_bytes", "full_disk", "is_full", "size_text"]

_NUMBERS = {
    errno.ENOSPC: "no space is left",
    errno.EDQUOT: "the quota is used up",
    errno.EFBIG: "a limit on the size of files is reached",
}
"""The system's numbers for "no more can be written here", and what they mean."""
_IN_TEXT = re.compile(
    rf"(?:[Ee]rrno|os error) ({'|'.join(map(str, _NUMBERS))})\b|No space left on device|database or disk is full"
)


def is_full(error: BaseException | str) -> bool:
    """Whether an error, or its text, says that no more can be written: the disk, a quota or a limit is exhausted.

    >>> is_full("OSError: [Errno 28] No space left on device: 'a.txt'"), is_full("ValueError: no such merge")
    (True, False)
    """
    return _number_of(error) is not None


def free_bytes(folder: Path) -> int | None:
    """The bytes that may be written to a folder, or to the folder that will hold it; None if that cannot be known."""
    try:
        existing = next((place for place in (folder, *folder.absolute().parents) if place.exists()), folder)
        return shutil.disk_usage(existing).free
    except OSError:
        return None


def full_disk(folder: Path, needed: int = 0, error: BaseException | str = "") -> str:
    """A sentence that names the folder, how much is free on its disk, and how much is needed, in bytes.

    error: what was raised, which tells quotas and limits from full disks.
    """
    what = _NUMBERS[_number_of(error) or errno.ENOSPC]
    free = free_bytes(folder)
    known = "an unknown amount is" if free is None else f"{size_text(free)} are"
    return f"{what} in {folder}: {known} free on its disk" + (f", about {size_text(needed)} needed" if needed else "")


def size_text(count: int) -> str:
    """A number of bytes in a few characters.

    >>> size_text(999), size_text(1_234_567), size_text(72_000_000_000)
    ('999 bytes', '1.2 MB', '72.0 GB')
    """
    for size, unit in ((10**9, "GB"), (10**6, "MB"), (10**3, "kB")):
        if count >= size:
            return f"{count / size:.1f} {unit}"
    return f"{count} bytes"


@contextmanager
def disk_errors(path: Path) -> Iterator[None]:
    """Raise as `OSError` what safetensors raises, as an error of its own, for a file that cannot be written."""
    try:
        yield
    except Exception as error:
        number = re.search(r"\(os error (\d+)\)", str(error)) if type(error).__name__ == "SafetensorError" else None
        if number is None:
            raise
        raise OSError(int(number[1]), os.strerror(int(number[1])), str(path)) from None


def _number_of(error: BaseException | str) -> int | None:
    """The system's number in an error or in what caused it; None if it is about something else."""
    if isinstance(error, str):
        match = _IN_TEXT.search(error)
        return None if match is None else int(match[1] or errno.ENOSPC)
    seen: BaseException | None = error
    while seen is not None:
        if isinstance(seen, OSError) and seen.errno in _NUMBERS:
            return seen.errno
        if not isinstance(seen, OSError) and (number := _number_of(str(seen))) is not None:
            return number
        seen = seen.__cause__
    return None
