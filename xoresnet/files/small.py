"""Files of settings and descriptions, whose size is checked before they are read."""

from __future__ import annotations

from pathlib import Path

from xoresnet.errors import UsageError
from xoresnet.limits import MOST_TEXT_BYTES

__all__ = ["read_small"]


def read_small(path: Path) -> bytes:
    """The content of a file of at most `limits.MOST_TEXT_BYTES`. Raises `UsageError` for a larger one, and OSError."""
    with path.open("rb") as file:
        content = file.read(MOST_TEXT_BYTES + 1)  # no more, also of devices and pipes, which have no size
    if len(content) > MOST_TEXT_BYTES:
        raise UsageError(f"{path} is larger than {MOST_TEXT_BYTES / 2**20:g} MiB, too large for a file of settings")
    return content
