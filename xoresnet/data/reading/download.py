"""Downloads of published files: each is whole and has its published checksum before it takes its place.

torchvision knows the addresses and the checksums. Its own downloads write into the file itself, and take an unpacked
file for whole because it exists, so that one interruption can block all later attempts.
"""

from __future__ import annotations

import hashlib
import http.client
import os
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, NamedTuple
from urllib.request import urlopen

from xoresnet.data.reading.loader import require
from xoresnet.errors import DataError
from xoresnet.files.atomic import replaced
from xoresnet.limits import MOST_FILE_BYTES

__all__ = ["RemoteFile", "fetch", "md5_of", "published_files", "set_aside"]

_CHUNK = 2**20
_TIMEOUT_SECONDS = 60


class RemoteFile(NamedTuple):
    """One published file."""

    name: str
    urls: tuple[str, ...]
    """Addresses of the same content, tried in order."""
    md5: str


def published_files(class_name: str) -> list[RemoteFile]:
    """The files of a class of `torchvision.datasets`. Raises `DataError` if torchvision cannot be imported."""
    kind = getattr(require("torchvision.datasets", "downloading"), class_name)
    if hasattr(kind, "resources"):
        return [RemoteFile(name, tuple(mirror + name for mirror in kind.mirrors), md5) for name, md5 in kind.resources]
    return [RemoteFile(kind.filename, (kind.url,), kind.tgz_md5)]


def fetch(
    files: Iterable[RemoteFile],
    folder: Path,
    is_whole: Callable[[Path], bool],
    *,
    most_bytes: int = MOST_FILE_BYTES,
) -> None:
    """Fetch those files that the folder lacks, or whose copy there is neither the published one nor `is_whole`.

    A copy is replaced only when the new one is complete and has its checksum. most_bytes: of one file. Raises
    `DataError`, which names the address and the reason; the folder is then as it was, but for the files that had been
    fetched before.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with _alone(folder) as is_alone:
            for file in files:
                path = folder / file.name
                if is_alone:
                    _remove_partial(path)
                if not path.is_file() or (md5_of(path) != file.md5 and not is_whole(path)):
                    _fetch(file, path, most_bytes)
    except OSError as error:
        raise DataError(f"nothing can be downloaded into {folder}: {error.strerror or error}") from error


def set_aside(path: Path) -> None:
    """Rename a file that is in the way and may be the user's own, to a name that nothing has: `NAME.other`."""
    aside = path.with_name(f"{path.name}.other")
    number = 1
    while aside.exists():
        number += 1
        aside = path.with_name(f"{path.name}.other{number}")
    path.rename(aside)


def md5_of(path: Path) -> str:
    """The MD5 of a file, in hexadecimal digits."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, lambda: hashlib.md5(usedforsecurity=False)).hexdigest()


def _fetch(file: RemoteFile, path: Path, most_bytes: int) -> None:
    faults: list[str] = []
    for url in file.urls:
        try:
            with replaced(path) as partial:
                _download(url, partial, file.md5, most_bytes)
        except (OSError, http.client.HTTPException, ValueError) as error:
            faults.append(f"{url}: {' '.join(str(error).split()) or type(error).__name__}")
        else:
            return
    raise DataError(f"{file.name} could not be downloaded into {path.parent}: {'; '.join(faults)}")


def _download(url: str, path: Path, md5: str, most_bytes: int) -> None:
    """Raises OSError, HTTPException, or ValueError for content that is not the published one."""
    digest, size = hashlib.md5(usedforsecurity=False), 0
    with urlopen(url, timeout=_TIMEOUT_SECONDS) as source, path.open("wb") as target:
        for chunk in _chunks(source):
            size += len(chunk)
            if size > most_bytes:
                raise ValueError("it does not end")
            digest.update(chunk)
            target.write(chunk)
    if digest.hexdigest() != md5:
        raise ValueError(f"{size:,} bytes arrived, whose MD5 is {digest.hexdigest()}, not {md5}")


def _chunks(source: IO[bytes]) -> Iterator[bytes]:
    return iter(lambda: source.read(_CHUNK), b"")


def _remove_partial(path: Path) -> None:
    """What a process that was killed has left of a download; the folder is ours alone."""
    for partial in path.parent.glob(f".{path.name}.*"):
        if partial.suffix[1:].isdecimal():
            partial.unlink(missing_ok=True)


@contextmanager
def _alone(folder: Path) -> Iterator[bool]:
    """Hold the folder's lock, which the system releases when the process ends; later comers find the files whole.

    Yields False where there are no such locks: each process then fetches, and the last rename wins.
    """
    try:
        import fcntl
    except ImportError:
        yield False
        return
    handle = os.open(folder, os.O_RDONLY)
    try:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX)
            is_alone = True
        except OSError:  # some file servers know no locks
            is_alone = False
        yield is_alone
    finally:
        os.close(handle)
