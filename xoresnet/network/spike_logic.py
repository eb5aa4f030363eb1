"""Operations on spikes (0 and 1) with their gradient forms: `or_`, `xor`, `and_`, `iand`.

All forms agree on the values and differ in the gradients. d/da at (a, b) = 00, 01, 10, 11 (d/db by symmetry):

| `gradient` | OR | XOR |
| --- | --- | --- |
| `arithmetic` | 1 0 1 0, of a + b - ab | 1 -1 1 -1, of a + b - 2ab |
| `saturating` | 1 1 1 0, of min(a + b, 1) | 0 -1 1 0, of abs(a - b) |
| `straight-through` | 1 1 1 1, of a + b | 1 1 1 1, of a + b |

AND is the product ab and IAND is a(1 - b), with the gradients of these. Operands must have the same shape and contain
only 0 and 1. Plans guarantee it for networks (`description/plan.py`); calls do not check it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType

import torch
from torch import Tensor
from torch.autograd.function import FunctionCtx, once_differentiable

from xoresnet.description.merge import LogicGradient, Operation, UserOperation
from xoresnet.errors import UsageError

__all__ = ["OPERATIONS", "and_", "find_operation", "iand", "or_", "presence", "xor"]


def or_(a: Tensor, b: Tensor, gradient: LogicGradient = "arithmetic") -> Tensor:
    """Where a or b spikes.

    >>> or_(torch.tensor([0.0, 0.0, 1.0, 1.0]), torch.tensor([0.0, 1.0, 0.0, 1.0]))
    tensor([0., 1., 1., 1.])
    """
    if _records(a, b):
        result: Tensor = _Or.apply(a, b, gradient)
        return result
    return torch.maximum(a, b)


def xor(a: Tensor, b: Tensor, gradient: LogicGradient = "arithmetic") -> Tensor:
    """Where exactly one of a and b spikes.

    >>> xor(torch.tensor([0.0, 0.0, 1.0, 1.0]), torch.tensor([0.0, 1.0, 0.0, 1.0]))
    tensor([0., 1., 1., 0.])
    """
    if _records(a, b):
        result: Tensor = _Xor.apply(a, b, gradient)
        return result
    return (a - b).abs_()


def and_(a: Tensor, b: Tensor) -> Tensor:
    """Where both a and b spike.

    >>> and_(torch.tensor([0.0, 0.0, 1.0, 1.0]), torch.tensor([0.0, 1.0, 0.0, 1.0]))
    tensor([0., 0., 0., 1.])
    """
    return a * b


def iand(a: Tensor, b: Tensor) -> Tensor:
    """Where a spikes and b does not.

    >>> iand(torch.tensor([0.0, 0.0, 1.0, 1.0]), torch.tensor([0.0, 1.0, 0.0, 1.0]))
    tensor([0., 0., 1., 0.])
    """
    return torch.addcmul(a, a, b, value=-1)


def presence(x: Tensor) -> Tensor:
    """Where an integer stream has any spike: min(x, 1). The gradient is 1 where x <= 1, else 0.

    >>> presence(torch.tensor([0.0, 1.0, 3.0]))
    tensor([0., 1., 1.])
    """
    return x.masked_fill(x > 1, 1)  # not clamp, whose gradient at the bound depends on the version of torch


OPERATIONS: Mapping[Operation, Callable[[Tensor, Tensor, LogicGradient], Tensor]] = MappingProxyType(
    {
        Operation.ADD: lambda shortcut, branch, _: shortcut + branch,
        Operation.OR: or_,
        Operation.AND: lambda shortcut, branch, _: and_(shortcut, branch),
        Operation.IAND: lambda shortcut, branch, _: iand(shortcut, branch),
    }
)
"""The function of (shortcut, branch, gradient) of each operation."""


def find_operation(operation: Operation | UserOperation) -> Callable[[Tensor, Tensor, LogicGradient], Tensor]:
    """Return the function of (shortcut, branch, gradient) of an operation.

    Raises `UsageError` for a `UserOperation` whose function does not return spikes or cannot be differentiated.
    """
    if isinstance(operation, Operation):
        return OPERATIONS[operation]
    function = operation.function
    _check_truth_table(function, str(operation))
    return lambda shortcut, branch, _: function(shortcut, branch)


def _check_truth_table(function: Callable[[Tensor, Tensor], Tensor], name: str) -> None:
    shortcut = torch.tensor([0.0, 0.0, 1.0, 1.0], requires_grad=True)
    branch = torch.tensor([0.0, 1.0, 0.0, 1.0], requires_grad=True)
    with torch.enable_grad():
        result = function(shortcut, branch)
        if not isinstance(result, Tensor) or result.shape != shortcut.shape:
            raise UsageError(f"the operation {name} must return a tensor of its operands' shape, got {result!r}")
        if not bool(((result == 0) | (result == 1)).all()):
            raise UsageError(
                f"the operation {name} must return spikes, 0 and 1; from 00, 01, 10, 11 it returned {result.tolist()}"
            )
        if not result.requires_grad:
            raise UsageError(f"the operation {name} cannot be differentiated: its result has no gradient")


class _Context(FunctionCtx):
    saved_tensors: tuple[Tensor, ...]
    gradient: LogicGradient


class _Or(torch.autograd.Function):
    @staticmethod
    def forward(ctx: _Context, a: Tensor, b: Tensor, gradient: LogicGradient) -> Tensor:
        _save(ctx, a, b, gradient)
        return torch.maximum(a, b)

    @staticmethod
    @once_differentiable
    def backward(ctx: _Context, grad: Tensor) -> tuple[Tensor, Tensor, None]:
        if ctx.gradient == "straight-through":
            return grad, grad, None
        a, b = ctx.saved_tensors
        if ctx.gradient == "saturating":
            grad = torch.addcmul(grad, grad, a * b, value=-1)
            return grad, grad, None
        return torch.addcmul(grad, grad, b, value=-1), torch.addcmul(grad, grad, a, value=-1), None


class _Xor(torch.autograd.Function):
    @staticmethod
    def forward(ctx: _Context, a: Tensor, b: Tensor, gradient: LogicGradient) -> Tensor:
        _save(ctx, a, b, gradient)
        return (a - b).abs_()

    @staticmethod
    @once_differentiable
    def backward(ctx: _Context, grad: Tensor) -> tuple[Tensor, Tensor, None]:
        if ctx.gradient == "straight-through":
            return grad, grad, None
        a, b = ctx.saved_tensors
        if ctx.gradient == "saturating":
            grad_a = grad * (a - b)
            return grad_a, -grad_a, None
        return torch.addcmul(grad, grad, b, value=-2), torch.addcmul(grad, grad, a, value=-2), None


def _records(a: Tensor, b: Tensor) -> bool:
    return torch.is_grad_enabled() and (a.requires_grad or b.requires_grad)


def _save(ctx: _Context, a: Tensor, b: Tensor, gradient: LogicGradient) -> None:
    ctx.gradient = gradient
    if gradient != "straight-through":
        ctx.save_for_backward(a, b)
