"""The kernel behind every neuron on CUDA: one Triton kernel forward, one backward.

Each program takes a stretch of elements through all time steps; potentials stay in registers. The forward pass rounds
where the torch operations of `fire_torch.py` do, so that spikes are the same; the backward pass computes in float32.
"""

from __future__ import annotations

import torch
import triton
import triton.language as tl
from torch import Tensor

from xoresnet.neurons.dynamics import Dynamics, exact_product
from xoresnet.neurons.time_rows import as_rows, like_steps

__all__ = ["SURROGATE_KINDS", "backward", "backward_kernel", "forward", "forward_kernel"]

_BLOCK = 1024
_NONE, _PRODUCT, _QUOTIENT, _LEARNED = range(4)
SURROGATE_KINDS = ("atan", "sigmoid", "rectangle", "triangle")
"""Those that `_derivative` computes, by its KIND; with others, CUDA runs `fire_torch.py`."""


def forward(x: Tensor, leak: Tensor | None, dynamics: Dynamics, *, keep: bool) -> tuple[Tensor, Tensor]:
    """As `fire_torch.forward`."""
    rows = as_rows(x)
    spikes = like_steps(x)
    membrane = like_steps(x) if keep else x.new_empty(0)
    steps, elements = rows.shape
    with torch.cuda.device_of(x):
        forward_kernel[(triton.cdiv(elements, _BLOCK),)](
            rows,
            spikes,
            membrane,
            rows if leak is None else leak,
            steps,
            elements,
            rows.stride(0),
            dynamics.tau or 1.0,
            dynamics.threshold,
            MODE=_mode(leak, dynamics),
            HARD=dynamics.hard,
            KEEP=keep,
            BLOCK=_BLOCK,
            enable_fp_fusion=False,
        )
    return spikes, membrane


def backward(
    grad: Tensor, membrane: Tensor, leak: Tensor | None, dynamics: Dynamics, *, learn: bool
) -> tuple[Tensor, Tensor | None]:
    """As `fire_torch.backward`."""
    rows = as_rows(grad, membrane)
    grad_x = like_steps(membrane)
    steps, elements = rows.shape
    programs = triton.cdiv(elements, _BLOCK)
    parts = torch.zeros(programs if learn else 1, dtype=torch.float32, device=grad.device)
    k = dynamics.leak(leak)
    with torch.cuda.device_of(grad):
        backward_kernel[(programs,)](
            rows,
            membrane,
            grad_x,
            parts,
            membrane if leak is None else leak,
            steps,
            elements,
            rows.stride(0),
            1.0 if isinstance(k, Tensor) else k,
            dynamics.threshold,
            dynamics.surrogate.alpha,
            MODE=_mode(leak, dynamics),
            HARD=dynamics.hard,
            DETACH=dynamics.detach_reset,
            LEARN=learn,
            KIND=SURROGATE_KINDS.index(dynamics.surrogate.kind),
            BLOCK=_BLOCK,
            enable_fp_fusion=False,
        )
    if not learn or leak is None:
        return grad_x, None
    return grad_x, (parts.sum() / leak).to(leak.dtype).reshape(leak.shape)


def _mode(leak: Tensor | None, dynamics: Dynamics) -> int:
    if leak is not None:
        return _LEARNED
    if dynamics.tau is None:
        return _NONE
    return _PRODUCT if exact_product(dynamics.tau) else _QUOTIENT


# Triton compiles the kernels and allows no type hints but its own.


