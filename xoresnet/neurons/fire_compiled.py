"""The multi-step function under `torch.compile`: one operator that the compiler calls and does not look into.

A compiled network thus runs the kernels that it runs without compilation, and its neurons round as they do there.
"""

from __future__ import annotations

from typing import Any, Literal, cast

import torch
from torch import Tensor

from xoresnet.description.neuron_spec import Surrogate, SurrogateKind
from xoresnet.neurons.dynamics import Dynamics
from xoresnet.neurons.kernels import kernel_for
from xoresnet.neurons.time_rows import like_steps

__all__ = ["fire_compiled"]


def fire_compiled(x: Tensor, leak: Tensor | None, dynamics: Dynamics) -> Tensor:
    """As `fire`, whose arguments are checked already; `dynamics` is not rounded yet."""
    keep = torch.is_grad_enabled() and (x.requires_grad or (leak is not None and leak.requires_grad))
    spikes: Tensor = _fire(x, leak, *_plain(dynamics), keep)[0]
    return spikes


def _plain(dynamics: Dynamics) -> tuple[float | None, float, bool, str, float, bool]:
    """Operators take numbers and texts only."""
    tau, threshold, reset, surrogate, detach_reset = dynamics
    return tau, threshold, reset == "hard", surrogate.kind, surrogate.alpha, detach_reset


def _dynamics(
    x: Tensor, tau: float | None, threshold: float, hard: bool, kind: str, alpha: float, detach_reset: bool
) -> Dynamics:
    reset: Literal["hard", "soft"] = "hard" if hard else "soft"
    surrogate = Surrogate(kind=cast(SurrogateKind, kind), alpha=alpha)
    return Dynamics(tau, threshold, reset, surrogate, detach_reset).rounded(x.dtype)


@torch.library.custom_op("xoresnet::fire", mutates_args=())
def _fire(
    x: Tensor,
    leak: Tensor | None,
    tau: float | None,
    threshold: float,
    hard: bool,
    kind: str,
    alpha: float,
    detach_reset: bool,
    keep: bool,
) -> tuple[Tensor, Tensor]:
    dynamics = _dynamics(x, tau, threshold, hard, kind, alpha, detach_reset)
    return kernel_for(x, dynamics).forward(x, leak, dynamics, keep=keep)


@_fire.register_fake
def _(x: Tensor, leak: Tensor | None, *constants: Any) -> tuple[Tensor, Tensor]:
    return like_steps(x), like_steps(x) if constants[-1] else x.new_empty(0)


@torch.library.custom_op("xoresnet::fire_backward", mutates_args=())
def _fire_backward(
    grad: Tensor,
    membrane: Tensor,
    leak: Tensor | None,
    tau: float | None,
    threshold: float,
    hard: bool,
    kind: str,
    alpha: float,
    detach_reset: bool,
    learn: bool,
) -> tuple[Tensor, Tensor]:
    dynamics = _dynamics(membrane, tau, threshold, hard, kind, alpha, detach_reset)
    grad_x, grad_leak = kernel_for(membrane, dynamics).backward(grad, membrane, leak, dynamics, learn=learn)
    return grad_x, membrane.new_empty(0) if grad_leak is None else grad_leak


@_fire_backward.register_fake
def _(grad: Tensor, membrane: Tensor, leak: Tensor | None, *constants: Any) -> tuple[Tensor, Tensor]:
    learned = leak if constants[-1] else None
    return like_steps(membrane), membrane.new_empty(0) if learned is None else torch.empty_like(learned)


def _keep(ctx: Any, inputs: tuple[Any, ...], output: tuple[Tensor, Tensor]) -> None:
    _, leak, *constants, _ = inputs
    ctx.save_for_backward(output[1], *(() if leak is None else (leak,)))
    ctx.constants = constants


def _backward(ctx: Any, grad: Tensor, _: Tensor) -> tuple[Tensor | None, ...]:
    membrane, *rest = ctx.saved_tensors
    leak, learn = (rest[0] if rest else None), ctx.needs_input_grad[1]
    grad_x, grad_leak = _fire_backward(grad, membrane, leak, *ctx.constants, learn)
    return grad_x, grad_leak if learn else None, *(None,) * (len(ctx.constants) + 1)


_fire.register_autograd(_backward, setup_context=_keep)
