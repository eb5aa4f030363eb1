"""Image files decoded once into a memory-mapped file that all processes on a machine share (`cache_folder.py`).

Each split has one `.npy`, uint8 [N, C, H, W], and one `.json` with classes, labels and statistics. Images are appended
in order to a `.partial` file, whose length tells how many are done, even after SIGKILL; a restart continues from there.
Only a complete file is renamed to `.npy`, so every file of that name is complete.
"""

from __future__ import annotations

import io
import json
import math
import os
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
from numpy.lib.format import open_memmap
from torch import Tensor

from xoresnet.data.images import Split, Statistics
from xoresnet.data.reading.cache_folder import (
    CacheFiles,
    cache_places,
    check_space,
    cores,
    first_writable,
    locked,
    write_whole,
)
from xoresnet.data.reading.file_list import FileList
from xoresnet.data.reading.image_files import decode, is_converted
from xoresnet.data.reading.loader import Progress
from xoresnet.data.reading.split import channel_statistics
from xoresnet.errors import DataError

__all__ = ["CHUNK_IMAGES", "cached_split"]

CHUNK_IMAGES = 256
"""How many images are decoded, written and reported at a time."""

_FORMAT = 2
"""Must be increased when `decode` changes what it returns."""


class _Complete(NamedTuple):
    """What a complete cache holds."""

    pool: Tensor
    statistics: Statistics
    converted: int
    """How many images were grey and were read in colour, or the reverse."""


def cached_split(
    images: FileList, shape: tuple[int, int, int], part: str, progress: Progress | None = None
) -> tuple[Split, Statistics]:
    """All images of a list, in order, decoded to one shape (C, H, W), and their statistics.

    part: the name of the split in file names. progress: called first with the images that an earlier run had decoded;
    never called if the cache is complete. Raises `DataError` that names the image or the folder.
    """
    stem = f"{part}-{'x'.join(map(str, shape))}"
    caches = cache_places(images, stem, (_FORMAT, shape))
    full_shape = (len(images.names), *shape)
    for cache in caches:
        complete = _open(cache, full_shape)
        if complete is not None:
            return _split(complete, images)
    cache = first_writable(caches, "decoded images")
    try:
        with locked(cache):
            complete = _open(cache, full_shape) or _build(cache, images, full_shape, progress)
    except OSError as error:
        raise DataError(f"decoded images could not be cached in {cache.folder}: {error}") from error
    return _split(complete, images)


def _split(complete: _Complete, images: FileList) -> tuple[Split, Statistics]:
    return Split(complete.pool, images.label_tensor, converted=complete.converted), complete.statistics


def _open(cache: CacheFiles, full_shape: tuple[int, ...]) -> _Complete | None:
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


def _build(cache: CacheFiles, images: FileList, full_shape: tuple[int, ...], progress: Progress | None) -> _Complete:
    growing = cache.growing("")
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
    write_whole(cache.file(".json"), json.dumps(about))
    growing.replace(cache.file(".npy"))  # last, because this marks the cache as complete
    cache.remove_outdated()
    return _Complete(_map(cache.file(".npy"), full_shape), statistics, converted)


def _count_converted(images: FileList, channels: int) -> int:
    """By the headers of all files, because an earlier process may have decoded some of them."""
    with ThreadPoolExecutor(cores()) as threads:
        paths = map(images.path, range(len(images.names)))
        return sum(threads.map(partial(is_converted, channels=channels), paths))


def _decode_all(growing: Path, images: FileList, full_shape: tuple[int, ...], progress: Progress | None) -> None:
    """Append the images that the file lacks."""
    total, *shape = full_shape
    with growing.open("r+b" if growing.exists() else "w+b") as file:
        done = _resume(file, full_shape)
        remedy = "free some space, or give a smaller image_size"
        check_space(growing.parent, (total - done) * math.prod(shape), "the decoded images", remedy)
        if progress is not None:
            progress(done, total)
        decode_one = partial(decode, shape=(shape[0], shape[1], shape[2]))
        with ThreadPoolExecutor(cores()) as threads:  # threads suffice: Pillow decodes without holding the GIL
            for start in range(done, total, CHUNK_IMAGES):
                stop = min(start + CHUNK_IMAGES, total)
                decoded = threads.map(decode_one, [images.path(index) for index in range(start, stop)])
                file.write(b"".join(image.tobytes() for image in decoded))
                file.flush()
                if progress is not None:
                    progress(stop, total)
        os.fsync(file.fileno())


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
