"""Exact sums of spikes for `count_spikes.py`: which tensors hold spikes, how many, and how many weights they meet."""

from __future__ import annotations

import math
from functools import cache
from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.multiprocessing.reductions import StorageWeakRef

from xoresnet.neurons.time_rows import is_dense

__all__ = ["SpikeSums", "conv_synops", "transposed_conv_synops"]

_EXACT_FLOAT32 = 2**24


class _Known(NamedTuple):
    storage: StorageWeakRef
    version: int
    most: float
    """The largest possible value."""
    layout: tuple[object, ...] | None
    sums: list[Tensor]
    """Sums over all but the last two dimensions, once computed; at most one tensor."""


class SpikeSums:
    """Remembers which living tensors hold spikes, and their sums, without keeping any of them alive.

    Every view of memory that holds only spikes counts as spikes; sums are reused for views of the same layout.
    Inference tensors do not record changes in place, so each is examined anew: counting is faster under `no_grad`.
    """

    def __init__(self) -> None:
        self._known: dict[int, _Known] = {}

    def learn(self, x: Tensor, most: float) -> None:
        """Note that x holds spikes, with values of at most `most`. Views of larger memory are ignored."""
        storage = x.untyped_storage()
        whole = x.numel() * x.element_size() == storage.nbytes()
        if whole and not x.is_inference() and self._find(x) is None:
            self._known = {key: known for key, known in self._known.items() if not known.storage.expired()}
            reference = StorageWeakRef(storage)
            self._known[reference.cdata] = _Known(reference, x._version, most, _layout(x), [])

    def are_spikes(self, x: Tensor) -> bool:
        """Whether x is known to hold spikes, or contains only non-negative whole numbers."""
        if self._find(x) is not None:
            return True
        return not x.is_complex() and bool(((x >= 0) & (x == x.floor())).all())

    def total(self, x: Tensor) -> Tensor:
        """Sum all values of x exactly; returns a float64 tensor without dimensions."""
        return self.spatial_sums(x, min(2, x.dim())).sum()

    def spatial_sums(self, x: Tensor, dims: int) -> Tensor:
        """Sum x over all but its last `dims` dimensions exactly; returns float64."""
        x = x.detach()
        known = self._find(x)
        if known is None:
            return _sums(x, dims, most=None)
        if dims != 2 or known.layout is None or known.layout != _layout(x):
            return _sums(x, dims, known.most)
        if not known.sums:
            known.sums.append(_sums(x, 2, known.most))
        return known.sums[0]

    def _find(self, x: Tensor) -> _Known | None:
        if x.is_inference():
            return None
        known = self._known.get(StorageWeakRef(x.untyped_storage()).cdata)
        if known is None or known.storage.expired() or known.version != x._version:
            return None
        return known


def _layout(x: Tensor) -> tuple[object, ...] | None:
    """A key shared by views that differ only in how leading dimensions are merged; None with gaps or repeats."""
    return (x.numel(), x.storage_offset(), tuple(x.shape[-3:]), x.stride()[-3:]) if is_dense(x) else None


def _sums(x: Tensor, dims: int, most: float | None) -> Tensor:
    if x.device.type == "mps":  # has no float64
        x = x.cpu()
    rows = math.prod(x.shape[: x.dim() - dims])
    # adding non-negative whole numbers is exact in float32 while the sum cannot exceed 2^24
    dtype = torch.float32 if most is not None and rows * most <= _EXACT_FLOAT32 else torch.float64
    leading = tuple(range(x.dim() - dims))
    return (x.sum(leading, dtype=dtype) if leading else x).double()


def conv_synops(conv: nn.Conv2d, sums: Tensor) -> Tensor:
    """Return how many additions a convolution makes.

    sums: input values summed over everything but the spatial dimensions, so every channel reaches as many weights.
    """
    for dim, size in enumerate(sums.shape):
        geometry = conv.kernel_size[dim], conv.stride[dim], conv.dilation[dim], *_padding(conv, dim)
        shape = [1] * sums.dim()
        shape[dim] = size
        sums = sums * sums.new_tensor(_fan(size, *geometry, conv.padding_mode)).view(shape)
    return sums.sum() * (conv.out_channels // conv.groups)


def transposed_conv_synops(conv: nn.ConvTranspose2d, sums: Tensor, out_size: tuple[int, ...]) -> Tensor:
    """As `conv_synops`, for a transposed convolution with outputs of spatial size `out_size`."""
    for dim, size in enumerate(sums.shape):
        geometry = conv.kernel_size[dim], conv.stride[dim], conv.dilation[dim], int(conv.padding[dim])
        shape = [1] * sums.dim()
        shape[dim] = size
        sums = sums * sums.new_tensor(_transposed_fan(size, *geometry, out_size[dim])).view(shape)
    return sums.sum() * (conv.out_channels // conv.groups)


def _padding(conv: nn.Conv2d, dim: int) -> tuple[int, int]:
    if not isinstance(conv.padding, str):
        return conv.padding[dim], conv.padding[dim]
    whole = conv.dilation[dim] * (conv.kernel_size[dim] - 1) if conv.padding == "same" else 0
    return whole // 2, whole - whole // 2


@cache
def _fan(size: int, kernel: int, stride: int, dilation: int, before: int, after: int, mode: str) -> tuple[int, ...]:
    """Count the pairs (output place, kernel weight) that read each input place along one dimension."""
    counts = [0] * size
    last = before + size + after - dilation * (kernel - 1)
    for start in range(0, last, stride):
        for weight in range(kernel):
            place = _source(start + dilation * weight - before, size, mode)
            if place is not None:
                counts[place] += 1
    return tuple(counts)


@cache
def _transposed_fan(size: int, kernel: int, stride: int, dilation: int, padding: int, out: int) -> tuple[int, ...]:
    """Count the output places that each input place contributes to along one dimension."""
    return tuple(
        sum(0 <= start + dilation * weight < out for weight in range(kernel))
        for start in range(-padding, size * stride - padding, stride)
    )


def _source(place: int, size: int, mode: str) -> int | None:
    """Return the input place of which a padded place is a copy, or None for padding with zeros."""
    if 0 <= place < size:
        return place
    match mode:
        case "circular":
            return place % size
        case "reflect":
            return -place if place < 0 else 2 * (size - 1) - place
        case "replicate":
            return 0 if place < 0 else size - 1
    return None
