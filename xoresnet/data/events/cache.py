"""The events of all recordings of a split in one memory-mapped file, from which frames for every T are counted.

Each split has three files (`reading/cache_folder.py` says where): `.events`, records of the type `EVENT`; `.offsets`,
int64, where each recording ends; and `.json` with the sensor's size. The first two grow by whole chunks of recordings,
events first, so that the offsets tell how many recordings are complete, even after SIGKILL; a restart continues from
there. The `.json` file is written last, and a cache without it, or of other sizes than it says, is not complete.
"""

from __future__ import annotations

import hashlib
import json
import os
from concurrent.futures import ThreadPoolExecutor
from io import BufferedRandom
from pathlib import Path

import numpy as np
import numpy.typing as npt

from xoresnet.data.events.recordings import EVENT, read_recordings
from xoresnet.data.events.split import EventPool
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
from xoresnet.data.reading.loader import Progress
from xoresnet.errors import DataError

__all__ = ["CHUNK_RECORDINGS", "cached_events"]

CHUNK_RECORDINGS = 64
"""How many recordings are read, written and reported at a time."""
_AT_ONCE = 2**22
"""How many events are looked through at a time."""
_FORMAT = "events 1"
"""Must be changed when `read_recording` changes what it returns."""


def cached_events(recordings: FileList, part: str, progress: Progress | None = None) -> EventPool:
    """The events of all files of a list, in order.

    part: the name of the split in file names. progress: called first with the recordings that an earlier run had read;
    never called if the cache is complete. Raises `DataError` that names the file or the folder.
    """
    caches = cache_places(recordings, part, (_FORMAT,))
    number = len(recordings.names)
    for cache in caches:
        complete = _open(cache, number)
        if complete is not None:
            return complete
    cache = first_writable(caches, "recordings")
    try:
        with locked(cache):
            return _open(cache, number) or _build(cache, recordings, progress)
    except OSError as error:
        raise DataError(f"recordings could not be cached in {cache.folder}: {error}") from error


def _open(cache: CacheFiles, number: int) -> EventPool | None:
    """What a complete cache holds; None if it is missing or damaged."""
    try:
        about = json.loads(cache.file(".json").read_text(encoding="utf-8"))
        height, width = map(int, about["sensor"])
        content = str(about["content"])
        offsets = np.fromfile(cache.file(".offsets"), np.int64)
        events = np.memmap(cache.file(".events"), EVENT, mode="r")
    except (OSError, ValueError, KeyError, TypeError):
        return None
    whole = len(offsets) == number and bool(np.all(np.diff(offsets, prepend=0) > 0))
    if not whole or int(offsets[-1]) != len(events):
        return None
    return EventPool(events, np.concatenate([[0], offsets]), (height, width), content)


def _build(cache: CacheFiles, recordings: FileList, progress: Progress | None) -> EventPool:
    events, offsets = cache.growing(".events"), cache.growing(".offsets")
    _read_all(events, offsets, recordings, progress)
    array = np.memmap(events, EVENT, mode="r")
    row, column, content = _looked_through(array)
    sensor = row + 1, (column >> 1) + 1
    events.replace(cache.file(".events"))
    offsets.replace(cache.file(".offsets"))
    about = {"sensor": sensor, "content": content, "files": recordings.names, "labels": recordings.labels}
    write_whole(cache.file(".json"), json.dumps(about))  # last, because this marks the cache as complete
    cache.remove_outdated()
    complete = _open(cache, len(recordings.names))
    if complete is None:
        raise DataError(f"the cache in {cache.folder} changed while it was written")
    return complete


def _looked_through(events: npt.NDArray[np.void]) -> tuple[int, int, str]:
    """The largest row and column, and a checksum, without a copy of the whole file."""
    digest, rows, columns = hashlib.sha256(), [0], [0]
    for start in range(0, len(events), _AT_ONCE):
        part = events[start : start + _AT_ONCE]
        digest.update(part.tobytes())
        rows.append(int(part["row"].max()))
        columns.append(int(part["column"].max()))
    return max(rows), max(columns), digest.hexdigest()


def _read_all(events: Path, offsets: Path, recordings: FileList, progress: Progress | None) -> None:
    """Append the recordings that the files lack."""
    total = len(recordings.names)
    with _opened(events) as written, _opened(offsets) as ends:
        done, end = _resume(written, ends, total)
        if progress is not None:
            progress(done, total)
        with ThreadPoolExecutor(cores()) as threads:
            for start in range(done, total, CHUNK_RECORDINGS):
                stop = min(start + CHUNK_RECORDINGS, total)
                paths = [recordings.path(index) for index in range(start, stop)]
                parts = [list(part) for part in np.array_split(np.array(paths, object), cores())]
                chunk = [recording for part in threads.map(read_recordings, parts) for recording in part]
                lengths = np.array([len(recording) for recording in chunk], np.int64)
                size = int(lengths.sum()) * EVENT.itemsize
                check_space(events.parent, size, "the recordings", "free some space")
                written.write(b"".join(recording.tobytes() for recording in chunk))
                written.flush()
                ends.write((end + np.cumsum(lengths)).astype(np.int64).tobytes())  # after the events that it counts
                ends.flush()
                end += int(lengths.sum())
                if progress is not None:
                    progress(stop, total)
        os.fsync(written.fileno())
        os.fsync(ends.fileno())


def _opened(path: Path) -> BufferedRandom:
    return path.open("r+b" if path.exists() else "w+b")


def _resume(written: BufferedRandom, ends: BufferedRandom, total: int) -> tuple[int, int]:
    """How many whole recordings and events the files hold; both files are cut after them."""
    held = written.seek(0, os.SEEK_END) // EVENT.itemsize
    offsets = np.fromfile(ends, np.int64, count=total)
    good = (np.diff(offsets, prepend=0) > 0) & (offsets <= held)
    done = int(np.argmin(np.append(good, False)))
    end = int(offsets[done - 1]) if done else 0
    for file, size in ((written, end * EVENT.itemsize), (ends, 8 * done)):
        file.truncate(size)
        file.seek(0, os.SEEK_END)
    return done, end
