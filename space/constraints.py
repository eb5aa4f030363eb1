"""Upper limits on what is known of a network before it is trained, and the layers that exceed them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, fields
from functools import cached_property
from types import MappingProxyType
from typing import NamedTuple

from xoresnet.description.arch import Arch
from xoresnet.description.hardware import HARDWARE, HardwareLayer, HardwareUsage, hardware_layers, hardware_usage
from xoresnet.description.layer_table import dense_macs, layer_table, params_count

__all__ = ["LIMITS", "Constraints", "Excess", "excesses"]

_NOTHING = HardwareUsage()
_COSTS = ("max_params", "max_macs")
"""Limits that do not need `hardware_layers`."""


@dataclass(frozen=True)
class Constraints:
    """Upper limits on costs that are known before training; None means no limit."""

    max_params: int | None = None
    """Trainable parameters (`layer_table.params_count`)."""
    max_macs: int | None = None
    """Dense multiply-accumulates per sample, summed over all time steps (`layer_table.dense_macs`)."""
    max_layers: int | None = None
    """Convolutions and linear layers."""
    max_neurons: int | None = None
    """Neurons, and the other units that `description/hardware.py` counts."""
    max_neurons_per_layer: int | None = None
    """The same in one layer."""
    max_fan_in: int | None = None
    """Synapses into one neuron."""
    max_synapses: int | None = None
    max_activation_memory: int | None = None
    """Bytes of all potentials and of the values of one time step."""
    hardware: str | None = None
    """A chip of `HARDWARE`, whose limits hold where the fields above are None."""

    @cached_property
    def limits(self) -> Mapping[str, int]:
        """All limits that hold, by name."""
        published = HARDWARE[self.hardware] if self.hardware is not None else {}
        own = {name: getattr(self, name) for name in LIMITS}
        return {**published, **{name: limit for name, limit in own.items() if limit is not None}}

    @cached_property
    def hardware_limits(self) -> Mapping[str, int]:
        """Those that need `hardware_layers`."""
        return {name: limit for name, limit in self.limits.items() if name not in _COSTS}

    def __str__(self) -> str:
        limits = [f"{name} {limit:,}" for name, limit in self.limits.items()]
        return ", ".join([self.hardware, *limits] if self.hardware else limits) or "none"

    def relevant(self, usage: HardwareUsage) -> HardwareUsage:
        """The same with zeros where no limit asks, so that networks which differ only there count as alike."""
        names = ["memory_bits" if name == "max_activation_memory" else name.removeprefix("max_") for name in LIMITS]
        limited = (name for limit, name in zip(LIMITS, names, strict=True) if limit in self.hardware_limits)
        return HardwareUsage(**{name: getattr(usage, name) for name in limited})

    def afford(self, params: int, macs: int) -> bool:
        """Whether the limits that are none of hardware are kept."""
        return (self.max_params is None or params <= self.max_params) and (
            self.max_macs is None or macs <= self.max_macs
        )

    def allow(self, usage: HardwareUsage) -> bool:
        """Whether the limits of hardware are kept."""
        return all(_used(usage, name) <= limit for name, limit in self.hardware_limits.items())

    def exceeded(self, params: int, macs: int, usage: HardwareUsage = _NOTHING) -> dict[str, int]:
        """The limits that these costs exceed, each with the excess. usage: required where there are hardware limits."""
        costs = {"max_params": params, "max_macs": macs}
        costs.update({name: _used(usage, name) for name in self.hardware_limits})
        return {name: costs[name] - limit for name, limit in self.limits.items() if costs[name] > limit}


LIMITS = tuple(field.name for field in fields(Constraints) if field.name != "hardware")
"""The names of all limits."""


def _used(usage: HardwareUsage, limit: str) -> int:
    return int(getattr(usage, limit.removeprefix("max_")))


class Excess(NamedTuple):
    """A limit that a network exceeds; as text a sentence."""

    limit: str
    allowed: int
    amount: int
    """By how much the network exceeds it."""
    layer: str
    """The layer that exceeds it, or, for a limit on all layers together, the one that contributes most."""
    layer_cost: int
    hardware: str | None
    """The chip that the limit belongs to; None for one's own."""

    def __str__(self) -> str:
        kind = _KINDS[self.limit]
        at_most = f"at most {self.allowed:,} are allowed{f' by hardware: {self.hardware}' if self.hardware else ''}"
        if kind.together:
            total = f"the network has {self.allowed + self.amount:,} {kind.unit}, {at_most}"
            return f"{total}; its largest layer, {self.layer}, has {self.layer_cost:,}" if kind.layered else total
        return f"{kind.subject}{self.layer} has {self.layer_cost:,} {kind.unit}, {at_most}"


class _Kind(NamedTuple):
    """How a limit is worded."""

    unit: str
    together: bool = True
    """Whether it is a limit on all layers together."""
    layered: bool = True
    """Whether layers contribute different amounts."""
    subject: str = ""


_KINDS: Mapping[str, _Kind] = MappingProxyType(
    {
        "max_params": _Kind("parameters"),
        "max_macs": _Kind("multiply-adds"),
        "max_layers": _Kind("convolutions and linear layers", layered=False),
        "max_neurons": _Kind("neurons"),
        "max_neurons_per_layer": _Kind("neurons", together=False, subject="the layer "),
        "max_fan_in": _Kind("synapses", together=False, subject="a neuron of "),
        "max_synapses": _Kind("synapses"),
        "max_activation_memory": _Kind("bytes of activations"),
    }
)
_USED_BY_LAYER: Mapping[str, Callable[[HardwareLayer], int]] = MappingProxyType(
    {
        "max_layers": lambda layer: layer.weight_layers,
        "max_neurons": lambda layer: layer.neurons,
        "max_neurons_per_layer": lambda layer: layer.neurons,
        "max_fan_in": lambda layer: layer.fan_in,
        "max_synapses": lambda layer: layer.synapses,
        "max_activation_memory": lambda layer: -(-layer.memory_bits // 8),
    }
)


def excesses(constraints: Constraints, arch: Arch) -> tuple[Excess, ...]:
    """The limits that a network exceeds, each with a layer; empty if it keeps to all of them."""
    if not constraints.limits:
        return ()
    layers = hardware_layers(arch) if constraints.hardware_limits else []
    exceeded = constraints.exceeded(params_count(arch), dense_macs(arch), hardware_usage(layers))
    return tuple(_excess(constraints, name, amount, _by_layer(name, arch, layers)) for name, amount in exceeded.items())


def _by_layer(limit: str, arch: Arch, layers: Sequence[HardwareLayer]) -> dict[str, int]:
    if limit in _COSTS:
        return {row.name: row.params_count if limit == "max_params" else row.macs for row in layer_table(arch)}
    return {layer.name: _USED_BY_LAYER[limit](layer) for layer in layers}


def _excess(constraints: Constraints, limit: str, amount: int, costs: Mapping[str, int]) -> Excess:
    most = max(costs, key=lambda name: costs[name])
    chip = constraints.hardware if getattr(constraints, limit) is None else None
    return Excess(limit, constraints.limits[limit], amount, most, costs[most], chip)
