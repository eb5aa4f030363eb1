"""Folders at URLs (`s3://bucket/runs/digits`): object storage and network file systems, through pyarrow or fsspec."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import IO, Any, NamedTuple, TypeVar, cast
from urllib.parse import unquote, urlsplit

import pyarrow as pa
from pyarrow import fs

from xoresnet.errors import NoRunError, RunError
from xoresnet.files.atomic import replaced
from xoresnet.files.places import STORES, as_url, is_url, local_path
from xoresnet.files.secrets import hidden, hidden_address
from xoresnet.plain_text import shown

__all__ = ["RemoteError", "RemoteFile", "RemoteFolder", "find_place", "patiently"]

T = TypeVar("T")

_BLOCK = 8 * 2**20
"""Bytes that are copied at once."""
_PAUSES = 1.0, 3.0, 9.0, 27.0
"""Seconds between two tries."""
_WHOLE = frozenset({"s3", "s3a", "gs", "gcs", "abfs", "abfss", "az", "adl", "oci", "r2", "memory"})
"""Schemes of stores without folders, where a file appears when it is whole; others need folders, and a file to be
renamed."""


class RemoteError(RunError):
    """A place that cannot be reached, read or written."""


class RemoteFile(NamedTuple):
    """What a listing tells of a file."""

    size: int
    """In bytes."""
    modified: datetime | None
    """By the clock of the store; None where it tells none."""


def find_place(place: str) -> tuple[fs.FileSystem, str]:
    """The file system of a path or URL, and the path there. Raises `RemoteError`; `NoRunError` for unknown schemes."""
    if not is_url(place):
        return fs.LocalFileSystem(), str(local_path(place, "place").absolute())
    place = as_url(place)
    named = hidden_address(place)
    try:
        return cast("tuple[fs.FileSystem, str]", fs.FileSystem.from_uri(place.rstrip("/")))
    except OSError as error:  # an address that does not answer
        raise RemoteError(f"{named} cannot be read: {_reason(error)}") from None
    except pa.ArrowInvalid:  # a scheme that pyarrow does not support itself
        import fsspec  # optional: only addresses that pyarrow cannot read need it

        _check_scheme(named)
        try:
            system, path = fsspec.core.url_to_fs(place.rstrip("/"))
        except Exception as error:  # each store has errors of its own
            raise RemoteError(f"{named}: {_reason(error)}") from None
        return fs.PyFileSystem(fs.FSSpecHandler(system)), path


def _check_scheme(url: str) -> None:
    """Raises `NoRunError` for a scheme that fsspec does not know; a package that is missing is its own error."""
    import fsspec

    scheme = url.partition("://")[0]
    try:
        fsspec.get_filesystem_class(scheme)
    except ValueError:
        known = f"use {', '.join(STORES)} or another scheme of fsspec"
        raise NoRunError(f"{url}: unknown URL scheme {shown(scheme)}; {known}") from None
    except ImportError:
        return


class RemoteFolder:
    """A folder at a URL. Names are relative to it, with `/` between folders; errors of the store are `RemoteError`."""

    def __init__(self, url: str) -> None:
        """Raises `RemoteError` for a scheme that is not known, for a URL that contains a key, which others would see in
        commands and files, and for a store that does not answer.
        """
        self.url = url.rstrip("/")
        self.shown = hidden_address(self.url)
        """The URL as it may be shown."""
        if self.shown != self.url:
            raise RemoteError(
                f"{self.shown}: a URL must not contain a key or a password; set the variables that the store knows, "
                "such as AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY"
            )
        self._system, self._path = find_place(self.url)
        self._is_whole = self.url.partition("://")[0].lower() in _WHOLE

    @property
    def name(self) -> str:
        """The last part of the path."""
        return self.name_of(self.url)

    @staticmethod
    def name_of(url: str) -> str:
        """The last part of the path of a URL; empty where it has none.

        >>> RemoteFolder.name_of("s3://bucket/runs/digits/?region=eu")
        'digits'
        """
        parts = urlsplit(url)
        return Path(unquote(parts.path)).name or parts.netloc.rpartition("@")[2]

    def files(self) -> dict[str, RemoteFile]:
        """All files in the folder and below, by name; empty where there is no such folder."""
        selector = fs.FileSelector(self._path, recursive=True, allow_not_found=True)
        with self._errors("listed"):
            found = self._system.get_file_info(selector)
        start = len(self._path.rstrip("/")) + 1
        return {
            info.path[start:]: RemoteFile(info.size or 0, info.mtime) for info in found if info.type == fs.FileType.File
        }

    def file(self, name: str) -> RemoteFile | None:
        """One file; None if there is none."""
        with self._errors("read", name):
            info = self._system.get_file_info(self._at(name))
        return RemoteFile(info.size or 0, info.mtime) if info.type == fs.FileType.File else None

    def read(self, name: str) -> bytes | None:
        """The content of a small file; None if there is none."""
        with self._errors("read", name):
            try:
                with self._system.open_input_stream(self._at(name)) as stream:
                    return cast(bytes, stream.read())
            except (FileNotFoundError, NotADirectoryError):
                return None

    def fetch(self, name: str, target: Path) -> bool:
        """Copy a file to this machine, whose folder exists; False if there is none.

        Raises `OSError` where it cannot be written here.
        """
        with self._errors("read", name):
            try:
                source = self._system.open_input_stream(self._at(name))
            except (FileNotFoundError, NotADirectoryError):
                return False
        with source, replaced(target) as partial, partial.open("wb") as sink:
            while True:
                with self._errors("read", name):
                    block = source.read(_BLOCK)
                if not block:
                    return True
                sink.write(block)

    def put(self, source: Path, name: str, size: int | None = None) -> None:
        """Copy a file of this machine to the folder; size: how many of its bytes, all without it.

        Raises `OSError` where it cannot be read here.
        """
        with source.open("rb") as file, self._errors("written", name), self._writing(name) as sink:
            _copy(file, sink, size)

    def put_text(self, text: str, name: str) -> None:
        """Write a small file in UTF-8."""
        with self._errors("written", name), self._writing(name) as sink:
            sink.write(text.encode("utf-8"))

    def remove(self, name: str) -> None:
        """Remove a file; no error where there is none."""
        with self._errors("removed", name):
            if self._system.get_file_info(self._at(name)).type != fs.FileType.NotFound:
                self._system.delete_file(self._at(name))

    def move(self, name: str, to: str) -> None:
        """Rename a file, and replace the one that had the name before."""
        with self._errors("written", to):
            self._move(self._at(name), self._at(to))

    def _at(self, name: str) -> str:
        return f"{self._path}/{name}"

    def _move(self, before: str, after: str) -> None:
        if not self._is_whole:
            self._system.create_dir(after.rpartition("/")[0], recursive=True)
            if self._system.get_file_info(after).type == fs.FileType.File:
                self._system.delete_file(after)  # some file systems do not replace a file
        self._system.move(before, after)

    @contextmanager
    def _writing(self, name: str) -> Iterator[Any]:
        """Where to write a file, which appears as a whole."""
        path = self._at(name)
        if self._is_whole:
            with self._system.open_output_stream(path) as sink:
                yield sink
            return
        self._system.create_dir(path.rpartition("/")[0], recursive=True)
        folder, _, last = path.rpartition("/")
        partial = f"{folder}/.{last}.partial"
        with self._system.open_output_stream(partial) as sink:
            yield sink
        self._move(partial, path)

    @contextmanager
    def _errors(self, how: str, name: str = "") -> Iterator[None]:
        try:
            yield
        except RemoteError:
            raise
        except Exception as error:  # each store has errors of its own
            place = f"{self.shown}/{name}" if name else self.shown
            raise RemoteError(f"{place} cannot be {how}: {_reason(error)}") from None


def patiently(call: Callable[[], T]) -> T:
    """Call a function that needs a store, again and again for some 40 seconds while it raises `RemoteError`."""
    for pause in _PAUSES:
        try:
            return call()
        except RemoteError:
            time.sleep(pause)
    return call()


def _copy(source: IO[bytes], sink: Any, size: int | None) -> None:
    left = size
    while block := source.read(_BLOCK if left is None else min(left, _BLOCK)):
        sink.write(block)
        left = None if left is None else left - len(block)


def _reason(error: BaseException) -> str:
    return hidden((str(error).splitlines() or [type(error).__name__])[0])
