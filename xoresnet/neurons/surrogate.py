"""Surrogate gradients: smooth functions that replace the derivative of the step function in the backward pass.

With y = h - threshold, each multiplies a gradient by the derivative of a smooth step from 0 to 1:

| kind | derivative | alpha |
| --- | --- | --- |
| `atan` | alpha / 2 / (1 + (pi / 2 alpha y)^2) | 2 |
| `sigmoid` | alpha s(alpha y) (1 - s(alpha y)), s the logistic function | 4 |
| `rectangle` | alpha where abs(y) < 1 / (2 alpha), else 0 | 1 |
| `triangle` | alpha - alpha^2 abs(y) where that is positive, else 0 | 1 |

They are those of SpikingJelly (`ATan`, `Sigmoid`, `Rect`, `PiecewiseQuadratic`), so that results compare. Every
derivative is an even function of y; `fire_torch.py` relies on it. Functions may overwrite y, never the gradient.

To add one: its function and its row in `SURROGATES` here, its name and default sharpness in `SurrogateKind` and
`SURROGATE_ALPHAS` (`description/neuron_spec.py`, which imports no torch), rows in `test_surrogate.py`. On CUDA, torch
operations compute it until `fire_triton.py` does.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from types import MappingProxyType

import torch
from torch import Tensor

__all__ = ["SURROGATES", "atan", "rectangle", "sigmoid", "triangle"]

_sigmoid_backward = torch.ops.aten.sigmoid_backward.default


def atan(grad: Tensor, y: Tensor, alpha: float) -> Tensor:
    """Multiply `grad` by the derivative at y, a tensor of the same shape, with sharpness `alpha`.

    >>> atan(torch.ones(2), torch.tensor([0.0, 1.0]), alpha=2.0)
    tensor([1.0000, 0.0920])
    """
    # alpha / 2 / (1 + (pi / 2 alpha y)^2) = 1 / (2 / alpha + pi^2 alpha / 2 y^2): two kernels instead of six
    return torch.div(grad, torch.addcmul(y.new_full((), 2 / alpha), y, y, value=math.pi**2 * alpha / 2))


def sigmoid(grad: Tensor, y: Tensor, alpha: float) -> Tensor:
    """As `atan`."""
    result: Tensor = _sigmoid_backward(grad, y.mul_(alpha).sigmoid_())
    return result.mul_(alpha)


def rectangle(grad: Tensor, y: Tensor, alpha: float) -> Tensor:
    """As `atan`."""
    return y.abs_().lt_(0.5 / alpha).mul_(alpha).mul_(grad)


def triangle(grad: Tensor, y: Tensor, alpha: float) -> Tensor:
    """As `atan`."""
    return y.abs_().mul_(-(alpha**2)).add_(alpha).clamp_(min=0).mul_(grad)


SURROGATES: Mapping[str, Callable[[Tensor, Tensor, float], Tensor]] = MappingProxyType(
    {"atan": atan, "sigmoid": sigmoid, "rectangle": rectangle, "triangle": triangle}
)
"""Every surrogate gradient by the name it has in `Surrogate.kind`."""
