"""What a network needs of a neuromorphic chip that gives every value a unit of its own. Imports no torch.

Layers of units, each of which holds or computes one value per time step:

- a layer of neurons, which receives what its convolutions and its shortcut add to its potentials;
- the result of a merge that no neuron ends (`add`, `or`, `and`, `iand`, or a real stream of `membrane`), of an XOR, and
  of a max-pool: on chips with programmable neurons and graded spikes one unit for each value, elsewhere more;
- the means over places that the read-out reads, one unit for each channel, and the read-out, one for each class.

Synapses are the connections into a unit, one for each weight that it applies: those of a convolution that would read
beyond the border do not exist. Weights that a chip can share between places are not subtracted.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping
from types import MappingProxyType
from typing import NamedTuple

from xoresnet.description.arch import Arch
from xoresnet.description.merge import Join
from xoresnet.description.plan import BlockPlan, ConvPlan, Plan, Stream, StreamKind, make_plan

__all__ = ["HARDWARE", "HardwareLayer", "HardwareNeeds", "hardware_layers", "hardware_needs"]

_POTENTIAL_BITS = 16
_REAL_BITS = 16

HARDWARE: Mapping[str, Mapping[str, int]] = MappingProxyType(
    {
        # Intel Loihi 2, one chip of 128 cores: open-neuromorphic.org/neuromorphic-computing/hardware/loihi-2-intel
        "loihi2": MappingProxyType({"max_neurons": 1_000_000, "max_synapses": 120_000_000}),
        # SynSense Speck 2e and 2f, nine cores of one convolution each, whose neuron memories hold 64 Ki states at most
        # and 320 Ki together: "Chip Resources" in the documentation of sinabs
        "speck": MappingProxyType({"max_neurons": 327_680, "max_neurons_per_layer": 65_536}),
    }
)
"""Published limits of one chip, by its name in `constraints.hardware`."""


class HardwareLayer(NamedTuple):
    """One layer of units."""

    name: str
    """As in `layer_table`; also `merge` in blocks that no neuron ends, and `mean` before the read-out."""
    neurons: int
    """Its units."""
    fan_in: int
    """The most synapses into one of them."""
    synapses: int
    """Into all of them."""
    memory_bits: int
    """For a time step: 16 for each potential, and for each value 1 if it is a spike, 16 if it is real, and as many as
    its largest value takes if it is an integer."""

    @property
    def is_xor(self) -> bool:
        return ".xor_" in self.name

    def stage(self, stages: int) -> int:
        """The number of its stage among so many; the stem counts as part of the first, the read-out of the last."""
        first, *rest = self.name.split(".")
        return int(rest[0]) if first == "stages" else 0 if first == "stem" else stages - 1


class HardwareNeeds(NamedTuple):
    """Of a network, or of the part of it that some layers are."""

    neurons: int = 0
    neurons_per_layer: int = 0
    """In its largest layer."""
    fan_in: int = 0
    """The most synapses into one neuron."""
    synapses: int = 0
    memory_bits: int = 0

    def plus(self, other: HardwareNeeds) -> HardwareNeeds:
        """Of both parts together."""
        return HardwareNeeds(
            self.neurons + other.neurons,
            max(self.neurons_per_layer, other.neurons_per_layer),
            max(self.fan_in, other.fan_in),
            self.synapses + other.synapses,
            self.memory_bits + other.memory_bits,
        )

    @property
    def activation_memory(self) -> int:
        """In bytes, rounded up."""
        return math.ceil(self.memory_bits / 8)


def hardware_layers(arch: Arch) -> list[HardwareLayer]:
    """Every layer of units of the canonical form, in the order of computation: equal networks need the same.

    >>> arch = Arch(input_shape=(1, 8, 8), num_classes=10, depth=8)
    >>> hardware_layers(arch)[0]
    HardwareLayer(name='stem.neuron', neurons=1024, fan_in=9, synapses=7744, memory_bits=17408)
    """
    plan = make_plan(arch.canonical())
    layers = list(_stem_layers(plan))
    for number, stage in enumerate(plan.stages):
        for index, block in enumerate(stage):
            layers += _block_layers(block, f"stages.{number}.{index}")
    features, classes, places = plan.features, arch.num_classes, math.prod(plan.blocks[-1].convs[-1].out_size)
    layers.append(_layer("mean", (features,), places, features * places, _REAL_BITS))
    layers.append(_layer("head", (classes,), features, features * classes, _REAL_BITS))
    return layers


def hardware_needs(layers: Iterable[HardwareLayer]) -> HardwareNeeds:
    """What these layers need together."""
    needs = HardwareNeeds()
    for layer in layers:
        needs = needs.plus(HardwareNeeds(layer.neurons, layer.neurons, layer.fan_in, layer.synapses, layer.memory_bits))
    return needs


class _Current(NamedTuple):
    """What arrives at the units of a layer: from convolutions, and one value each from some other layers."""

    convs: tuple[ConvPlan, ...]
    values: int = 0

    def layer(self, name: str, bits: int, *, neuron: bool) -> HardwareLayer:
        shape = (self.convs[0].out_channels, *self.convs[0].out_size)
        fan_in = sum(map(_most_taps, self.convs)) + self.values
        synapses = sum(map(_all_taps, self.convs)) + self.values * math.prod(shape)
        return _layer(name, shape, fan_in, synapses, bits + _POTENTIAL_BITS * neuron)


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


def _layer(name: str, shape: tuple[int, ...], fan_in: int, synapses: int, bits: int) -> HardwareLayer:
    neurons = math.prod(shape)
    return HardwareLayer(name, neurons, fan_in, synapses, bits * neurons)


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
