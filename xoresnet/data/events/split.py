"""`EventSplit`: labelled recordings, which become frames for any number of time steps when a batch is taken."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property
from typing import Self

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from xoresnet.data.events.frames import count_into_frames
from xoresnet.data.events.recordings import Events
from xoresnet.data.reading.loader import FrameRule
from xoresnet.errors import DataError, UsageError

__all__ = ["EventPool", "EventSplit"]


@dataclass(frozen=True, eq=False)
class EventPool:
    """The events of all recordings of a cache; may be a memory-mapped file that all processes on a machine share."""

    events: Events
    offsets: npt.NDArray[np.int64]
    """[M + 1]: recording i has the events offsets[i] .. offsets[i + 1] - 1."""
    sensor: tuple[int, int]
    """Height and width in which all events lie."""
    content: str = ""
    """A checksum of all events."""

    def within(self, sensor: tuple[int, int]) -> Self:
        """The same events, of a sensor that is known to be larger."""
        return replace(self, sensor=sensor)

    def take(self, rows: npt.NDArray[np.int64]) -> list[Events]:
        """The events of some recordings, which are views of the file."""
        starts, ends = self.offsets[rows].tolist(), self.offsets[rows + 1].tolist()
        return [self.events[start:end] for start, end in zip(starts, ends, strict=True)]


@dataclass(frozen=True, eq=False, repr=False)
class EventSplit:
    """Recordings with their labels. Raises `DataError` if there are not as many labels as recordings."""

    pool: EventPool
    labels: Tensor
    """int64 [N], counted from 0."""
    rule: FrameRule
    """How a recording is cut into frames."""
    size: tuple[int, int]
    """Height and width of the frames."""
    rows: Tensor | None = None
    """int64 [N]: the recordings of the pool that belong to the split; None for all of them, in order."""
    timesteps: int | None = None
    """T of the frames; None until `at` sets it."""
    left_out: tuple[tuple[str, int], ...] = ()
    """How many files were not read, by the endings of their names, of a test set in a folder of its own."""

    def __post_init__(self) -> None:
        recordings = len(self.pool.offsets) - 1 if self.rows is None else len(self.rows)
        if recordings != len(self.labels):
            raise DataError(f"every recording needs one label, got {recordings} and {len(self.labels)} labels")

    @property
    def shape(self) -> tuple[int, int, int]:
        """Polarities, height and width of a frame."""
        return 2, *self.size

    @property
    def converted(self) -> int:
        """Of images that change between grey and colour, of which there are none."""
        return 0

    def at(self, timesteps: int) -> Self:
        """The same recordings in so many frames each."""
        return replace(self, timesteps=timesteps)

    def part(self, rows: Tensor) -> Self:
        """The recordings at int64 rows, which may be fewer."""
        return replace(self, labels=self.labels[rows], rows=self._rows[rows])

    def take(self, indices: Tensor) -> Tensor:
        """The frames of the recordings at int64 indices, uint8 [T, len(indices), 2, H, W] (`frames.py`).

        Raises `UsageError` before `at` has set T.
        """
        if self.timesteps is None:
            raise UsageError("recordings have no frames before their number is set: split.at(timesteps)")
        recordings = self.pool.take(self._rows[indices].numpy())
        frames = count_into_frames(recordings, self.timesteps, self.rule, self.pool.sensor, self.size)
        return torch.from_numpy(frames)

    @property
    def content(self) -> str:
        """A checksum of what the split is cut from."""
        return self.pool.content

    @cached_property
    def _rows(self) -> Tensor:
        return torch.arange(len(self.labels)) if self.rows is None else self.rows

    def __len__(self) -> int:
        return len(self.labels)

    def __repr__(self) -> str:
        steps = "" if self.timesteps is None else f"{self.timesteps} "
        return f"EventSplit({len(self)} recordings in {steps}frames of {' x '.join(map(str, self.shape))})"
