"""The multi-step kernel behind every neuron: all time steps in one autograd function.

It saves the membrane potential h alone: spikes, reset and v follow from it. It works with -h, because torch has the
hard reset and its backward as single kernels (`threshold`, `threshold_backward`) that keep what lies *above* a bound.
On the CPU it goes over the tensor in pieces that stay in the cache from the first step to the last. On CUDA one Triton
kernel does the same (`fire_triton.py`).
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from functools import cache
from importlib.util import find_spec
from typing import Any, Literal, NamedTuple, cast

import torch
from torch import Tensor
from torch.autograd.function import FunctionCtx, once_differentiable

from xoresnet.description.neuron_spec import Surrogate
from xoresnet.neurons.surrogate import SURROGATES
from xoresnet.neurons.time_rows import as_rows, like_steps

__all__ = ["Dynamics", "fire"]

_PIECE = 131072  # elements per thread and step: measured; shorter ones cost calls, longer ones leave the cache

_threshold = torch.ops.aten.threshold.default
_threshold_backward = torch.ops.aten.threshold_backward.default


class Dynamics(NamedTuple):
    """What is constant in a neuron's equations, which are in `neuron.py`; made and checked there."""

    tau: float | None
    """Time constant in steps; None integrates without leak. Not used where the leak is learned."""
    threshold: float
    reset: Literal["hard", "soft"]
    surrogate: Surrogate
    detach_reset: bool

    def leak(self, learned: Tensor | None) -> float | Tensor:
        """1 / tau; 1 without leak."""
        return learned if learned is not None else 1.0 if self.tau is None else 1 / self.tau

    @property
    def hard(self) -> bool:
        return self.reset == "hard"


def fire(x: Tensor, dynamics: Dynamics, leak: Tensor | None = None) -> Tensor:
    """Spikes of the neurons that `dynamics` describes on currents [T, ...]; `leak` is a learned 1 / tau."""
    if not isinstance(x, Tensor) or x.dim() == 0 or not x.is_floating_point():
        given = f"{x.dtype} {list(x.shape)}" if isinstance(x, Tensor) else type(x).__name__
        raise ValueError(f"neurons take floating-point currents [T, ...], got {given}")
    if not len(x):
        raise ValueError("neurons need at least one time step, got none")
    if leak is not None:
        leak = leak.to(x.dtype).reshape(())
    # torch's kernels do not agree on whether they round a bound to the type of x
    dynamics = dynamics._replace(threshold=_rounded(dynamics.threshold, x.dtype))
    if torch.is_grad_enabled() and (x.requires_grad or (leak is not None and leak.requires_grad)):
        spikes: Tensor = _Fire.apply(x, leak, dynamics)
        return spikes
    if torch.compiler.is_compiling():
        return _unrolled(x, leak, dynamics)
    return _forward(x, leak, dynamics, keep=False)[0]


class _Context(FunctionCtx):
    saved_tensors: tuple[Tensor, ...]
    needs_input_grad: tuple[bool, ...]
    dynamics: Dynamics


class _Fire(torch.autograd.Function):
    @staticmethod
    def forward(ctx: _Context, x: Tensor, leak: Tensor | None, dynamics: Dynamics) -> Tensor:
        spikes, membrane = _forward(x, leak, dynamics, keep=True)
        ctx.save_for_backward(membrane, *(() if leak is None else (leak,)))
        ctx.dynamics = dynamics
        return spikes

    @staticmethod
    @once_differentiable
    def backward(ctx: _Context, grad: Tensor) -> tuple[Tensor, Tensor | None, None]:
        membrane, *rest = ctx.saved_tensors
        leak = rest[0] if rest else None
        learn = ctx.needs_input_grad[1]
        if _fused(membrane):
            from xoresnet.neurons import fire_triton

            return *fire_triton.backward(grad, membrane, leak, ctx.dynamics, learn=learn), None
        return *_run_back(grad, membrane, leak, ctx.dynamics, learn=learn), None


def _forward(x: Tensor, leak: Tensor | None, dynamics: Dynamics, *, keep: bool) -> tuple[Tensor, Tensor]:
    """Spikes, and -h where it is kept, both laid out as `like_steps` says."""
    if _fused(x):
        from xoresnet.neurons import fire_triton

        return fire_triton.forward(x, leak, dynamics, keep=keep)
    return _run(x, leak, dynamics, keep=keep)


def _unrolled(x: Tensor, leak: Tensor | None, dynamics: Dynamics) -> Tensor:
    """The same numbers from operations that any exporter knows, one after the other."""
    spikes, v = [], None
    for current in x.unbind(0):
        if leak is None and dynamics.tau is None:
            h = current if v is None else v + current
        else:
            drive = current if v is None else current - v
            step = drive / cast(float, dynamics.tau) if leak is None else drive * leak
            h = step if v is None else v + step
        fired = (h >= dynamics.threshold).to(x.dtype)
        v = h * (1 - fired) if dynamics.hard else h - dynamics.threshold * fired
        spikes.append(fired)
    return torch.stack(spikes)


def _fused(x: Tensor) -> bool:
    return x.is_cuda and x.dtype is not torch.float64 and x.numel() > 0 and _has_triton()


@cache
def _rounded(value: float, dtype: torch.dtype) -> float:
    return float(torch.tensor(value, dtype=dtype, device="cpu"))


@cache
def _has_triton() -> bool:
    return find_spec("triton") is not None


def _run(x: Tensor, leak: Tensor | None, dynamics: Dynamics, *, keep: bool) -> tuple[Tensor, Tensor]:
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


def _charge(x: Tensor, v: Tensor | None, leak: Tensor | None, tau: float | None, *, out: Tensor) -> None:
    """-h = v - (x + v) / tau, where v is the negated potential; without leak, -h = v - x."""
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
    """-v from -h."""
    if dynamics.hard:
        after: Tensor = _threshold(h, -dynamics.threshold, 0)
        return after
    return torch.add(h, h.le(-dynamics.threshold), alpha=dynamics.threshold)


def _run_back(
    grad: Tensor, membrane: Tensor, leak: Tensor | None, dynamics: Dynamics, *, learn: bool
) -> tuple[Tensor, Tensor | None]:
    """Gradients of the currents and, if `learn`, of the leak. `membrane` is -h."""
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


def _through_spike(grad: Tensor, grad_v: Tensor | None, h: Tensor, dynamics: Dynamics) -> Tensor:
    """Gradient of h from that of the spikes and that of v after the reset; `h` is negated."""
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
    """Sum of grad_h (x - v) leak; (x - v) leak = h - v is taken from the saved potentials, which are negated."""
    rise = -h if h_before is None else _reset(h_before, dynamics) - h
    return (grad_h * rise).sum(dtype=torch.promote_types(h.dtype, torch.float32))


def exact_product(tau: float) -> bool:
    """Whether dividing by tau is exact as a product with 1 / tau: for powers of two."""
    return math.frexp(tau)[0] == 0.5


def _pieces(*rows: Tensor) -> Iterator[list[tuple[Tensor, ...]]]:
    """Each tensor's time steps, a piece of all at a time."""
    elements = rows[0].shape[1]
    piece = _PIECE * torch.get_num_threads() if rows[0].device.type == "cpu" else max(elements, 1)
    for start in range(0, elements, piece):
        yield [row[:, start : start + piece].unbind(0) for row in rows]


def _exact(tau: float | None, like: Tensor) -> Any:
    # accelerators turn division by a Python number into a product with its rounded reciprocal
    return tau if like.device.type == "cpu" else like.new_tensor(tau)
