"""The memory layout of time-first tensors [T, ...], for the kernels that process them row by row."""

from __future__ import annotations

import math

import torch
from torch import Tensor

__all__ = ["as_rows", "is_dense", "like_steps"]


def like_steps(x: Tensor) -> Tensor:
    """Return an empty tensor of x's shape with its time steps in a row, each laid out like one of x without gaps."""
    strides = (math.prod(x.shape[1:]), *_dense_strides(x))
    return torch.empty_strided(x.shape, strides, dtype=x.dtype, device=x.device)


def as_rows(x: Tensor, layout: Tensor | None = None) -> Tensor:
    """View x as [T, elements of a step], in the memory order of `layout`, or its own; copy x where that has gaps."""
    strides = _dense_strides(x if layout is None else layout)
    if x.stride()[1:] != strides:
        shape, own = x.shape, (math.prod(x.shape[1:]), *strides)
        x = torch.empty_strided(shape, own, dtype=x.dtype, device=x.device).copy_(x)
    return x.as_strided((len(x), math.prod(x.shape[1:])), (x.stride(0), 1))


def is_dense(x: Tensor) -> bool:
    """Whether x covers a contiguous range of memory, each element once.

    >>> x = torch.zeros(4, 3)
    >>> is_dense(x.T), is_dense(x[:, :2]), is_dense(x[:1].expand(4, 3))
    (True, False, False)
    """
    expected = 1
    for stride, size in sorted(zip(x.stride(), x.shape, strict=True)):
        if size != 1 and stride != expected:
            return False
        expected *= size
    return True


def _dense_strides(x: Tensor) -> tuple[int, ...]:
    """Strides of a time step of x, or those it would have without gaps."""
    step = x[0]
    return step.stride() if step.is_contiguous() else torch.empty_like(step, device="meta").stride()
