"""Reads one recording of an event camera: `.npy`, `.bin` of N-MNIST, or `.aedat4`.

- `.npy`: a structured array with the fields x, y, t and p, or one [E, 4] whose columns are x, y, p, t (as DVS128
  Gesture is published). Arrays of Python objects are refused, so nothing that a file names is run.
- `.bin`: five bytes an event, as N-MNIST and N-Caltech101 are published; tonic reads it.
- `.aedat4`: files of iniVation's cameras, and of CIFAR10-DVS as tonic publishes it; aedat reads it (`aedat4.py`).

The unit of time does not matter, because frames cut a recording into equal parts.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from types import MappingProxyType
from typing import Any

import numpy as np
import numpy.typing as npt

from xoresnet.data.events.aedat4 import decode_files
from xoresnet.data.reading.file_list import FileKind
from xoresnet.data.reading.loader import require
from xoresnet.errors import DataError
from xoresnet.limits import MOST_EVENTS, MOST_FILE_BYTES, MOST_SIDE

__all__ = ["EVENT", "RECORDINGS", "Events", "read_recording", "read_recordings"]

EVENT = np.dtype([("time", "<u4"), ("column", "<u2"), ("row", "<u2")])
"""One event as it is cached: the time since the first event of its recording, 2 x + p, and y."""
Events = npt.NDArray[np.void]
"""Of the type `EVENT`, in the order of time."""

_NAMES = {"x": ("x",), "y": ("y",), "t": ("t", "ts", "timestamp"), "p": ("p", "on", "polarity")}
_COLUMNS = ("x", "y", "p", "t")
_BYTES_OF_BIN = 5
_AEDAT4 = ".aedat4"
RECORDINGS = FileKind("recordings", frozenset({".npy", ".bin", _AEDAT4}))


def read_recordings(paths: Sequence[Path]) -> list[Events]:
    """All events of each file, in the order of time; events of one time keep their order.

    Raises `DataError` that names the first bad file: one that is missing, damaged, empty or of another format, that has
    places outside of the largest sensor that is read, or a polarity that is not 0 or -1 (off) or 1 (on).
    """
    for path in paths:
        _check_file(path)
    decoded = _of_aedat4([path for path in paths if path.suffix.lower() == _AEDAT4])  # in one process
    return [_packed(path, next(decoded) if path.suffix.lower() == _AEDAT4 else _fields(path)) for path in paths]


def read_recording(path: Path) -> Events:
    """The events of one file, as `read_recordings` returns them."""
    (events,) = read_recordings([path])
    return events


def _fields(path: Path) -> Mapping[str, Any]:
    try:
        return _READERS[path.suffix.lower()](path)
    except DataError:
        raise
    except Exception as error:  # damaged files raise errors of every class
        raise _unreadable(path, (str(error).splitlines() or [""])[0] or type(error).__name__) from None


def _check_file(path: Path) -> None:
    if not RECORDINGS.is_one(path):
        raise DataError(f"{path} is no recording: it ends with none of {', '.join(sorted(RECORDINGS.suffixes))}")
    try:
        size = path.stat().st_size
    except OSError as error:
        raise DataError(f"{path} cannot be read: {error.strerror}") from None
    if size > MOST_FILE_BYTES:
        raise DataError(f"{path} has {size:,} bytes, more than the {MOST_FILE_BYTES:,} of any recording that is read")


def _unreadable(path: Path, reason: str) -> DataError:
    return DataError(f"{path} cannot be read as a recording: {reason}")


def _of_npy(path: Path) -> Mapping[str, Any]:
    array = np.load(path, mmap_mode="r", allow_pickle=False)
    if not isinstance(array, np.ndarray):
        raise DataError(f"{path} is an archive of arrays; a recording is one array")
    _check_number(path, array.shape[0] if array.ndim else 0)
    if array.dtype.names is not None:
        names = {field: [name for name in known if name in array.dtype.names] for field, known in _NAMES.items()}
        missing = [field for field, found in names.items() if not found]
        if missing or array.ndim != 1:
            raise DataError(f"{path} must be one row of events with the fields x, y, t and p, got {array.dtype.names}")
        return {field: array[found[0]] for field, found in names.items()}
    if array.ndim != 2 or array.shape[1] != len(_COLUMNS):
        raise DataError(f"{path} must have the columns x, y, p and t, got an array {list(array.shape)}")
    return {name: array[:, place] for place, name in enumerate(_COLUMNS)}


def _of_bin(path: Path) -> Mapping[str, Any]:
    _check_number(path, path.stat().st_size // _BYTES_OF_BIN)
    if path.stat().st_size % _BYTES_OF_BIN:
        raise DataError(f"{path} is cut: it has {path.stat().st_size:,} bytes, and an event has {_BYTES_OF_BIN}")
    kind = np.dtype([("x", int), ("y", int), ("t", int), ("p", int)])
    events = require("tonic.io", "reading .bin recordings (pip install 'xoresnet[events]')").read_mnist_file(path, kind)
    return {name: events[name] for name in _NAMES}


def _of_aedat4(paths: Sequence[Path]) -> Iterator[Mapping[str, Any]]:
    if paths:
        require("aedat", "reading .aedat4 recordings (pip install 'xoresnet[events]')")
        for path, decoded in zip(paths, decode_files(paths, MOST_EVENTS), strict=False):
            if isinstance(decoded, str):
                raise _unreadable(path, decoded)
            yield {name: decoded[name] for name in _NAMES}


def _check_number(path: Path, number: int) -> None:
    """Raises `DataError` before so many events are read."""
    if number > MOST_EVENTS:
        raise DataError(f"{path} has {number:,} events, more than the {MOST_EVENTS:,} that are read")


def _packed(path: Path, fields: Mapping[str, Any]) -> Events:
    x, y, time, polarity = (_whole_numbers(path, name, fields[name]) for name in ("x", "y", "t", "p"))
    if not len(x):
        raise DataError(f"{path} has no events")
    polarity = np.where(polarity == -1, 0, polarity)  # some cameras write -1 for off
    for name, values, most in (("x", x, MOST_SIDE - 1), ("y", y, MOST_SIDE - 1), ("polarity", polarity, 1)):
        low, high = int(values.min()), int(values.max())
        if low < 0 or high > most:
            raise DataError(f"{path}: {name} must lie between 0 and {most:,}, got {low if low < 0 else high:,}")
    if np.any(time[1:] < time[:-1]):
        order = np.argsort(time, kind="stable")
        x, y, time, polarity = x[order], y[order], time[order], polarity[order]
    lasts = int(time[-1]) - int(time[0])
    if lasts >= 2**32:
        raise DataError(f"{path} lasts for {lasts:,} units of time, more than the {2**32:,} that are read")
    events = np.empty(len(x), EVENT)
    events["time"], events["column"], events["row"] = time - time[0], 2 * x + polarity, y
    return events


def _whole_numbers(path: Path, name: str, values: Any) -> npt.NDArray[np.int64]:
    """int64 [E]. Raises `DataError` for fractions and what is no number."""
    array = np.asarray(values)
    if array.dtype.kind == "f":
        if not np.all(np.isfinite(array)) or np.any(array != np.trunc(array)) or np.any(np.abs(array) > 2**53):
            raise DataError(f"{path}: {name} has values that are not whole numbers")
    elif array.dtype.kind not in "iub":
        raise DataError(f"{path}: {name} has values of type {array.dtype}, not numbers")
    elif array.dtype.kind == "u" and array.size and int(array.max()) >= 2**63:
        raise DataError(f"{path}: {name} has values above 2^63")
    return array.astype(np.int64)


_READERS: Mapping[str, Callable[[Path], Mapping[str, Any]]] = MappingProxyType({".npy": _of_npy, ".bin": _of_bin})
