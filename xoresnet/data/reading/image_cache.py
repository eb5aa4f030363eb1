"""Image files decoded once into a memory-mapped file that all processes on a machine share.

It lies in `.xoresnet-cache/` beside the images or, where that cannot be written, in `xoresnet/` of `$XDG_CACHE_HOME`
(else `~/.cache`): for each split one `.npy`, uint8 [N, C, H, W], and one `.json` with classes, labels and statistics.

- Names carry a fingerprint of all that the content depends on: paths, sizes and times of the files, labels, shape.
  A change of any of them is a new cache, which replaces the old one when it is complete.
- Images are appended in order to a `.partial` file, so its length says how far it is, after SIGKILL too. A restart goes
  on from there. Only a complete file is renamed to `.npy`; hence whatever has that name is complete.
- One process builds at a time: others wait at a lock, then find the work done. Machines that share a disk without
  sharing locks build each its own `.partial`, with the same outcome.
"""

from __future__ import annotations

import hashlib
import io
import json
import math
import os
import platform
import re
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor

from xoresnet.data.datasets.base import Split, Statistics
from xoresnet.data.datasets.image_files import ImageList, decode
from xoresnet.data.datasets.split import channel_statistics
from xoresnet.errors import DataError

__all__ = ["CHUNK_IMAGES", "cached_split"]

CHUNK_IMAGES = 256
"""Decoded, written and reported at a time."""

_FORMAT = 1
"""To be raised when `decode` changes what it returns."""

Progress = Callable[[int, int], None]


class _Cache(NamedTuple):
    """One cache of one split in one folder."""

    folder: Path
    stem: str
    fingerprint: str

    def file(self, suffix: str) -> Path:
        return self.folder / f"{self.stem}-{self.fingerprint}{suffix}"


def cached_split(
    images: ImageList, shape: tuple[int, int, int], part: str, progress: Progress | None = None
) -> tuple[Split, Statistics]:
    """All images of a list, in order, brought to one shape (C, H, W); and their statistics.

    part: names the split in file names. progress: called with images done and in all, first with those that an earlier
    run had done; never where the cache is complete. Raises `DataError`, which names the image or the folder.
    """
    stem = f"{part}-{'x'.join(map(str, shape))}"
    fingerprint = _fingerprint(images, shape)
    caches = [_Cache(folder, stem, fingerprint) for folder in _folders(images.root)]
    full_shape = (len(images.names), *shape)
    for cache in caches:
        found = _open(cache, full_shape)
        if found is not None:
            return Split(found[0], images.label_tensor), found[1]
    cache = _first_writable(caches)
    try:
        with _locked(cache):
            pool, statistics = _open(cache, full_shape) or _build(cache, images, full_shape, progress)
    except OSError as error:
        raise DataError(f"decoded images could not be cached in {cache.folder}: {error}") from error
    return Split(pool, images.label_tensor), statistics


def _folders(root: Path) -> tuple[Path, Path]:
    home = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    place = hashlib.sha256(os.fsencode(root.resolve())).hexdigest()[:10]
    return root / ".xoresnet-cache", home / "xoresnet" / place


def _fingerprint(images: ImageList, shape: tuple[int, int, int]) -> str:
    digest = hashlib.sha256(json.dumps([_FORMAT, shape, images.classes, images.labels]).encode())
    for index, name in enumerate(images.names):
        path = images.path(index)
        try:
            status = path.stat()
        except OSError as error:
            raise DataError(f"{path} cannot be read: {error.strerror}") from None
        digest.update(f"{name}\0{status.st_size}\0{status.st_mtime_ns}\0".encode(errors="surrogateescape"))
    return digest.hexdigest()[:16]


def _open(cache: _Cache, full_shape: tuple[int, ...]) -> tuple[Tensor, Statistics] | None:
    """The complete cache, or None."""
    try:
        about = json.loads(cache.file(".json").read_text(encoding="utf-8"))
        statistics = Statistics(tuple(about["mean"]), tuple(about["std"]))
        return _map(cache.file(".npy"), full_shape), statistics
    except (OSError, ValueError, KeyError, TypeError):
        return None


def _map(path: Path, full_shape: tuple[int, ...]) -> Tensor:
    array = np.load(path, mmap_mode="c")  # copy on write: torch wants memory that it may write
    if array.shape != full_shape or array.dtype != np.uint8:
        raise ValueError(f"{path} has {array.dtype} {array.shape}")
    return torch.from_numpy(array)


