"""The kernel behind every neuron in torch operations, for CPUs and for whatever `fire_triton.py` does not cover.

It saves the membrane potential h alone: spikes, reset and v follow from it. It works with -h, because torch has the
hard reset and its backward as single kernels (`threshold`, `threshold_backward`) that keep what lies *above* a bound.
On CPUs it processes the tensor in pieces that stay in the cache from the first time step to the last.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import torch
from torch import Tensor

from xoresnet.neurons.dynamics import Dynamics, exact_product
from xoresnet.neurons.surrogate import SURROGATES
from xoresnet.neurons.time_rows import as_rows, like_steps

__all__ = ["PIECE_ELEMENTS", "backward", "forward"]

PIECE_ELEMENTS = 131072
"""Elements per thread and time step, as measured: shorter pieces cost calls, longer ones leave the cache."""

_threshold = torch.ops.aten.threshold.default
_threshold_backward = torch.ops.aten.threshold_backward.default


def forward(x: Tensor, leak: Tensor | None, dynamics: Dynamics, *, keep: bool) -> tuple[Tensor, Tensor]:
    """Return the spikes of currents x [T, ...], and -h if `keep`, else an empty tensor; laid out as by `like_steps`."""
    spikes = like_steps(x)
    membrane = like_steps(x) if keep else x.new_empty(0)
    rows = [as_rows(x), as_rows(spikes)]
    if keep:
        rows.append(as_rows(membrane))
    for xs, ss, *kept in _pieces(*rows):
        hs = kept[0] if kept else (torch.empty_like(ss[0]),) * len(ss)
        v: Tensor | None = None  # this and h are negated throughout
        for t, (current, h, fired) in enumerate(zip(xs, hs, ss, strict=True)):
            _charge(current, v, leak, dynamics.tau, out=h)
            torch.le(h, -dynamics.threshold, out=fired)
            if t + 1 < len(xs):
                v = _reset(h, dynamics)
    return spikes, membrane


def backward(
    grad: Tensor, membrane: Tensor, leak: Tensor | None, dynamics: Dynamics, *, learn: bool
) -> tuple[Tensor, Tensor | None]:
    """Return the gradient of the currents and, if `learn`, that of the leak, else None.

    `grad` is the gradient of the spikes, `membrane` the -h that `forward` kept.
    """
    k = dynamics.leak(leak)
    halves = k == 0.5 if leak is None else False  # what goes into the current is what stays in the potential
    grad_x = like_steps(membrane)
    total: Tensor | None = None
    for grads, hs, outs in _pieces(as_rows(grad, membrane), as_rows(membrane), as_rows(grad_x)):
        grad_v: Tensor | None = None
        for t in reversed(range(len(hs))):
            grad_h = _through_spike(grads[t], grad_v, hs[t], dynamics)
            torch.mul(grad_h, k, out=outs[t])
            if learn:
                part = _leak_part(grad_h, hs[t], hs[t - 1] if t else None, dynamics)
                total = part if total is None else total + part
            if leak is None and dynamics.tau is None:
                grad_v = grad_h
            else:
                grad_v = outs[t] if halves else torch.sub(grad_h, outs[t])
    if total is None or leak is None:
        return grad_x, None
    return grad_x, (total / leak).to(leak.dtype).reshape(leak.shape)


def _charge(x: Tensor, v: Tensor | None, leak: Tensor | None, tau: float | None, *, out: Tensor) -> None:
    """Write -h = v - (x + v) / tau, where v is the negated potential; without leak, -h = v - x."""
    if leak is None and tau is None:
        torch.neg(x, out=out) if v is None else torch.sub(v, x, out=out)
        return
    drive = x if v is None else torch.add(x, v)
    if leak is None and tau is not None and exact_product(tau):
        k = 1 / tau  # a product can be fused into the sum
        torch.mul(drive, -k, out=out) if v is None else torch.sub(v, drive, alpha=k, out=out)
        return
    step = torch.mul(drive, leak) if leak is not None else torch.div(drive, _exact(tau, drive))
    torch.neg(step, out=out) if v is None else torch.sub(v, step, out=out)


def _reset(h: Tensor, dynamics: Dynamics) -> Tensor:
    """Return -v from -h."""
    if dynamics.hard:
        after: Tensor = _threshold(h, -dynamics.threshold, 0)
        return after
    return torch.add(h, h.le(-dynamics.threshold), alpha=dynamics.threshold)


def _through_spike(grad: Tensor, grad_v: Tensor | None, h: Tensor, dynamics: Dynamics) -> Tensor:
    """Return the gradient of h from those of the spikes and of v after the reset; `h` is negated."""
    if grad_v is not None and not dynamics.detach_reset:
        # a spike takes h (hard) or the threshold (soft) from v
        if dynamics.hard:
            grad = torch.addcmul(grad, grad_v, h)
        else:
            grad = torch.sub(grad, grad_v, alpha=dynamics.threshold)
    surrogate = dynamics.surrogate
    grad_h = SURROGATES[surrogate.kind](grad, h + dynamics.threshold, surrogate.alpha)
    if grad_v is None:
        return grad_h
    return grad_h.add_(_threshold_backward(grad_v, h, -dynamics.threshold) if dynamics.hard else grad_v)


def _leak_part(grad_h: Tensor, h: Tensor, h_before: Tensor | None, dynamics: Dynamics) -> Tensor:
    """Sum grad_h (x - v) leak; (x - v) leak = h - v is taken from the saved potentials, which are negated."""
    rise = -h if h_before is None else _reset(h_before, dynamics) - h
    return (grad_h * rise).sum(dtype=torch.promote_types(h.dtype, torch.float32))


def _pieces(*rows: Tensor) -> Iterator[list[tuple[Tensor, ...]]]:
    """Yield the time steps of every tensor, cut to the same piece of each."""
    elements = rows[0].shape[1]
    piece = PIECE_ELEMENTS * torch.get_num_threads() if rows[0].device.type == "cpu" else max(elements, 1)
    for start in range(0, elements, piece):
        yield [row[:, start : start + piece].unbind(0) for row in rows]


def _exact(tau: float | None, like: Tensor) -> Any:
    # accelerators turn division by a Python number into a product with its rounded reciprocal
    return tau if like.device.type == "cpu" else like.new_tensor(tau)
