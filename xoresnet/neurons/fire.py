"""The multi-step function behind every neuron: all time steps in one autograd function, by the kernel that fits.

`fire_torch.py` computes on CPUs; on CUDA one Triton kernel does the same (`fire_triton.py`). Under `torch.compile` both
are called by an operator (`fire_compiled.py`); under `torch.export` the time steps are unrolled into operations that
any exporter knows.
"""

from __future__ import annotations

from typing import cast

import torch
from torch import Tensor
from torch.autograd.function import FunctionCtx, once_differentiable

from xoresnet.errors import UsageError
from xoresnet.neurons.dynamics import Dynamics
from xoresnet.neurons.fire_compiled import fire_compiled
from xoresnet.neurons.kernels import kernel_for

__all__ = ["fire"]


def fire(x: Tensor, dynamics: Dynamics, leak: Tensor | None = None) -> Tensor:
    """Return the spikes (0 and 1) of neurons on currents x [T, ...], in the shape and type of x.

    `leak` is a learned 1 / tau, a tensor of one element. Differentiable once; graphs of `torch.export` are not. A NaN
    current causes no spike. Raises `UsageError` unless x is a floating-point tensor of at least one time step.
    """
    if not isinstance(x, Tensor) or x.dim() == 0 or not x.is_floating_point():
        given = f"{x.dtype} {list(x.shape)}" if isinstance(x, Tensor) else type(x).__name__
        raise UsageError(f"neurons take floating-point currents [T, ...], got {given}")
    if not len(x):
        raise UsageError("neurons need at least one time step, got none")
    if leak is not None:
        leak = leak.to(x.dtype).reshape(())
    if torch.compiler.is_compiling() and not torch.compiler.is_exporting():
        return fire_compiled(x, leak, dynamics)
    dynamics = dynamics.rounded(x.dtype)
    if torch.compiler.is_exporting():
        return _unrolled(x, leak, dynamics)
    if torch.is_grad_enabled() and (x.requires_grad or (leak is not None and leak.requires_grad)):
        spikes: Tensor = _Fire.apply(x, leak, dynamics)
        return spikes
    return kernel_for(x, dynamics).forward(x, leak, dynamics, keep=False)[0]


class _Context(FunctionCtx):
    saved_tensors: tuple[Tensor, ...]
    needs_input_grad: tuple[bool, ...]
    dynamics: Dynamics


class _Fire(torch.autograd.Function):
    @staticmethod
    def forward(ctx: _Context, x: Tensor, leak: Tensor | None, dynamics: Dynamics) -> Tensor:
        spikes, membrane = kernel_for(x, dynamics).forward(x, leak, dynamics, keep=True)
        ctx.save_for_backward(membrane, *(() if leak is None else (leak,)))
        ctx.dynamics = dynamics
        return spikes

    @staticmethod
    @once_differentiable
    def backward(ctx: _Context, grad: Tensor) -> tuple[Tensor, Tensor | None, None]:
        membrane, *rest = ctx.saved_tensors
        leak = rest[0] if rest else None
        kernel, learn = kernel_for(membrane, ctx.dynamics), ctx.needs_input_grad[1]
        return *kernel.backward(grad, membrane, leak, ctx.dynamics, learn=learn), None


def _unrolled(x: Tensor, leak: Tensor | None, dynamics: Dynamics) -> Tensor:
    """Compute the same numbers one operation after the other; a file has these few for each time step."""
    spikes, v = [], None
    for current in x.unbind(0):
        if leak is None and dynamics.tau is None:
            h = current if v is None else v + current
        else:
            drive = current if v is None else current - v
            step = drive / cast(float, dynamics.tau) if leak is None else drive * leak
            h = step if v is None else v + step
        fired = h >= dynamics.threshold
        v = h.masked_fill(fired, 0) if dynamics.hard else torch.where(fired, h - dynamics.threshold, h)
        spikes.append(fired)
    return torch.stack(spikes).to(x.dtype)
