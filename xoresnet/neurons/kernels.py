"""Which kernel computes a tensor's neurons: Triton's on CUDA, torch operations elsewhere."""

from __future__ import annotations

from functools import cache
from importlib.util import find_spec
from typing import Protocol

import torch
from torch import Tensor

from xoresnet.neurons import fire_torch
from xoresnet.neurons.dynamics import Dynamics

__all__ = ["Kernel", "kernel_for"]


class Kernel(Protocol):
    """What `fire_torch` and `fire_triton` provide; documented in the former."""

    def forward(self, x: Tensor, leak: Tensor | None, dynamics: Dynamics, *, keep: bool) -> tuple[Tensor, Tensor]: ...

    def backward(
        self, grad: Tensor, membrane: Tensor, leak: Tensor | None, dynamics: Dynamics, *, learn: bool
    ) -> tuple[Tensor, Tensor | None]: ...


def kernel_for(x: Tensor, dynamics: Dynamics) -> Kernel:
    """The fastest kernel that can compute these neurons."""
    if x.is_cuda and x.dtype is not torch.float64 and x.numel() > 0 and _has_triton():
        from xoresnet.neurons import fire_triton  # Triton is heavy, and only some builds of torch bring it

        if dynamics.surrogate.kind in fire_triton.SURROGATE_KINDS:
            return fire_triton
    return fire_torch


@cache
def _has_triton() -> bool:
    return find_spec("triton") is not None
