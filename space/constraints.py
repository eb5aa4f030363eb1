"""Upper limits on what is known of a network before it is trained, and the layers that exceed them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, fields
from types import MappingProxyType
from typing import NamedTuple

from xoresnet.description.arch import Arch
from xoresnet.description.hardware import HARDWARE, HardwareLayer, HardwareNeeds, hardware_layers, hardware_needs
from xoresnet.description.layer_table import LayerRow, dense_macs, layer_table, params_count

__all__ = ["LIMITS", "Constraints", "Excess", "excesses"]


_NOTHING = HardwareNeeds()


@dataclass(frozen=True)
class Constraints:
    """Upper limits on costs that are known before training; None means no limit."""

    max_params: int | None = None
    """Trainable parameters (`layer_table.params_count`)."""
    max_macs: int | None = None
    """Dense multiply-accumulates per sample, summed over all time steps (`layer_table.dense_macs`)."""
    max_neurons: int | None = None
    """Neurons, and the other units that `description/hardware.py` counts."""
    max_neurons_per_layer: int | None = None
    max_fan_in: int | None = None
    """Synapses into one neuron."""
    max_synapses: int | None = None
    max_activation_memory: int | None = None
    """Bytes of all potentials and of the values of one time step."""
    hardware: str | None = None
    """A chip of `HARDWARE`, whose limits hold where the fields above are None."""

    @property
    def limits(self) -> dict[str, int]:
        """All limits that hold, by name."""
        published = HARDWARE[self.hardware] if self.hardware is not None else {}
        own = {name: getattr(self, name) for name in LIMITS}
        return {**published, **{name: limit for name, limit in own.items() if limit is not None}}

    @property
    def on_hardware(self) -> bool:
        """Whether any of them needs `hardware_layers`."""
        return not self.limits.keys() <= {"max_params", "max_macs"}

    def relevant(self, needs: HardwareNeeds) -> HardwareNeeds:
        """The same with zeros where no limit asks, so that networks which differ only there count as alike."""
        limits = self.limits
        fields = ("neurons", "neurons_per_layer", "fan_in", "synapses")
        kept = {name: getattr(needs, name) for name in fields if f"max_{name}" in limits}
        return HardwareNeeds(**kept, memory_bits=needs.memory_bits if "max_activation_memory" in limits else 0)

    def exceeded(self, params: int, macs: int, needs: HardwareNeeds = _NOTHING) -> dict[str, int]:
        """The limits that these costs exceed, each with the excess. needs: needed where `on_hardware`."""
        costs = {"max_params": params, "max_macs": macs}
        costs.update({name: getattr(needs, name.removeprefix("max_")) for name in LIMITS if name not in costs})
        return {name: costs[name] - limit for name, limit in self.limits.items() if costs[name] > limit}


LIMITS = tuple(field.name for field in fields(Constraints) if field.name != "hardware")
"""The names of all limits."""


class Excess(NamedTuple):
    """A limit that a network exceeds."""

    limit: str
    amount: int
    layer: str
    """The layer that exceeds it, or, for a limit on all layers together, the one that contributes most."""
    layer_cost: int
    together: bool
    """Whether it is a limit on all layers together."""

    def __str__(self) -> str:
        at = f": {self.layer} has {self.layer_cost:,}"
        return f"exceeded by {self.amount:,}{at}{', the most of all layers' if self.together else ''}"


def excesses(constraints: Constraints, arch: Arch) -> tuple[Excess, ...]:
    """The limits that a network exceeds, each with a layer; empty if it keeps to all of them."""
    limits = constraints.limits
    if not limits:
        return ()
    layers = hardware_layers(arch) if constraints.on_hardware else []
    exceeded = constraints.exceeded(params_count(arch), dense_macs(arch), hardware_needs(layers))
    return tuple(_excess(name, amount, arch, layers) for name, amount in exceeded.items())


_COSTS: Mapping[str, Callable[[LayerRow], int]] = MappingProxyType(
    {"max_params": lambda row: row.params_count, "max_macs": lambda row: row.macs}
)
_NEEDS: Mapping[str, Callable[[HardwareLayer], int]] = MappingProxyType(
    {
        "max_neurons": lambda layer: layer.neurons,
        "max_neurons_per_layer": lambda layer: layer.neurons,
        "max_fan_in": lambda layer: layer.fan_in,
        "max_synapses": lambda layer: layer.synapses,
        "max_activation_memory": lambda layer: -(-layer.memory_bits // 8),
    }
)


def _excess(limit: str, amount: int, arch: Arch, layers: Iterable[HardwareLayer]) -> Excess:
    if limit in _COSTS:
        costs = {row.name: _COSTS[limit](row) for row in layer_table(arch)}
    else:
        costs = {layer.name: _NEEDS[limit](layer) for layer in layers}
    most = max(costs, key=lambda name: costs[name])
    return Excess(limit, amount, most, costs[most], together=limit not in ("max_neurons_per_layer", "max_fan_in"))
