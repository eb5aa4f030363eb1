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
from typing import Any, ClassVar, Literal

import torch
from torch import Tensor, nn

from xoresnet.arch import NeuronSpec
from xoresnet.fire import Dynamics, fire
from xoresnet.surrogate import Surrogate

__all__ = ["IF", "LIF", "ParametricLIF", "SpikingNeuron", "integrate_fire", "lif", "make_neuron", "plif"]

_ATAN = Surrogate()


def lif(
    x: Tensor,
    tau: float = 2.0,
    threshold: float = 1.0,
    reset: Literal["hard", "soft"] = "hard",
    surrogate: Surrogate = _ATAN,
    detach_reset: bool = True,
) -> Tensor:
    """Leaky integrate-and-fire over all time steps at once.

    x: currents [T, ...]. Returns spikes (0 and 1), in x's shape and type. tau in time steps, at least 1.

    >>> lif(torch.full((4, 1), 1.5)).flatten()
    tensor([0., 1., 0., 1.])
    """
    return fire(x, Dynamics(tau, threshold, reset, surrogate, detach_reset))


def integrate_fire(
    x: Tensor,
    threshold: float = 1.0,
    reset: Literal["hard", "soft"] = "hard",
    surrogate: Surrogate = _ATAN,
    detach_reset: bool = True,
) -> Tensor:
    """Integrate-and-fire without leak; otherwise as `lif`."""
    return fire(x, Dynamics(None, threshold, reset, surrogate, detach_reset))


def plif(
    x: Tensor,
    w: Tensor,
    threshold: float = 1.0,
    reset: Literal["hard", "soft"] = "hard",
    surrogate: Surrogate = _ATAN,
    detach_reset: bool = True,
) -> Tensor:
    """Leaky integrate-and-fire with a learned leak: 1 / tau = sigmoid(w), w of one element; otherwise as `lif`."""
    return fire(x, Dynamics(None, threshold, reset, surrogate, detach_reset), w.sigmoid())


class SpikingNeuron(nn.Module):
    """Base of the neuron modules: currents [T, ...] to spikes of the same shape and type, without any state."""

    kind: ClassVar[Literal["lif", "if", "plif"]]

    def __init__(
        self,
        *,
        threshold: float = 1.0,
        reset: Literal["hard", "soft"] = "hard",
        surrogate: Surrogate = _ATAN,
        detach_reset: bool = True,
        tau: float | None = None,
    ) -> None:
        super().__init__()
        fields: dict[str, Any] = {
            "kind": self.kind,
            "threshold": threshold,
            "reset": reset,
            "detach_reset": detach_reset,
        }
        fields |= {"surrogate": surrogate._asdict()} | ({} if tau is None else {"tau": tau})
        NeuronSpec.from_dict(fields)  # refuses what is out of range
        self.dynamics = Dynamics(tau, threshold, reset, surrogate, detach_reset)

    def forward(self, x: Tensor) -> Tensor:
        return fire(x, self.dynamics)

    def extra_repr(self) -> str:
        return ", ".join(f"{name}={value}" for name, value in self.dynamics._asdict().items() if value is not None)


class IF(SpikingNeuron):
    """Integrate-and-fire without leak. Raises `SpecError` for values out of range, as the others do."""

    kind = "if"


class LIF(SpikingNeuron):
    """Leaky integrate-and-fire; `tau` in time steps."""

    kind = "lif"

    def __init__(self, tau: float = 2.0, **dynamics: Any) -> None:
        super().__init__(tau=tau, **dynamics)


class ParametricLIF(SpikingNeuron):
    """Leaky integrate-and-fire whose time constant is learned, one for the layer, from `tau` on."""

    kind = "plif"

    def __init__(self, tau: float = 2.0, **dynamics: Any) -> None:
        super().__init__(tau=tau, **dynamics)
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
        "surrogate": Surrogate(spec.surrogate.kind, spec.surrogate.alpha),
        "detach_reset": spec.detach_reset,
    }
    return _NEURONS[spec.kind](**common) if spec.kind == "if" else _NEURONS[spec.kind](tau=spec.tau, **common)


_NEURONS: dict[str, type[SpikingNeuron]] = {neuron.kind: neuron for neuron in (IF, LIF, ParametricLIF)}
