"""Stateless multi-step spiking neurons: `lif`, `integrate_fire`, `plif`, and their modules.

Per time step t, with input current x, membrane potential v (0 before the first step) and output spikes s:

    h[t] = v[t-1] + (x[t] - v[t-1]) / tau        lif; plif learns w, 1 / tau = sigmoid(w)
    h[t] = v[t-1] + x[t]                         if
    s[t] = 1 where h[t] >= threshold, else 0
    v[t] = h[t] (1 - s[t])                       hard reset
    v[t] = h[t] - threshold s[t]                 soft reset

as in SpikingJelly 2.0, to the last bit on the CPU. Every operation rounds to the type of x. Nothing is kept between
calls. Sources: Fang et al. 2021, arXiv 2007.05785 (plif); Neftci et al. 2019, arXiv 1901.09948 (surrogate gradients).
"""

from __future__ import annotations

import math
from functools import cache
from typing import Any, ClassVar, Literal

import torch
from torch import Tensor, nn

from xoresnet.description.neuron_spec import NeuronSpec, Surrogate, find_neuron
from xoresnet.neurons.fire import Dynamics, fire

__all__ = ["IF", "LIF", "ParametricLIF", "SpikingNeuron", "integrate_fire", "lif", "make_neuron", "plif"]

Reset = Literal["hard", "soft"]


def lif(
    x: Tensor,
    tau: float = 2.0,
    threshold: float = 1.0,
    reset: Reset = "hard",
    surrogate: Surrogate | str = "atan",
    detach_reset: bool = True,
) -> Tensor:
    """Leaky integrate-and-fire over all time steps at once.

    x: currents [T, ...]. Returns spikes (0 and 1), in x's shape and type. tau in time steps, at least 1. Differentiable
    once. Raises `SpecError` for values out of range.

    >>> lif(torch.full((4, 1), 1.5)).flatten()
    tensor([0., 1., 0., 1.])
    """
    return fire(x, _dynamics("lif", tau, threshold, reset, surrogate, detach_reset))


def integrate_fire(
    x: Tensor,
    threshold: float = 1.0,
    reset: Reset = "hard",
    surrogate: Surrogate | str = "atan",
    detach_reset: bool = True,
) -> Tensor:
    """Integrate-and-fire without leak; otherwise as `lif`."""
    return fire(x, _dynamics("if", None, threshold, reset, surrogate, detach_reset))


def plif(
    x: Tensor,
    w: Tensor,
    threshold: float = 1.0,
    reset: Reset = "hard",
    surrogate: Surrogate | str = "atan",
    detach_reset: bool = True,
) -> Tensor:
    """Leaky integrate-and-fire with a learned leak: 1 / tau = sigmoid(w), w of one element; otherwise as `lif`."""
    if not isinstance(w, Tensor) or w.numel() != 1:
        given = list(w.shape) if isinstance(w, Tensor) else type(w).__name__
        raise ValueError(f"w is a tensor of one element, got {given}")
    return fire(x, _dynamics("plif", 2.0, threshold, reset, surrogate, detach_reset), w.sigmoid())


class SpikingNeuron(nn.Module):
    """Base of the neuron modules: currents [T, ...] to spikes of the same shape and type, without any state.

    A neuron of your own is made from its description, `Mine(spec)` with a `NeuronSpec`, and has a `forward`.
    """

    params_count: ClassVar[int] = 0
    """Learned numbers of one layer."""


class _StandardNeuron(SpikingNeuron):
    """Fires by `fire.py`; `dynamics` has the constants. Values out of range raise `SpecError`."""

    dynamics: Dynamics

    def forward(self, x: Tensor) -> Tensor:
        return fire(x, self.dynamics)

    def extra_repr(self) -> str:
        tau, threshold, reset, surrogate, detach_reset = self.dynamics
        constants = {"tau": tau, "threshold": threshold, "reset": reset, "detach_reset": detach_reset}
        shown = [f"{name}={value}" for name, value in constants.items() if value is not None]
        return ", ".join([*shown, f"surrogate={surrogate.kind}({surrogate.alpha:g})"])


class IF(_StandardNeuron):
    """Integrate-and-fire without leak."""

    def __init__(
        self,
        threshold: float = 1.0,
        reset: Reset = "hard",
        surrogate: Surrogate | str = "atan",
        detach_reset: bool = True,
    ) -> None:
        """As `integrate_fire`."""
        super().__init__()
        self.dynamics = _dynamics("if", None, threshold, reset, surrogate, detach_reset)


class LIF(_StandardNeuron):
    """Leaky integrate-and-fire; `tau` in time steps."""

    def __init__(
        self,
        tau: float = 2.0,
        threshold: float = 1.0,
        reset: Reset = "hard",
        surrogate: Surrogate | str = "atan",
        detach_reset: bool = True,
    ) -> None:
        """As `lif`."""
        super().__init__()
        self.dynamics = _dynamics("lif", tau, threshold, reset, surrogate, detach_reset)


class ParametricLIF(_StandardNeuron):
    """Leaky integrate-and-fire whose time constant is learned, one for the layer."""

    params_count = 1

    def __init__(
        self,
        tau: float = 2.0,
        threshold: float = 1.0,
        reset: Reset = "hard",
        surrogate: Surrogate | str = "atan",
        detach_reset: bool = True,
    ) -> None:
        """As `plif`, starting from `tau` time steps, more than 1."""
        super().__init__()
        self.dynamics = _dynamics("plif", tau, threshold, reset, surrogate, detach_reset)
        self.w = nn.Parameter(torch.tensor(-math.log(tau - 1)))

    @property
    def tau(self) -> float:
        """The present time constant in time steps."""
        return float(1 / self.w.detach().sigmoid())

    def forward(self, x: Tensor) -> Tensor:
        return fire(x, self.dynamics, self.w.sigmoid())

    def extra_repr(self) -> str:
        return super().extra_repr().replace("tau=", "initial tau=", 1)


def make_neuron(spec: NeuronSpec) -> SpikingNeuron:
    """The module that a `NeuronSpec` describes."""
    common: dict[str, Any] = {
        "threshold": spec.threshold,
        "reset": spec.reset,
        "surrogate": spec.surrogate,
        "detach_reset": spec.detach_reset,
    }
    match spec.kind:
        case "if":
            return IF(**common)
        case "lif":
            return LIF(spec.tau, **common)
        case "plif":
            return ParametricLIF(spec.tau, **common)
        case path:
            try:
                neuron: SpikingNeuron = find_neuron(path)(spec)
            except TypeError as error:
                raise ValueError(f"{path} is not made from a NeuronSpec: {error}") from error
            return neuron


def _dynamics(
    kind: str, tau: float | None, threshold: float, reset: str, surrogate: Surrogate | str, detach_reset: bool
) -> Dynamics:
    """Constants within their ranges. Raises `SpecError`."""
    try:
        return _checked(kind, tau, threshold, reset, surrogate, detach_reset)
    except TypeError:  # something that cannot be hashed is no constant either
        return _checked.__wrapped__(kind, tau, threshold, reset, surrogate, detach_reset)


@cache
def _checked(kind: str, tau: float | None, threshold: Any, reset: Any, surrogate: Any, detach_reset: Any) -> Dynamics:
    fields = {"kind": kind, "threshold": threshold, "reset": reset, "surrogate": surrogate}
    leaky = {} if kind == "if" else {"tau": tau}
    spec = NeuronSpec.from_dict({**fields, "detach_reset": detach_reset, **leaky})
    return Dynamics(spec.tau if leaky else None, spec.threshold, spec.reset, spec.surrogate, spec.detach_reset)
