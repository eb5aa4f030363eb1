"""Labelled images as tensors: `Split`, and how training samples are varied: `Augmentation`, `EventAugmentation`."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property
from typing import NamedTuple, Self

import torch
from torch import Tensor

from xoresnet.errors import DataError

__all__ = ["Augmentation", "EventAugmentation", "Split", "Statistics"]


@dataclass(frozen=True, eq=False, repr=False)
class Split:
    """Images with their labels: `Split(images, labels)`, or some rows of a pool that several splits share.

    Raises `DataError` for tensors of other shapes or types than given below.
    """

    pool: Tensor
    """uint8 [M, C, H, W]; may be a memory-mapped file, whose pages all processes on a machine share."""
    labels: Tensor
    """int64 [N], counted from 0."""
    rows: Tensor | None = None
    """int64 [N]: the images of the pool that belong to the split; None for all of them, in order."""
    converted: int = 0
    """How many images of the pool were grey and were read in colour, or the reverse."""
    left_out: tuple[tuple[str, int], ...] = ()
    """How many files were not read, by the endings of their names, of a test set in a folder of its own."""

    def __post_init__(self) -> None:
        if self.pool.dtype != torch.uint8 or self.pool.dim() != 4:
            raise DataError(f"images must be uint8 [N, C, H, W], got {self.pool.dtype} {list(self.pool.shape)}")
        for name, index in (("labels", self.labels), ("rows", self.rows)):
            if index is not None and (index.dtype != torch.int64 or index.dim() != 1):
                raise DataError(f"{name} must be int64 [N], got {index.dtype} {list(index.shape)}")
        images = len(self.pool if self.rows is None else self.rows)
        if images != len(self.labels):
            raise DataError(f"every image needs one label, got {images} images and {len(self.labels)} labels")

    @cached_property
    def images(self) -> Tensor:
        """uint8 [N, C, H, W]: the pool itself, or a copy of the split's rows, which is made once."""
        return self.pool if self.rows is None else self.pool[self.rows]

    @property
    def shape(self) -> tuple[int, int, int]:
        """Channels, height and width of one image."""
        channels, height, width = self.pool.shape[1:]
        return channels, height, width

    @property
    def content(self) -> str:
        """Empty: the statistics of images stand for their content."""
        return ""

    def at(self, timesteps: int) -> Self:
        """The same images: a network sees one image at all its time steps."""
        return self

    def part(self, rows: Tensor) -> Self:
        """The images at int64 rows, which may be fewer."""
        return replace(self, labels=self.labels[rows], rows=rows if self.rows is None else self.rows[rows])

    def take(self, indices: Tensor) -> Tensor:
        """The images at int64 indices, uint8 [len(indices), C, H, W], without making the copy that `images` is."""
        return self.pool[indices if self.rows is None else self.rows[indices]]

    def __len__(self) -> int:
        return len(self.labels)

    def __repr__(self) -> str:
        return f"Split({len(self)} images of {' x '.join(map(str, self.pool.shape[1:]))})"


class Augmentation(NamedTuple):
    """How training images are varied at random, unless the recipe says otherwise."""

    flip: bool = False
    """Mirror each image left to right with probability 1/2."""
    crop_padding: int = 0
    """Pixels of zero padding on each side, out of which the image's size is cut at a random place."""
    cutout: int = 0
    """Side in pixels of a square that is set to zero at a random place; 0 for none."""


class EventAugmentation(NamedTuple):
    """How the frames of training recordings are varied at random, besides what `Augmentation` does to all of them."""

    drop_events: float = 0.0
    """The largest share of events that a recording loses; each recording draws its share between 0 and this, and each
    event is lost with that probability."""
    shift_time: float = 0.0
    """The largest shift in time, as a share of the duration: whole frames move earlier or later, and empty ones take
    their place. Less than half a frame is no shift, and one frame always stays."""
    swap_polarity: bool = False
    """Exchange the two polarities of a recording with probability 1/2."""


class Statistics(NamedTuple):
    """Mean and standard deviation per channel, with images scaled to [0, 1]."""

    mean: tuple[float, ...]
    std: tuple[float, ...]
