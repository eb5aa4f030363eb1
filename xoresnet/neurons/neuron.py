"""Stateless multi-step spiking neurons: `lif`, `integrate_fire`, `plif`, and their modules.

At each time step t, with input current x, membrane potential v (0 before the first step) and output spikes s:

    h[t] = v[t-1] + (x[t] - v[t-1]) / tau        lif; plif learns w, 1 / tau = sigmoid(w)
    h[t] = v[t-1] + x[t]                         if
    s[t] = 1 where h[t] >= threshold, else 0
    v[t] = h[t] (1 - s[t])                       hard reset
    v[t] = h[t] - threshold s[t]                 soft reset

Spikes equal those of SpikingJelly 2.0 to the last bit on the CPU. Every operation rounds to the type of x. Neurons keep
no state between calls. Sources: Fang et al. 2021, arXiv 2007.05785 (plif); Neftci et al. 2019, arXiv 1901.09948
(surrogate gradients).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from functools import cache
from types import MappingProxyType
from typing import Any, Literal

import torch
from torch import Tensor, nn

from xoresnet.description.neuron_spec import NEURON_KINDS, NeuronMarker, NeuronSpec, Surrogate, find_neuron
from xoresnet.errors import Fault, SpecError, UsageError
from xoresnet.neurons.dynamics import Dynamics
from xoresnet.neurons.fire import fire

__all__ = ["IF", "LIF", "ParametricLIF", "Reset", "SpikingNeuron", "integrate_fire", "lif", "make_neuron", "plif"]

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

    x: currents [T, ...]. tau: membrane time constant in time steps, at least 1. Returns spikes, 0 and 1, in the shape
    and type of x; a NaN current causes none. Differentiable once. Raises `SpecError` for constants out of range,
    `UsageError` for an x that is not a floating-point tensor of at least one step.

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
    """Integrate-and-fire without leak; otherwise as `lif`.

    >>> integrate_fire(torch.full((4, 1), 0.5)).flatten()
    tensor([0., 1., 0., 1.])
    """
    return fire(x, _dynamics("if", None, threshold, reset, surrogate, detach_reset))


def plif(
    x: Tensor,
    w: Tensor,
    threshold: float = 1.0,
    reset: Reset = "hard",
    surrogate: Surrogate | str = "atan",
    detach_reset: bool = True,
) -> Tensor:
    """Leaky integrate-and-fire with a learned leak: 1 / tau = sigmoid(w), where w has one element; otherwise as `lif`.

    >>> plif(torch.full((4, 1), 1.5), w=torch.tensor(0.0)).flatten()  # sigmoid(0) = 1/2, so tau = 2
    tensor([0., 1., 0., 1.])
    """
    if not isinstance(w, Tensor) or w.numel() != 1:
        given = list(w.shape) if isinstance(w, Tensor) else type(w).__name__
        raise UsageError(f"w must be a tensor of one element, got {given}")
    return fire(x, _dynamics("plif", 2.0, threshold, reset, surrogate, detach_reset), w.sigmoid())


class SpikingNeuron(nn.Module, NeuronMarker):
    """Base class of neuron modules, which map currents [T, ...] to spikes of the same shape and type without any state.

    Your own neuron inherits from it, takes its `NeuronSpec` as the only argument, and defines `forward`. It sets
    `params_count` if a layer of it learns anything.

    >>> class Delayed(SpikingNeuron):
    ...     def __init__(self, spec: NeuronSpec) -> None:
    ...         super().__init__()
    ...         self.threshold = spec.threshold
    ...
    ...     def forward(self, x: Tensor) -> Tensor:
    ...         return integrate_fire(x.roll(1, 0), self.threshold)
    >>> Delayed(NeuronSpec(threshold=0.5)).params_count
    0
    """


class _StandardNeuron(SpikingNeuron):
    """A neuron that `fire` computes with constant `dynamics`."""

    dynamics: Dynamics

    def forward(self, x: Tensor) -> Tensor:
        return fire(x, self.dynamics)

    def extra_repr(self) -> str:
        tau, threshold, reset, surrogate, detach_reset = self.dynamics
        constants = {"tau": tau, "threshold": threshold, "reset": reset, "detach_reset": detach_reset}
        shown = [f"{name}={value}" for name, value in constants.items() if value is not None]
        return ", ".join([*shown, f"surrogate={surrogate.kind}({surrogate.alpha:g})"])


class IF(_StandardNeuron):
    """Integrate-and-fire without leak; equation and constants as in `integrate_fire`. Raises `SpecError`."""

    def __init__(
        self,
        threshold: float = 1.0,
        reset: Reset = "hard",
        surrogate: Surrogate | str = "atan",
        detach_reset: bool = True,
    ) -> None:
        super().__init__()
        self.dynamics = _dynamics("if", None, threshold, reset, surrogate, detach_reset)


class LIF(_StandardNeuron):
    """Leaky integrate-and-fire; equation and constants as in `lif`. Raises `SpecError`."""

    def __init__(
        self,
        tau: float = 2.0,
        threshold: float = 1.0,
        reset: Reset = "hard",
        surrogate: Surrogate | str = "atan",
        detach_reset: bool = True,
    ) -> None:
        super().__init__()
        self.dynamics = _dynamics("lif", tau, threshold, reset, surrogate, detach_reset)


class ParametricLIF(_StandardNeuron):
    """Leaky integrate-and-fire with one learned time constant per layer; equation and constants as in `plif`.

    `tau` is its initial value in time steps, greater than 1. Raises `SpecError`.
    """

    params_count = 1

    def __init__(
        self,
        tau: float = 2.0,
        threshold: float = 1.0,
        reset: Reset = "hard",
        surrogate: Surrogate | str = "atan",
        detach_reset: bool = True,
    ) -> None:
        super().__init__()
        self.dynamics = _dynamics("plif", tau, threshold, reset, surrogate, detach_reset)
        self.w = nn.Parameter(torch.tensor(-math.log(tau - 1)))

    @property
    def tau(self) -> float:
        """The current time constant in time steps."""
        return float(1 / self.w.detach().sigmoid())

    def forward(self, x: Tensor) -> Tensor:
        return fire(x, self.dynamics, self.w.sigmoid())

    def extra_repr(self) -> str:
        return super().extra_repr().replace("tau=", "initial tau=", 1)


_MODULES: Mapping[str, Callable[..., SpikingNeuron]] = MappingProxyType({"lif": LIF, "if": IF, "plif": ParametricLIF})
"""The module of each of `NEURON_KINDS`."""


def make_neuron(spec: NeuronSpec) -> SpikingNeuron:
    """Build the module that a `NeuronSpec` describes.

    Raises `SpecError` if a user's neuron cannot be imported or cannot be made from a `NeuronSpec`.

    >>> make_neuron(NeuronSpec(kind="if", threshold=0.5))
    IF(threshold=0.5, reset=hard, detach_reset=True, surrogate=atan(2))
    """
    kind = NEURON_KINDS.get(spec.kind)
    if kind is None:
        try:
            neuron: SpikingNeuron = find_neuron(spec.kind)(spec)
        except TypeError as error:
            raise SpecError([Fault("kind", f"{spec.kind} cannot be made from a NeuronSpec: {error}")]) from error
        return neuron
    tau: dict[str, Any] = {"tau": spec.tau} if kind.leaky else {}
    return _MODULES[spec.kind](
        **tau,
        threshold=spec.threshold,
        reset=spec.reset,
        surrogate=spec.surrogate,
        detach_reset=spec.detach_reset,
    )


def _dynamics(
    kind: str, tau: float | None, threshold: float, reset: str, surrogate: Surrogate | str, detach_reset: bool
) -> Dynamics:
    """Return constants within their ranges. Raises `SpecError`."""
    try:
        return _checked(kind, tau, threshold, reset, surrogate, detach_reset)
    except TypeError:  # a value that cannot be hashed is refused with a sentence too
        return _checked.__wrapped__(kind, tau, threshold, reset, surrogate, detach_reset)


@cache
def _checked(kind: str, tau: float | None, threshold: Any, reset: Any, surrogate: Any, detach_reset: Any) -> Dynamics:
    fields = {"kind": kind, "threshold": threshold, "reset": reset, "surrogate": surrogate}
    leaky = {} if kind == "if" else {"tau": tau}
    spec = NeuronSpec.from_dict({**fields, "detach_reset": detach_reset, **leaky})
    return Dynamics(spec.tau if leaky else None, spec.threshold, spec.reset, spec.surrogate, spec.detach_reset)
