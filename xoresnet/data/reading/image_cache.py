"""Image files decoded once into a memory-mapped file that all processes on a machine share.

The cache lies in `.xoresnet-cache/` beside the images or, if that is not writable, in `xoresnet/` of `$XDG_CACHE_HOME`
(else `~/.cache`). Each split has one `.npy`, uint8 [N, C, H, W], and one `.json` with classes, labels and statistics.

- File names contain a fingerprint of everything that the content depends on: paths, sizes and times of the files,
  labels, shape. If any of them changes, a new cache is built, which replaces the old one when it is complete.
- Images are appended in order to a `.partial` file, whose length tells how many are done, even after SIGKILL; a restart
  continues from there. Only a complete file is renamed to `.npy`, so every file of that name is complete.
- One process builds at a time; others wait for its lock and then use its result. Machines that share a disk but no
  locks each build a `.partial` of their own, with the same result.
"""

from __future__ import annotations

import hashlib
import io
import json
import math
import os
import platform
import re
import shutil
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch
from numpy.lib.format import open_memmap
from torch import Tensor

from xoresnet.data.images import Split, Statistics
from xoresnet.data.reading.image_files import ImageList, decode, is_converted
from xoresnet.data.reading.loader import Progress
from xoresnet.data.reading.split import channel_statistics
from xoresnet.errors import DataError

__all__ = ["CHUNK_IMAGES", "cached_split"]

CHUNK_IMAGES = 256
"""How many images are decoded, written and reported at a time."""

_FORMAT = 2
"""Must be increased when `decode` changes what it returns."""


class _Cache(NamedTuple):
    """One cache of one split in one folder."""

    folder: Path
    stem: str
    fingerprint: str

    def file(self, suffix: str) -> Path:
        return self.folder / f"{self.stem}-{self.fingerprint}{suffix}"


class _Complete(NamedTuple):
    """What a complete cache holds."""

    pool: Tensor
    statistics: Statistics
    converted: int
    """How many images were grey and were read in colour, or the reverse."""


def cached_split(
    images: ImageList, shape: tuple[int, int, int], part: str, progress: Progress | None = None
) -> tuple[Split, Statistics]:
    """All images of a list, in order, decoded to one shape (C, H, W), and their statistics.

    part: the name of the split in file names. progress: called first with the images that an earlier run had decoded;
    never called if the cache is complete. Raises `DataError` that names the image or the folder.
    """
    stem = f"{part}-{'x'.join(map(str, shape))}"
    fingerprint = _fingerprint(images, shape)
    caches = [_Cache(folder, stem, fingerprint) for folder in _folders(images.root)]
    full_shape = (len(images.names), *shape)
    for cache in caches:
        complete = _open(cache, full_shape)
        if complete is not None:
            return _split(complete, images)
    cache = _first_writable(caches)
    try:
        with _locked(cache):
            complete = _open(cache, full_shape) or _build(cache, images, full_shape, progress)
    except OSError as error:
        raise DataError(f"decoded images could not be cached in {cache.folder}: {error}") from error
    return _split(complete, images)


def _split(complete: _Complete, images: ImageList) -> tuple[Split, Statistics]:
    return Split(complete.pool, images.label_tensor, converted=complete.converted), complete.statistics


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


def _open(cache: _Cache, full_shape: tuple[int, ...]) -> _Complete | None:
    """What a complete cache holds; None if it is missing or damaged."""
    try:
        about = json.loads(cache.file(".json").read_text(encoding="utf-8"))
        statistics = Statistics(tuple(about["mean"]), tuple(about["std"]))
        return _Complete(_map(cache.file(".npy"), full_shape), statistics, int(about["converted"]))
    except (OSError, ValueError, KeyError, TypeError):
        return None


def _map(path: Path, full_shape: tuple[int, ...]) -> Tensor:
    array = open_memmap(path, mode="c")  # copy on write, because torch needs writable memory
    if array.shape != full_shape or array.dtype != np.uint8:
        raise ValueError(f"{path} has {array.dtype} {array.shape}")
    return torch.from_numpy(array)


def _build(cache: _Cache, images: ImageList, full_shape: tuple[int, ...], progress: Progress | None) -> _Complete:
    growing = cache.file(f".{re.sub(r'[^A-Za-z0-9]+', '-', platform.node())}.partial")
    _decode_all(growing, images, full_shape, progress)
    statistics = channel_statistics(_map(growing, full_shape))
    converted = _count_converted(images, full_shape[1])
    about = {
        "classes": images.classes,
        "labels": images.labels,
        "files": images.names,
        "fingerprint": cache.fingerprint,
        "converted": converted,
        **statistics._asdict(),
    }
    _write_whole(cache.file(".json"), json.dumps(about))
    growing.replace(cache.file(".npy"))  # last, because this marks the cache as complete
    _remove_outdated(cache)
    return _Complete(_map(cache.file(".npy"), full_shape), statistics, converted)


def _count_converted(images: ImageList, channels: int) -> int:
    """By the headers of all files, because an earlier process may have decoded some of them."""
    with ThreadPoolExecutor(_cores()) as threads:
        paths = map(images.path, range(len(images.names)))
        return sum(threads.map(partial(is_converted, channels=channels), paths))


def _decode_all(growing: Path, images: ImageList, full_shape: tuple[int, ...], progress: Progress | None) -> None:
    """Append the images that the file lacks."""
    total, *shape = full_shape
    with growing.open("r+b" if growing.exists() else "w+b") as file:
        done = _resume(file, full_shape)
        _check_space(growing, (total - done) * math.prod(shape))
        if progress is not None:
            progress(done, total)
        decode_one = partial(decode, shape=(shape[0], shape[1], shape[2]))
        with ThreadPoolExecutor(_cores()) as threads:  # threads suffice: Pillow decodes without holding the GIL
            for start in range(done, total, CHUNK_IMAGES):
                stop = min(start + CHUNK_IMAGES, total)
                decoded = threads.map(decode_one, [images.path(index) for index in range(start, stop)])
                file.write(b"".join(image.tobytes() for image in decoded))
                file.flush()
                if progress is not None:
                    progress(stop, total)
        os.fsync(file.fileno())


def _check_space(growing: Path, size: int) -> None:
    """Raises `DataError` if the disk lacks room for so many more bytes."""
    free = shutil.disk_usage(growing.parent).free
    if size > free:
        raise DataError(
            f"the decoded images need {size / 2**30:,.1f} GiB more in {growing.parent}, which has {free / 2**30:,.1f}: "
            "free some space, or give a smaller image_size"
        )


def _resume(file: io.BufferedRandom, full_shape: tuple[int, ...]) -> int:
    """How many whole images the file holds; it is truncated after them, or emptied if its header is another's."""
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
    # safe under the lock: processes that have mapped such a file keep it
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
    """Hold the lock of a split, which the system releases when the process ends, however it ends."""
    with _lock_file(cache).open("ab") as file:
        try:
            import fcntl

            fcntl.flock(file, fcntl.LOCK_EX)
        except (ImportError, OSError):  # without locks each process builds, and the last rename wins
            pass
        yield


def _cores() -> int:
    available: Any = getattr(os, "sched_getaffinity", None)
    return len(available(0)) if available else os.cpu_count() or 1