@triton.jit
def forward_kernel(
    x_ptr,
    spikes_ptr,
    membrane_ptr,
    leak_ptr,
    steps,
    elements,
    x_stride,
    tau,
    threshold,
    MODE: tl.constexpr,
    HARD: tl.constexpr,
    KEEP: tl.constexpr,
    BLOCK: tl.constexpr,
):
    at = tl.program_id(0).to(tl.int64) * BLOCK + tl.arange(0, BLOCK)
    inside = at < elements
    dtype = x_ptr.dtype.element_ty
    v = tl.zeros([BLOCK], dtype)
    x_at = at
    for _ in range(steps):
        x = tl.load(x_ptr + x_at, mask=inside, other=0.0)
        drive = (x.to(tl.float32) - v.to(tl.float32)).to(dtype).to(tl.float32)
        if MODE == 0:
            h = (v.to(tl.float32) + x.to(tl.float32)).to(dtype)
        elif MODE == 1:
            h = (v.to(tl.float32) + drive * (1.0 / tau)).to(dtype)
        elif MODE == 2:
            step = tl.div_rn(drive, tl.zeros([BLOCK], tl.float32) + tau).to(dtype)
            h = (v.to(tl.float32) + step.to(tl.float32)).to(dtype)
        else:
            step = (drive * tl.load(leak_ptr).to(tl.float32)).to(dtype)
            h = (v.to(tl.float32) + step.to(tl.float32)).to(dtype)
        fired = h.to(tl.float32) >= threshold
        tl.store(spikes_ptr + at, fired.to(tl.float32).to(dtype), mask=inside)
        if KEEP:
            tl.store(membrane_ptr + at, -h, mask=inside)
        if HARD:
            v = tl.where(fired, 0.0, h.to(tl.float32)).to(dtype)
        else:
            v = (h.to(tl.float32) - fired.to(tl.float32) * threshold).to(dtype)
        at += elements
        x_at += x_stride


@triton.jit
def backward_kernel(
    grad_ptr,
    membrane_ptr,
    grad_x_ptr,
    parts_ptr,
    leak_ptr,
    steps,
    elements,
    grad_stride,
    k_constant,
    threshold,
    alpha,
    MODE: tl.constexpr,
    HARD: tl.constexpr,
    DETACH: tl.constexpr,
    LEARN: tl.constexpr,
    KIND: tl.constexpr,
    BLOCK: tl.constexpr,
):
    at = tl.program_id(0).to(tl.int64) * BLOCK + tl.arange(0, BLOCK)
    inside = at < elements
    k = tl.load(leak_ptr).to(tl.float32) if MODE == 3 else k_constant
    grad_v = tl.zeros([BLOCK], tl.float32)
    total = tl.zeros([BLOCK], tl.float32)
    # from the last step back; in 64 bits, since all steps together may have more elements than 32 can number
    grad_at = at + (tl.zeros([BLOCK], tl.int64) + grad_stride) * (steps - 1)
    at += (tl.zeros([BLOCK], tl.int64) + elements) * (steps - 1)
    h = -tl.load(membrane_ptr + at, mask=inside, other=0.0).to(tl.float32)
    for _ in range(steps):
        earlier = inside & (at >= elements)
        before = -tl.load(membrane_ptr + at - elements, mask=earlier, other=0.0).to(tl.float32)
        grad = tl.load(grad_ptr + grad_at, mask=inside, other=0.0).to(tl.float32)
        fired = h >= threshold
        if not DETACH:
            if HARD:
                grad -= grad_v * h
            else:
                grad -= grad_v * threshold
        grad_h = grad * _derivative(h - threshold, alpha, KIND)
        if HARD:
            grad_h += tl.where(fired, 0.0, grad_v)
        else:
            grad_h += grad_v
        tl.store(grad_x_ptr + at, (grad_h * k).to(grad_x_ptr.dtype.element_ty), mask=inside)
        if LEARN:
            fired_before = (before >= threshold) & earlier
            if HARD:
                v = tl.where(fired_before, 0.0, before)
            else:
                v = before - fired_before.to(tl.float32) * threshold
            total += grad_h * (h - v)
        if MODE == 0:
            grad_v = grad_h
        else:
            grad_v = grad_h * (1.0 - k)
        h = before
        at -= elements
        grad_at -= grad_stride
    if LEARN:
        tl.store(parts_ptr + tl.program_id(0), tl.sum(tl.where(inside, total, 0.0)))


@triton.jit
def _derivative(y, alpha, KIND: tl.constexpr):
    if KIND == 0:
        result = 1.0 / (2.0 / alpha + 4.934802200544679 * alpha * y * y)  # pi^2 / 2
    elif KIND == 1:
        step = tl.sigmoid(alpha * y)
        result = alpha * step * (1.0 - step)
    elif KIND == 2:
        result = tl.where(tl.abs(y) < 0.5 / alpha, alpha, 0.0)
    else:
        result = tl.maximum(alpha - alpha * alpha * tl.abs(y), 0.0)
    return result
