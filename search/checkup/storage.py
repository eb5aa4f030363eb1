"""The place of a run, a folder or a URL: whether a machine can write, read and delete there.

What is written for that has a hidden name of its own and is deleted at once. No folder is made, except where a network
file system keeps folders.
"""

from __future__ import annotations

import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, NamedTuple

from xoresnet.errors import NoRunError, RunError
from xoresnet.files.disk import free_bytes
from xoresnet.files.places import as_url, is_url, local_path
from xoresnet.files.remote import RemoteError, RemoteFolder
from xoresnet.files.run_contents import wrong_content
from xoresnet.files.small import read_small
from xoresnet.files.yaml_text import read_yaml
from xoresnet.limits import MOST_TEXT_BYTES
from xoresnet.search.checkup.reasons import in_few_words
from xoresnet.search.folders.claim import holds_files, is_claimed
from xoresnet.search.folders.lease import is_leased

__all__ = ["Marker", "Storage", "look_from_node", "marked", "saved_config", "storage_facts"]

_ARRIVAL_SECONDS = 5.0
"""How long a network file system may take to show what another machine has written."""


class Storage:
    """Small files in one place."""

    def __init__(self, place: str) -> None:
        """place: a folder or a URL. Raises `RunError` for a URL that no file system serves or that is silent."""
        self.remote = RemoteFolder(as_url(place)) if is_url(place) else None
        self.folder = None if is_url(place) else local_path(place, "--run").absolute()
        self.shown = self.remote.shown if self.remote is not None else str(self.folder)
        """Without secrets."""

    def read(self, name: str) -> bytes | None:
        """The content of a small file; None if there is no such file. Raises `RunError` and `OSError`."""
        if self.folder is not None:
            file = self.folder / name
            return read_small(file) if file.exists() else None
        assert self.remote is not None
        info = self.remote.file(name)
        if info is not None and info.size > MOST_TEXT_BYTES:
            raise RunError(f"{self.shown}/{name} is larger than {MOST_TEXT_BYTES / 2**20:g} MiB")
        return None if info is None else self.remote.read(name)


class Marker(NamedTuple):
    """A file that the driver has written at a URL, for nodes to look for."""

    url: str
    name: str
    content: str


@contextmanager
def marked(storage: Storage) -> Iterator[Marker | None]:
    """A marker at a URL until the block ends; None for a folder, which nodes need not see.

    Raises `RunError` where nothing can be written, or not be read again.
    """
    name, content = f".doctor-{uuid.uuid4().hex}", uuid.uuid4().hex
    if storage.remote is None:
        assert storage.folder is not None
        _try_folder(storage.folder, name, content)
        yield None
        return
    try:
        _try_url(storage.remote, name, content)
        yield Marker(storage.remote.url, name, content)
    finally:
        with suppress(RemoteError):
            storage.remote.remove(name)


def _try_folder(folder: Path, name: str, content: str) -> None:
    """Write and remove a file in a folder, or where it can be made. Raises `RunError`."""
    file = folder / name
    try:
        file = next(place for place in (folder, *folder.parents) if place.exists()) / name
        file.write_text(content, encoding="utf-8")
        same = file.read_text(encoding="utf-8") == content
        file.unlink()
    except OSError as error:
        with suppress(OSError):
            file.unlink(missing_ok=True)
        raise RunError(f"{folder} cannot be written: {in_few_words(error)}") from None
    if not same:
        raise RunError(f"{folder} does not hold what was written there")


def _try_url(remote: RemoteFolder, name: str, content: str) -> None:
    """Write a file, and read it again. Raises `RunError`."""
    try:
        remote.put_text(content, name)
        same = remote.read(name) == content.encode()
    except RemoteError as error:
        raise RunError(str(error).replace(f"/{name}", "")) from None
    if not same:
        raise RunError(f"{remote.shown} does not hold what was written there")


def look_from_node(marker: Marker) -> dict[str, Any]:
    """Whether this machine sees the driver's marker, and whether it can write, read and delete beside it.

    `sees`, `writes` and `fault`, the sentence why not.
    """
    try:
        remote = RemoteFolder(marker.url)
        if not _sees(remote, marker):
            fault = f"what other machines write at {remote.shown} does not arrive"
            return {"sees": False, "writes": None, "fault": fault}
    except RemoteError as error:
        return {"sees": False, "writes": None, "fault": str(error).replace(f"/{marker.name}", "")}
    own = f"{marker.name}-{uuid.uuid4().hex[:8]}"
    try:
        _try_url(remote, own, marker.content)
        remote.remove(own)
    except RunError as error:
        with suppress(RemoteError):
            remote.remove(own)
        return {"sees": True, "writes": False, "fault": str(error).replace(f"/{own}", "")}
    return {"sees": True, "writes": True, "fault": ""}


def _sees(remote: RemoteFolder, marker: Marker) -> bool:
    until = time.monotonic() + _ARRIVAL_SECONDS
    while remote.read(marker.name) != marker.content.encode():
        if time.monotonic() > until:
            return False
        time.sleep(0.2)
    return True


def saved_config(storage: Storage) -> dict[str, Any] | None:
    """The configuration of the search in this place; None for a place that is empty or does not exist yet.

    Raises `RunError` for a place that holds something else.
    """
    where = f"{storage.shown}/config.yaml"
    try:
        text = storage.read("config.yaml")
        saved = None if text is None else read_yaml(text.decode(), where)
    except RunError:
        raise
    except (OSError, UnicodeDecodeError) as error:
        raise RunError(f"{where} cannot be read: {in_few_words(error)}") from None
    except ValueError as error:  # YAML that is none
        raise RunError(str(error)) from None
    if text is None:
        if storage.folder is not None and holds_files(storage.folder):
            raise NoRunError(f"{storage.shown} holds other files")
        return None
    if not isinstance(saved, dict) or saved.get("command") != "search":
        raise NoRunError(f"{storage.shown} {wrong_content(saved, 'search')}")
    return saved


def storage_facts(storage: Storage) -> dict[str, Any]:
    """What can be told without writing: whether a process works in the folder, and the free space on its disk."""
    if storage.remote is not None:
        return {"place": storage.shown, "in_use": is_leased(storage.remote), "free_bytes": None}
    assert storage.folder is not None
    return {
        "place": storage.shown,
        "in_use": is_claimed(storage.folder),
        "free_bytes": free_bytes(storage.folder),
    }
