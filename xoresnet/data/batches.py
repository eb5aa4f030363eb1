"""Cuts batches, and augments and normalises them on the device, a whole batch at a time, without worker processes."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

from xoresnet.data.images import Augmentation, Split

__all__ = ["Normalise", "augment", "batch_count", "crops", "cut_out", "evaluation_batches", "flips", "training_batches"]


class Normalise(NamedTuple):
    """Maps uint8 to zero mean and unit deviation per channel; `mean` and `std` refer to images scaled to [0, 1]."""

    mean: tuple[float, ...]
    std: tuple[float, ...]

    def __call__(self, images: Tensor) -> Tensor:
        """images: uint8 [N, C, H, W]. Returns float32 of the same shape."""
        mean = torch.tensor(self.mean, device=images.device).view(1, -1, 1, 1)
        std = torch.tensor(self.std, device=images.device).view(1, -1, 1, 1)
        return (images.float() / 255 - mean) / std


def training_batches(
    split: Split,
    batch_size: int,
    augmentation: Augmentation,
    normalise: Normalise,
    *,
    seed: int,
    epoch: int,
    device: torch.device,
) -> Iterator[tuple[Tensor, Tensor]]:
    """One epoch: every image once, in an order and with an augmentation that depend only on seed and epoch.

    Yields images float32 [N, C, H, W] and labels int64 [N] on the device, in `batch_count` batches. All random
    numbers are drawn on the CPU, so that they are the same for every device.
    """
    # hashed together, so that no seed repeats the epochs of another
    state = np.random.SeedSequence((seed, epoch)).generate_state(1)
    generator = torch.Generator().manual_seed(int(state[0]))
    for rows in torch.randperm(len(split), generator=generator).tensor_split(batch_count(len(split), batch_size)):
        images, labels = split.take(rows).to(device), split.labels[rows].to(device)
        yield augment(images, augmentation, normalise, generator), labels


def batch_count(images: int, batch_size: int) -> int:
    """Number of batches in one epoch. Their sizes differ by at most one image, and none is 1: batch norm needs two.

    >>> batch_count(10, 4), batch_count(3, 2)
    (3, 1)
    """
    return max(1, min(math.ceil(images / batch_size), images // 2))


def evaluation_batches(
    split: Split, batch_size: int, normalise: Normalise, device: torch.device
) -> Iterator[tuple[Tensor, Tensor]]:
    """All images in order, normalised but not augmented: float32 [N, C, H, W] and int64 [N] on the device."""
    for rows in torch.arange(len(split)).split(batch_size):
        yield normalise(split.take(rows).to(device)), split.labels[rows].to(device)


def augment(images: Tensor, augmentation: Augmentation, normalise: Normalise, generator: torch.Generator) -> Tensor:
    """Flip, crop and cut out uint8 images [N, C, H, W] at random; returns them normalised, float32."""
    number, size = len(images), (images.shape[2], images.shape[3])
    if augmentation.flip:
        images = flips(images, torch.rand(number, generator=generator) < 0.5)
    if augmentation.crop_padding:
        places = torch.randint(2 * augmentation.crop_padding + 1, (number, 2), generator=generator)
        images = crops(images, augmentation.crop_padding, places)
    normal = normalise(images)
    if augmentation.cutout:
        centres = torch.stack([torch.randint(side, (number,), generator=generator) for side in size], 1)
        normal = cut_out(normal, augmentation.cutout, centres)
    return normal


def flips(images: Tensor, which: Tensor) -> Tensor:
    """Mirror left to right the images [N, C, H, W] for which `which`, bool [N], is true."""
    return torch.where(which.to(images.device).view(-1, 1, 1, 1), images.flip(-1), images)


def crops(images: Tensor, padding: int, places: Tensor) -> Tensor:
    """Pad images [N, C, H, W] with zeros on all sides, and cut each to its old size at its place (top, left) [N, 2]."""
    number, _, height, width = images.shape
    padded = F.pad(images, (padding,) * 4)
    places = places.to(images.device)
    rows = places[:, :1] + torch.arange(height, device=images.device)
    columns = places[:, 1:] + torch.arange(width, device=images.device)
    each = torch.arange(number, device=images.device).view(-1, 1, 1)
    return padded.movedim(1, -1)[each, rows[:, :, None], columns[:, None, :]].movedim(-1, 1).contiguous()


def cut_out(images: Tensor, side: int, centres: Tensor) -> Tensor:
    """Set a square around each centre (row, column) [N, 2] to zero, the mean; images: normalised [N, C, H, W].

    The square is clipped at the borders.
    """
    centres = centres.to(images.device)
    inside = [
        (torch.arange(size, device=images.device) - centres[:, dim : dim + 1] + side // 2).div(
            side, rounding_mode="floor"
        )
        == 0
        for dim, size in enumerate(images.shape[2:])
    ]
    return images.masked_fill((inside[0][:, :, None] & inside[1][:, None, :])[:, None], 0)
