"""Splits images by seed, class by class, and computes their statistics: the same on every machine.

The rule: every image, in the order of its data set, draws one 64-bit number from numpy's PCG64 at the seed, a stream
that numpy promises never to change. In each class, the images with the smallest numbers are set aside: floor(s n + 1/2)
of n images for a share s, but at least one and never all. Where only a share of the others is wanted, those with the
largest numbers of each class are kept, so that smaller shares lie within larger ones.

Where samples belong to persons, the persons draw the numbers, in ascending order, and all samples of those with the
smallest ones are set aside, by the same formula.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from xoresnet.data.images import Statistics
from xoresnet.errors import DataError

__all__ = ["channel_statistics", "fewer_rows", "split_groups", "split_rows"]

_CHUNK_VALUES = 2**17  # one MiB of float64, which stays in a core's cache


def split_rows(
    labels: Tensor, classes: Sequence[str], share: float, seed: int, *, where: object
) -> tuple[Tensor, Tensor]:
    """Rows that stay and rows that are set aside, both int64 and ascending, by the rule above.

    labels: int64 [N] in 0 .. len(classes) - 1. where: what errors name, like a path.
    Raises `DataError` for a class of fewer than two images.

    >>> import torch
    >>> split_rows(torch.tensor([0, 1, 0, 1]), ["cat", "dog"], share=0.5, seed=0, where="here")
    (tensor([0, 1]), tensor([2, 3]))
    """
    numbers = _numbers(labels, seed)
    of_class = labels.numpy()
    aside = np.zeros(len(labels), dtype=bool)
    for label, name in enumerate(classes):
        rows = np.flatnonzero(of_class == label)
        if len(rows) < 2:
            number = "no image" if len(rows) == 0 else "only one image"
            raise DataError(f"{where}: class {name!r} has {number}; at least 2 are required, to set one aside")
        count = min(max(math.floor(share * len(rows) + 0.5), 1), len(rows) - 1)
        aside[rows[np.argsort(numbers[rows], kind="stable")[:count]]] = True
    return torch.from_numpy(np.flatnonzero(~aside)), torch.from_numpy(np.flatnonzero(aside))


def split_groups(
    labels: Tensor, groups: Tensor, classes: Sequence[str], share: float, seed: int, *, where: object
) -> tuple[Tensor, Tensor]:
    """Rows that stay and rows that are set aside, by whole groups: no group is in both.

    groups: int64 [N], such as the number of a person. Raises `DataError` for fewer than two groups, and for a class
    that only one of the two parts would have.

    >>> import torch
    >>> split_groups(torch.tensor([0, 0, 0]), torch.tensor([7, 3, 3]), ["wave"], share=0.3, seed=0, where="here")
    (tensor([1, 2]), tensor([0]))
    """
    numbers = np.unique(groups.numpy())
    if len(numbers) < 2:
        raise DataError(f"{where}: all recordings are of one person; at least 2 are required, to set one aside")
    count = min(max(math.floor(share * len(numbers) + 0.5), 1), len(numbers) - 1)
    chosen = numbers[np.argsort(np.random.PCG64(seed).random_raw(len(numbers)), kind="stable")[:count]]
    aside = np.isin(groups.numpy(), chosen)
    for part, rows in (("training", ~aside), ("validation", aside)):
        missing = set(range(len(classes))) - set(labels.numpy()[rows].tolist())
        if missing:
            raise DataError(f"{where}: no {part} recording has class {classes[min(missing)]!r}; use another seed")
    return torch.from_numpy(np.flatnonzero(~aside)), torch.from_numpy(np.flatnonzero(aside))


def fewer_rows(labels: Tensor, rows: Tensor, share: float, seed: int) -> Tensor:
    """The share of each class among the rows that is kept, ascending: floor(share n + 1/2) of n, but at least one.

    labels: int64 [N] of all images, not of the rows alone.

    >>> import torch
    >>> fewer_rows(torch.tensor([0, 1, 0, 1, 0]), torch.tensor([0, 1, 2, 3]), share=0.5, seed=0)
    tensor([0, 1])
    """
    numbers = _numbers(labels, seed)
    of_class = labels.numpy()
    kept = np.zeros(len(labels), dtype=bool)
    for label in np.unique(of_class):
        mine = rows.numpy()[of_class[rows.numpy()] == label]
        count = max(math.floor(share * len(mine) + 0.5), 1)
        kept[mine[np.argsort(numbers[mine], kind="stable")[len(mine) - count :]]] = True
    return torch.from_numpy(np.flatnonzero(kept))


def _numbers(labels: Tensor, seed: int) -> npt.NDArray[np.uint64]:
    """uint64 [N], one for every image."""
    return np.random.PCG64(seed).random_raw(len(labels))


def channel_statistics(images: Tensor) -> Statistics:
    """Mean and population standard deviation per channel of uint8 [N, C, H, W] / 255.

    All sums are whole numbers below 2^53 in float64, hence exact in any order. Raises `DataError` for a channel whose
    values are all equal, because its deviation of 0 cannot normalise anything.
    """
    count = images.numel() // images.shape[1]
    images_per_chunk = max(1, _CHUNK_VALUES // images[0].numel())
    sums, squares = [0] * images.shape[1], [0] * images.shape[1]
    for start in range(0, len(images), images_per_chunk):
        for channel, values in enumerate(images[start : start + images_per_chunk].unbind(1)):
            flat = values.flatten().double()
            sums[channel] += int(flat.sum())
            squares[channel] += int(flat.dot(flat))
    # the variance as one fraction of whole numbers, so that nothing cancels
    variances = [square * count - total * total for total, square in zip(sums, squares, strict=True)]
    if 0 in variances:
        raise DataError(
            f"channel {variances.index(0)} has the same value in all training images, so it cannot be normalised"
        )
    mean = tuple(total / (255 * count) for total in sums)
    return Statistics(mean, tuple(math.sqrt(variance / (255 * count) ** 2) for variance in variances))
