"""Data sets of single recordings: which files are for training and for testing, read once into a cache."""

from __future__ import annotations

from functools import partial
from pathlib import Path

from torch import Tensor

from xoresnet.data.events.cache import cached_events
from xoresnet.data.events.recordings import RECORDINGS
from xoresnet.data.events.split import EventSplit
from xoresnet.data.images import Statistics
from xoresnet.data.reading.file_list import FileList, list_class_folders
from xoresnet.data.reading.loader import DamagedError, ReadOptions, Source
from xoresnet.errors import DataError, UsageError

__all__ = ["read_event_lists"]

_AS_COUNTED = Statistics((0.0, 0.0), (1.0, 1.0))
"""Frames are not normalised: networks read numbers of events, which costs additions, not multiplications."""


def read_event_lists(
    name: str,
    train: FileList,
    test: FileList | Path,
    options: ReadOptions,
    *,
    sensor: tuple[int, int] | None = None,
    persons: Tensor | None = None,
) -> Source:
    """Read the training recordings, or map them if that was done before; the test recordings are not read.

    test: a list, or a folder of class folders that is listed when the test set is opened. sensor: height and width; by
    default, the smallest in which all training events lie. persons: int64 [N], of the training recordings, where whole
    persons are set aside for validation. Raises `DataError`.
    """
    pool = cached_events(train, f"{name}-train", options.progress)
    sensor = sensor or pool.sensor
    if pool.sensor[0] > sensor[0] or pool.sensor[1] > sensor[1]:
        raise DataError(f"{train.root} has events outside of {name}'s sensor: {_beyond(pool.sensor, sensor)}")
    size = options.image_size or sensor
    if size[0] > sensor[0] or size[1] > sensor[1]:
        raise UsageError(
            f"image_size must be at most {sensor[0]} x {sensor[1]}, the size of the sensor, got {size[0]} x {size[1]}"
        )
    split = EventSplit(pool.within(sensor), train.label_tensor, options.frames or "count", size)
    read_test = partial(_read_test, name, train.classes, test, split, options)
    return Source(train.classes, split, read_test, _AS_COUNTED, train.left_out, persons, split.rule, sensor)


def _read_test(
    name: str, classes: tuple[str, ...], test: FileList | Path, train: EventSplit, options: ReadOptions
) -> EventSplit:
    if isinstance(test, Path) and not test.is_dir():
        raise DamagedError(f"{test} is missing, which holds the test recordings")
    files = list_class_folders(test, RECORDINGS) if isinstance(test, Path) else test
    different = sorted(set(classes) ^ set(files.classes))
    if different:
        place = "is missing from" if different[0] in classes else "is only in"
        raise DataError(f"class {different[0]!r} {place} the test set in {files.root}")
    pool, sensor = cached_events(files, f"{name}-test", options.progress), train.pool.sensor
    if pool.sensor[0] > sensor[0] or pool.sensor[1] > sensor[1]:
        where = f"the test recordings in {files.root} have events outside of the sensor of the training recordings"
        raise DataError(f"{where}: {_beyond(pool.sensor, sensor)}")
    left_out = files.left_out if isinstance(test, Path) else ()  # else as in training
    return EventSplit(pool.within(sensor), files.label_tensor, train.rule, train.size, left_out=left_out)


def _beyond(found: tuple[int, int], sensor: tuple[int, int]) -> str:
    return f"height and width of at least {found[0]} x {found[1]}, not {sensor[0]} x {sensor[1]}"
