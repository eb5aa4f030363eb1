"""Recordings as people have them, files or frames, made into what a network takes."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor

from xoresnet.data.events.frames import count_into_frames
from xoresnet.data.events.recordings import RECORDINGS, read_recording
from xoresnet.data.reading.file_list import files_below
from xoresnet.data.reading.loader import FrameRule
from xoresnet.errors import DataError, UsageError
from xoresnet.files.places import as_url, is_url, local_path

__all__ = ["EventIntake", "FrameShape", "event_intake"]


class FrameShape(NamedTuple):
    """The frames that a network takes, and how they are made."""

    timesteps: int
    size: tuple[int, int]
    """Height and width of a frame."""
    rule: FrameRule
    sensor: tuple[int, int]
    """Height and width of the sensor."""

    @property
    def shape(self) -> tuple[int, int, int, int]:
        return self.timesteps, 2, *self.size


class EventIntake(NamedTuple):
    """One recording, not yet read if it is a file."""

    name: str
    source: Any
    wanted: FrameShape

    def tensor(self) -> Tensor:
        """Float32 frames [T, 2, H, W]. Raises `UsageError` and `DataError`."""
        if isinstance(self.source, Path):
            return self._of_file(self.source)
        source, expected = self.source, f"recording {self.name}: expected frames {list(self.wanted.shape)}"
        if isinstance(source, np.ndarray) and source.dtype.kind not in "biuf":
            raise UsageError(f"{expected}, got an array of {source.dtype}; give events as the path of their .npy file")
        if tuple(source.shape) != self.wanted.shape:
            hint = "; give events as the path of their .npy file" if source.ndim == 2 else ""
            raise UsageError(f"{expected}, got {list(source.shape)}{hint}")
        return torch.as_tensor(source).float()

    def _of_file(self, path: Path) -> Tensor:
        events, (height, width) = read_recording(path), self.wanted.sensor
        if int(events["row"].max()) >= height or int(events["column"].max()) >= 2 * width:
            raise DataError(f"{path} has events outside of the sensor of {height} x {width} that the network knows")
        wanted = self.wanted
        frames = count_into_frames([events], wanted.timesteps, wanted.rule, wanted.sensor, wanted.size)
        return torch.from_numpy(frames[:, 0]).float()


def event_intake(recordings: Any, wanted: FrameShape) -> list[EventIntake]:
    """The recordings that are meant, in their order; files are not read. Raises `UsageError` for anything else.

    recordings: the path of a file, or of a folder for all recordings in it; an array or tensor, [T, 2, H, W] for one,
    [T, N, 2, H, W] for many; or a list of any of these.
    """
    found = [
        EventIntake(name or str(number), source, wanted) for number, (name, source) in enumerate(_listed(recordings))
    ]
    if not found:
        raise UsageError("no recordings were given")
    return found


def _listed(recordings: Any) -> Iterator[tuple[str, Any]]:
    """Each recording with the name of its file, empty for others."""
    if isinstance(recordings, str | Path):
        if is_url(recordings):
            raise UsageError(f"{as_url(recordings)} is a URL, but recordings are read from files of this machine")
        yield from _files(local_path(recordings, "recording"))
    elif isinstance(recordings, Tensor | np.ndarray):
        yield from (("", one) for one in (recordings.swapaxes(0, 1) if recordings.ndim == 5 else [recordings]))
    elif isinstance(recordings, Iterable) and not isinstance(recordings, bytes | dict):
        for each in recordings:
            yield from _listed(each)
    else:
        rule = "recordings must be paths, or frames as arrays or tensors, or lists of them"
        raise UsageError(f"{rule}, got {type(recordings).__name__}")


def _files(path: Path) -> Iterator[tuple[str, Path]]:
    if path.is_dir():
        files = sorted(path / file for file in files_below(path, path, RECORDINGS) if RECORDINGS.is_one(file))
        if not files:
            raise UsageError(f"{path} contains no recordings")
        yield from ((str(file), file) for file in files)
    elif path.exists():
        yield str(path), path
    else:
        raise UsageError(f"there is no file {path}")
