"""The resources of a neuromorphic chip that a network uses, with a unit for every value. Imports no torch.

Layers of units, each of which holds or computes one value per time step:

- neurons, into which convolutions and, in some blocks, the shortcut add their currents;
- the results of merges that are not followed by a neuron (`add`, `or`, `and`, `iand`, and the real stream of
  `membrane`), of XOR, and of the max-pool: one unit for each value on chips with programmable neurons and graded
  spikes, more elsewhere;
- the means over places that the read-out reads, one unit for each channel, and the read-out, one for each class.

Synapses are the connections into a unit, one for each weight that it applies: those of a convolution that would read
beyond the border do not exist. Weights that a chip can share between places are not subtracted. Input pixels have no
units. A user's own neuron counts as one potential.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping
from functools import reduce
from types import MappingProxyType
from typing import NamedTuple

from xoresnet.description.arch import Arch
from xoresnet.description.merge import Join
from xoresnet.description.plan import BlockPlan, ConvPlan, Plan, Stream, StreamKind, make_plan

__all__ = ["HARDWARE", "HardwareLayer", "HardwareUsage", "hardware_layers", "hardware_usage"]

_POTENTIAL_BITS = 16
_REAL_BITS = 16

HARDWARE: Mapping[str, Mapping[str, int]] = MappingProxyType(
    {
        # Intel Loihi 2, one chip of 128 cores: open-neuromorphic.org/neuromorphic-computing/hardware/loihi-2-intel
        "loihi2": MappingProxyType({"max_neurons": 1_000_000, "max_synapses": 120_000_000}),
        # SynSense Speck 2e and 2f, nine cores of one layer each, whose neuron memories hold 64 Ki states at most and
        # 320 Ki together: "Chip Resources" in the documentation of sinabs
        "speck": MappingProxyType({"max_layers": 9, "max_neurons": 327_680, "max_neurons_per_layer": 65_536}),
    }
)
"""Some published limits of one chip, by its name in `constraints.hardware`."""


class HardwareLayer(NamedTuple):
    """One layer of units."""

    name: str
    """As in `layer_table(arch.canonical())`; also `merge` in blocks that no neuron ends, and `mean` after them all."""
    neurons: int
    """The number of units."""
    fan_in: int
    """The most synapses into one unit."""
    synapses: int
    """The synapses into all units."""
    memory_bits: int
    """For one time step: 16 for each potential; for each value 1 if it is a spike, 16 if it is real, and as many as the
    largest value takes if it is an integer."""
    weight_layers: int = 0
    """The number of convolutions and linear layers whose results arrive here."""

    @property
    def is_xor(self) -> bool:
        return ".xor_" in self.name

    def stage(self, stages: int) -> int:
        """The number of the stage among so many; the stem counts as part of the first, the read-out of the last."""
        first, *rest = self.name.split(".")
        return int(rest[0]) if first == "stages" else 0 if first == "stem" else stages - 1


class HardwareUsage(NamedTuple):
    """The resources that some layers use together."""

    neurons: int = 0
    """Neurons and all other units."""
    neurons_per_layer: int = 0
    """Units of the largest layer."""
    fan_in: int = 0
    """The most synapses into one unit."""
    synapses: int = 0
    memory_bits: int = 0
    layers: int = 0
    """Convolutions and linear layers."""

    def plus(self, other: HardwareUsage) -> HardwareUsage:
        """The resources of both together."""
        return HardwareUsage(
            self.neurons + other.neurons,
            max(self.neurons_per_layer, other.neurons_per_layer),
            max(self.fan_in, other.fan_in),
            self.synapses + other.synapses,
            self.memory_bits + other.memory_bits,
            self.layers + other.layers,
        )

    @property
    def activation_memory(self) -> int:
        """Bytes of all potentials and of the values of one time step, rounded up."""
        return math.ceil(self.memory_bits / 8)


def hardware_layers(arch: Arch) -> list[HardwareLayer]:
    """Return every layer of units of the canonical form, in the order of computation: equal networks use the same.

    >>> arch = Arch(input_shape=(1, 8, 8), num_classes=10, depth=8)
    >>> hardware_layers(arch)[0]
    HardwareLayer(name='stem.neuron', neurons=1024, fan_in=9, synapses=7744, memory_bits=17408, weight_layers=1)
    """
    plan = make_plan(arch.canonical())
    layers = list(_stem_layers(plan))
    for number, stage in enumerate(plan.stages):
        for index, block in enumerate(stage):
            layers += _block_layers(block, f"stages.{number}.{index}")
    features, classes, places = plan.features, arch.num_classes, math.prod(plan.blocks[-1].convs[-1].out_size)
    layers.append(_layer("mean", (features,), places, features * places, _REAL_BITS))
    layers.append(_layer("head", (classes,), features, features * classes, _REAL_BITS, 1))
    return layers


def hardware_usage(layers: Iterable[HardwareLayer]) -> HardwareUsage:
    """Return the resources that these layers use together."""
    return reduce(HardwareUsage.plus, map(_usage, layers), HardwareUsage())


def _usage(layer: HardwareLayer) -> HardwareUsage:
    neurons, synapses = layer.neurons, layer.synapses
    return HardwareUsage(neurons, neurons, layer.fan_in, synapses, layer.memory_bits, layer.weight_layers)


class _Current(NamedTuple):
    """What arrives at the units of a layer: from convolutions, and one value each from some other layers."""

    convs: tuple[ConvPlan, ...]
    values: int = 0

    def layer(self, name: str, bits: int, *, neuron: bool) -> HardwareLayer:
        shape = (self.convs[0].out_channels, *self.convs[0].out_size)
        fan_in = sum(map(_most_taps, self.convs)) + self.values
        synapses = sum(map(_all_taps, self.convs)) + self.values * math.prod(shape)
        return _layer(name, shape, fan_in, synapses, bits + _POTENTIAL_BITS * neuron, len(self.convs))


def _stem_layers(plan: Plan) -> Iterator[HardwareLayer]:
    stem = plan.stem
    current = _Current((stem.conv,))
    bits = _value_bits(stem.writes)
    yield current.layer("stem.neuron" if stem.neuron else "stem.conv", bits, neuron=stem.neuron)
    if stem.pool:
        window = ConvPlan(1, 1, 3, 2, stem.conv.out_size)
        channels = stem.conv.out_channels
        shape = (channels, *stem.out_size)
        yield _layer("stem.pool", shape, _most_taps(window), channels * _all_taps(window), bits)


def _block_layers(block: BlockPlan, name: str) -> Iterator[HardwareLayer]:
    first, last = block.convs[0], block.convs[-1]
    read = (first.in_channels, *first.in_size)
    if block.neuron_in:
        yield _pointwise(f"{name}.neuron_in", read, inputs=1, bits=1 + _POTENTIAL_BITS)
    if block.xor_entry:
        yield _pointwise(f"{name}.xor_entry", read, inputs=2, bits=1)
    for number, conv in enumerate(block.convs[:-1]):
        yield _Current((conv,)).layer(f"{name}.neurons.{number}", 1, neuron=True)
    if block.xor_middle:
        yield _pointwise(f"{name}.xor_middle", (last.in_channels, *last.in_size), inputs=2, bits=1)
    if block.neuron_shortcut and block.projection is not None:
        yield _Current((block.projection,)).layer(f"{name}.neuron_shortcut", 1, neuron=True)
    yield from _result_layers(block, name)


def _result_layers(block: BlockPlan, name: str) -> Iterator[HardwareLayer]:
    """What leaves the block: of a neuron that ends it, or of a merge after the neuron that ends the branch."""
    last = block.convs[-1]
    written = _value_bits(block.writes)
    if block.join is Join.SPIKES:
        yield _Current((last,)).layer(f"{name}.neuron_out", 1, neuron=True)
        yield _pointwise(f"{name}.merge", (last.out_channels, *last.out_size), inputs=2, bits=written)
        return
    meets = _Current((last,), values=1) if block.projection is None else _Current((last, block.projection))
    yield meets.layer(f"{name}.{'neuron_out' if block.neuron_out else 'merge'}", written, neuron=block.neuron_out)


def _pointwise(name: str, shape: tuple[int, ...], *, inputs: int, bits: int) -> HardwareLayer:
    """Units that each read one value of some other layers."""
    return _layer(name, shape, inputs, inputs * math.prod(shape), bits)


def _layer(name: str, shape: tuple[int, ...], fan_in: int, synapses: int, bits: int, weights: int = 0) -> HardwareLayer:
    neurons = math.prod(shape)
    return HardwareLayer(name, neurons, fan_in, synapses, bits * neurons, weights)


def _value_bits(stream: Stream) -> int:
    if stream.kind is StreamKind.REAL:
        return _REAL_BITS
    return int(stream.most).bit_length()


def _most_taps(conv: ConvPlan) -> int:
    """The most inputs of one output value."""
    return conv.in_channels * math.prod(max(taps) for taps in _taps(conv))


def _all_taps(conv: ConvPlan) -> int:
    """The inputs of all output values together."""
    return conv.in_channels * conv.out_channels * math.prod(sum(taps) for taps in _taps(conv))


def _taps(conv: ConvPlan) -> Iterator[list[int]]:
    """For each axis, of how many places of the input each place of the output reads."""
    padding = conv.kernel // 2
    for size, places in zip(conv.in_size, conv.out_size, strict=True):
        starts = [place * conv.stride - padding for place in range(places)]
        yield [min(start + conv.kernel, size) - max(start, 0) for start in starts]
