"""Downloads of published recordings, whose addresses and checksums tonic knows, and unpacking them.

An archive is whole and has its published checksum before it is unpacked, and what is unpacked is whole before it takes
its place; so what an interruption leaves is never taken for a data set.
"""

from __future__ import annotations

import shutil
import tarfile
import zipfile
import zlib
from collections.abc import Mapping, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory

from xoresnet.data.reading.download import RemoteFile, fetch
from xoresnet.data.reading.loader import require
from xoresnet.errors import DataError
from xoresnet.limits import MOST_ARCHIVE_BYTES

__all__ = ["download_with_tonic", "unpack"]


def download_with_tonic(class_name: str, parts: Mapping[str, Sequence[str]], folder: Path) -> None:
    """Fetch and unpack what a class of `tonic.datasets` names, as far as the folder lacks it.

    parts: `train_`, `test_`, or an empty text for the only archive, each with the folders that its archive contains.
    Raises `DataError`, which names the address and the reason.
    """
    kind = getattr(require("tonic.datasets", "downloading (pip install 'xoresnet[events]')"), class_name)
    for part, inside in parts.items():
        if all((folder / name).is_dir() for name in inside):
            continue
        name, url = getattr(kind, f"{part}filename"), getattr(kind, f"{part}url")
        file = RemoteFile(name, (url,), getattr(kind, f"{part}md5" if part else "file_md5"))
        fetch([file], folder, lambda path: False, most_bytes=MOST_ARCHIVE_BYTES)
        unpack(folder / name, folder)
        (folder / name).unlink()


def unpack(archive: Path, folder: Path) -> None:
    """Unpack a .zip or .tar.gz, and the .zip archives in it, into a folder; entries that are there already stay.

    Raises `DataError` for a damaged archive and for members outside of the folder.
    """
    try:
        with TemporaryDirectory(dir=folder, prefix=".unpacking-") as name:
            place = Path(name)
            _extract(archive, place)
            for inner in sorted(place.rglob("*.zip")):
                _extract(inner, inner.parent)
                inner.unlink()
            for entry in place.iterdir():
                if not (folder / entry.name).exists():
                    shutil.move(entry, folder / entry.name)
    except (OSError, EOFError, ValueError, tarfile.TarError, zipfile.BadZipFile, zlib.error) as error:
        raise DataError(f"{archive} cannot be unpacked into {folder}: {error}") from error


def _extract(archive: Path, folder: Path) -> None:
    if zipfile.is_zipfile(archive):
        with zipfile.ZipFile(archive) as file:
            file.extractall(folder)  # names that lead outside are taken as names inside
    else:
        with tarfile.open(archive, "r:*") as tar:
            tar.extractall(folder, filter="data")
