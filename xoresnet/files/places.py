"""Places that are written to: folders and files of this machine, not URLs."""

from __future__ import annotations

import re
from pathlib import Path

from xoresnet.errors import UsageError

__all__ = ["local_path"]

_SCHEME = re.compile(r"^([A-Za-z][A-Za-z0-9+.-]+):/+")
"""Of a URL, also where a `Path` has merged its slashes; a drive of Windows has one letter."""


def local_path(place: str | Path, what: str) -> Path:
    """The path of a folder or file. Raises `UsageError` for a URL, which would become a folder named `s3:`.

    what: the beginning of the sentence, such as `--run`.

    >>> local_path("runs/digits", "--run")
    PosixPath('runs/digits')
    """
    text = str(place)
    scheme = _SCHEME.match(text)
    if scheme is None:
        return Path(place)
    rest = text[scheme.end() :]
    if scheme[1].lower() == "file":
        raise UsageError(f"{what}: a folder or file is named by its path, not by a URL; write /{rest}")
    url = f"{scheme[1]}://{rest}"
    raise UsageError(f"{what}: {url} is a URL, but files are written to folders of this machine only; mount or copy it")
