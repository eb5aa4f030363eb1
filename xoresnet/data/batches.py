"""Cuts batches, and augments and normalises them on the device, a whole batch at a time, without worker processes."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

from xoresnet.data.images import Augmentation, EventAugmentation
from xoresnet.data.samples import Samples

__all__ = [
    "Normalise",
    "augment",
    "batch_count",
    "crops",
    "cut_out",
    "evaluation_batches",
    "flips",
    "training_batches",
    "vary_frames",
]

_NO_EVENT_AUGMENTATION = EventAugmentation()


class Normalise(NamedTuple):
    """Maps uint8 to zero mean and unit deviation per channel; `mean` and `std` refer to samples divided by `most`."""

    mean: tuple[float, ...]
    std: tuple[float, ...]
    most: int = 255
    """255 for images, which are scaled to [0, 1]; 1 for frames, which are numbers of events."""

    def __call__(self, images: Tensor) -> Tensor:
        """images: uint8 [..., C, H, W]. Returns float32 of the same shape."""
        mean = torch.tensor(self.mean, device=images.device).view(-1, 1, 1)
        std = torch.tensor(self.std, device=images.device).view(-1, 1, 1)
        return (images.float() / self.most - mean) / std


def training_batches(
    split: Samples,
    batch_size: int,
    augmentation: Augmentation,
    normalise: Normalise,
    *,
    seed: int,
    epoch: int,
    device: torch.device,
    of_events: EventAugmentation = _NO_EVENT_AUGMENTATION,
) -> Iterator[tuple[Tensor, Tensor]]:
    """One epoch: every sample once, in an order and with an augmentation that depend only on seed and epoch.

    Yields images float32 [N, C, H, W], or frames [T, N, 2, H, W], and labels int64 [N] on the device, in `batch_count`
    batches. All random numbers are drawn on the CPU, so that they are the same for every device.
    """
    # hashed together, so that no seed repeats the epochs of another
    state = np.random.SeedSequence((seed, epoch)).generate_state(1)
    generator = torch.Generator().manual_seed(int(state[0]))
    for rows in torch.randperm(len(split), generator=generator).tensor_split(batch_count(len(split), batch_size)):
        samples, labels = split.take(rows), split.labels[rows].to(device)
        if samples.dim() == 5:
            samples = vary_frames(samples, of_events, generator)
        yield augment(samples.to(device), augmentation, normalise, generator), labels


def batch_count(images: int, batch_size: int) -> int:
    """Number of batches in one epoch. Their sizes differ by at most one image, and none is 1: batch norm needs two.

    >>> batch_count(10, 4), batch_count(3, 2)
    (3, 1)
    """
    return max(1, min(math.ceil(images / batch_size), images // 2))


def evaluation_batches(
    split: Samples, batch_size: int, normalise: Normalise, device: torch.device
) -> Iterator[tuple[Tensor, Tensor]]:
    """All samples in order, normalised but not augmented: float32 [N, C, H, W] or [T, N, 2, H, W], and int64 [N]."""
    for rows in torch.arange(len(split)).split(batch_size):
        yield normalise(split.take(rows).to(device)), split.labels[rows].to(device)


def augment(images: Tensor, augmentation: Augmentation, normalise: Normalise, generator: torch.Generator) -> Tensor:
    """Flip, crop and cut out uint8 images [N, C, H, W] at random; returns them normalised, float32.

    Likewise frames [T, N, C, H, W], where all frames of a recording are treated alike.
    """
    if images.dim() == 5:
        steps, channels = images.shape[0], images.shape[2]

        def normal(flat: Tensor) -> Tensor:
            parts: Tensor = flat.unflatten(1, (steps, channels))
            return normalise(parts).flatten(1, 2)

        varied = _augmented(images.transpose(0, 1).flatten(1, 2), augmentation, normal, generator)
        frames: Tensor = varied.unflatten(1, (steps, channels)).transpose(0, 1)
        return frames
    return _augmented(images, augmentation, normalise.__call__, generator)


def _augmented(
    images: Tensor, augmentation: Augmentation, normalise: Callable[[Tensor], Tensor], generator: torch.Generator
) -> Tensor:
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


def vary_frames(frames: Tensor, augmentation: EventAugmentation, generator: torch.Generator) -> Tensor:
    """Drop events, shift in time and swap polarities of uint8 frames [T, N, 2, H, W] on the CPU, at random."""
    timesteps, number = frames.shape[:2]
    if augmentation.drop_events:
        kept = 1 - augmentation.drop_events * torch.rand(number, generator=generator)
        places = frames.nonzero(as_tuple=True)
        left = torch.binomial(frames[places].float(), kept[places[1]], generator=generator)
        frames = frames.index_put(places, left.to(torch.uint8))
    most = min(math.floor(augmentation.shift_time * timesteps + 0.5), timesteps - 1)  # else recordings become empty
    if most:
        shifts = torch.randint(-most, most + 1, (number,), generator=generator)
        sources = torch.arange(timesteps)[:, None] - shifts
        there = (sources >= 0) & (sources < timesteps)
        moved = frames[sources.clamp(0, timesteps - 1), torch.arange(number)]
        frames = moved * there.to(torch.uint8).view(timesteps, number, 1, 1, 1)
    if augmentation.swap_polarity:
        swapped = (torch.rand(number, generator=generator) < 0.5).view(1, -1, 1, 1, 1)
        frames = torch.where(swapped, frames.flip(2), frames)
    return frames


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
