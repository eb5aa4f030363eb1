"""How time-first tensors lie in memory, for the kernels that go over them."""

from __future__ import annotations

import math

import torch
from torch import Tensor

__all__ = ["as_rows", "is_dense", "like_steps"]


def like_steps(x: Tensor) -> Tensor:
    """An empty tensor of x's shape in which steps follow each other, each laid out like a step of x without gaps."""
    strides = (math.prod(x.shape[1:]), *_dense_strides(x))
    return torch.empty_strided(x.shape, strides, dtype=x.dtype, device=x.device)


def as_rows(x: Tensor, layout: Tensor | None = None) -> Tensor:
    """View x as [T, elements of a step], in the order of memory of `layout` or of its own; a copy where it has gaps."""
    strides = _dense_strides(x if layout is None else layout)
    if x.stride()[1:] != strides:
        shape, own = x.shape, (math.prod(x.shape[1:]), *strides)
        x = torch.empty_strided(shape, own, dtype=x.dtype, device=x.device).copy_(x)
    return x.as_strided((len(x), math.prod(x.shape[1:])), (x.stride(0), 1))


def _dense_strides(x: Tensor) -> tuple[int, ...]:
    """How a step of x is laid out, or would be without gaps."""
    step = x[0]
    return step.stride() if step.is_contiguous() else torch.empty_like(step, device="meta").stride()


def is_dense(x: Tensor) -> bool:
    """Whether x covers a stretch of memory without gaps and without meeting any place twice."""
    expected = 1
    for stride, size in sorted(zip(x.stride(), x.shape, strict=True)):
        if size != 1 and stride != expected:
            return False
        expected *= size
    return True