def _build(
    cache: _Cache, images: ImageList, full_shape: tuple[int, ...], progress: Progress | None
) -> tuple[Tensor, Statistics]:
    growing = cache.file(f".{re.sub(r'[^A-Za-z0-9]+', '-', platform.node())}.partial")
    _decode_all(growing, images, full_shape, progress)
    statistics = channel_statistics(_map(growing, full_shape))
    about = {
        "classes": images.classes,
        "labels": images.labels,
        "files": images.names,
        "fingerprint": cache.fingerprint,
        **statistics._asdict(),
    }
    _write_whole(cache.file(".json"), json.dumps(about))
    growing.replace(cache.file(".npy"))  # last: this is what makes it complete
    _remove_outdated(cache)
    return _map(cache.file(".npy"), full_shape), statistics


def _decode_all(growing: Path, images: ImageList, full_shape: tuple[int, ...], progress: Progress | None) -> None:
    """Append to the file what it lacks."""
    total, *shape = full_shape
    with growing.open("r+b" if growing.exists() else "w+b") as file:
        done = _resume(file, full_shape)
        if progress is not None:
            progress(done, total)
        decode_one = partial(decode, shape=(shape[0], shape[1], shape[2]))
        with ThreadPoolExecutor(_cores()) as threads:  # threads do: Pillow decodes without holding Python's lock
            for start in range(done, total, CHUNK_IMAGES):
                stop = min(start + CHUNK_IMAGES, total)
                decoded = threads.map(decode_one, [images.path(index) for index in range(start, stop)])
                file.write(b"".join(image.tobytes() for image in decoded))
                file.flush()
                if progress is not None:
                    progress(stop, total)
        os.fsync(file.fileno())


def _resume(file: io.BufferedRandom, full_shape: tuple[int, ...]) -> int:
    """How many whole images the file holds; it is cut after them, and begun anew if it is another's."""
    buffer = io.BytesIO()
    np.lib.format.write_array_header_1_0(buffer, {"descr": "|u1", "fortran_order": False, "shape": full_shape})
    header, image_bytes = buffer.getvalue(), math.prod(full_shape[1:])
    if file.read(len(header)) != header:
        file.seek(0)
        file.truncate()
        file.write(header)
        return 0
    done = min((file.seek(0, os.SEEK_END) - len(header)) // image_bytes, full_shape[0])
    file.truncate(len(header) + done * image_bytes)
    file.seek(0, os.SEEK_END)
    return done


def _write_whole(path: Path, text: str) -> None:
    unfinished = path.with_suffix(f".{os.getpid()}.tmp")
    unfinished.write_text(text, encoding="utf-8")
    unfinished.replace(path)


def _remove_outdated(cache: _Cache) -> None:
    # under the lock, and whoever has mapped such a file keeps it
    of_split = re.compile(rf"{re.escape(cache.stem)}-[0-9a-f]{{16}}\.(npy|json|.*partial)")
    for path in cache.folder.iterdir():
        if of_split.fullmatch(path.name) and cache.fingerprint not in path.name:
            path.unlink(missing_ok=True)


def _first_writable(caches: Sequence[_Cache]) -> _Cache:
    faults: list[str] = []
    for cache in caches:
        try:
            cache.folder.mkdir(parents=True, exist_ok=True)
            _lock_file(cache).open("ab").close()
        except OSError as error:
            faults.append(f"{cache.folder} ({error.strerror})")
        else:
            return cache
    raise DataError(f"decoded images can be cached neither in {' nor in '.join(faults)}")


def _lock_file(cache: _Cache) -> Path:
    return cache.folder / f"{cache.stem}.lock"


@contextmanager
def _locked(cache: _Cache) -> Iterator[None]:
    """Hold the lock of a split; it falls with the process, however that ends."""
    with _lock_file(cache).open("ab") as file:
        try:
            import fcntl

            fcntl.flock(file, fcntl.LOCK_EX)
        except (ImportError, OSError):  # no locks here: then each process builds, and the last rename stands
            pass
        yield


def _cores() -> int:
    available: Any = getattr(os, "sched_getaffinity", None)
    return len(available(0)) if available else os.cpu_count() or 1
