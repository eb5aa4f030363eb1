"""The layers of units, against a network that is built, and against one that is counted by hand."""

from __future__ import annotations

import math

import pytest
import torch
from hypothesis import given, settings
from torch import nn
from torch.nn import functional as F

from tests.strategies import archs
from xoresnet.description.arch import Arch
from xoresnet.description.hardware import HARDWARE, HardwareUsage, hardware_layers, hardware_usage
from xoresnet.description.layer_table import layer_table
from xoresnet.description.merge import Join
from xoresnet.description.plan import make_plan
from xoresnet.network.xoresnet import XOResNet


def connections(kernel: int, stride: int, channels: tuple[int, int], size: tuple[int, int]) -> tuple[int, int]:
    """The most into one output value, and all of them: what a kernel of ones makes of an image of ones."""
    read, written = channels
    image, ones = torch.ones(1, read, *size, dtype=torch.float64), torch.ones(written, read, kernel, kernel)
    reached = F.conv2d(image, ones.double(), stride=stride, padding=kernel // 2)
    return int(reached.max()), int(reached.sum())


@settings(max_examples=40)
@given(archs())
def test_units_and_synapses_of_a_built_network(arch: Arch) -> None:
    """Convolutions by their kernels on images of ones; everything else has as many synapses as it reads values."""
    canonical = arch.canonical()
    plan, rows = make_plan(canonical), {row.name: row for row in layer_table(canonical)}
    convs = [module for module in XOResNet(canonical).modules() if isinstance(module, nn.Conv2d)]
    plans = [plan.stem.conv] + [
        conv for block in plan.blocks for conv in (*block.convs, *([block.projection] if block.projection else []))
    ]
    assert sorted(tuple(conv.weight.shape) for conv in convs) == sorted(
        (conv.out_channels, conv.in_channels, conv.kernel, conv.kernel) for conv in plans
    )
    into = [
        connections(conv.kernel, conv.stride, (conv.in_channels, conv.out_channels), conv.in_size) for conv in plans
    ]
    units = sum(math.prod(row.output_shape) for name, row in rows.items() if is_a_layer(name))
    synapses = sum(every for _, every in into)
    for name, row in rows.items():
        if "xor_" in name or name.endswith("neuron_in"):
            synapses += math.prod(row.output_shape) * (2 if "xor_" in name else 1)
    if plan.stem.pool:
        synapses += plan.stem.conv.out_channels * connections(3, 2, (1, 1), plan.stem.conv.out_size)[1]
    if not plan.stem.neuron:
        units += math.prod(rows["stem.conv"].output_shape)
    for block in plan.blocks:
        written = block.convs[-1].out_channels * math.prod(block.convs[-1].out_size)
        meets = block.join is Join.SPIKES
        units += written * (meets or not block.neuron_out)
        synapses += written * (2 if meets else block.projection is None)
    units += plan.features
    synapses += plan.features * (arch.num_classes + math.prod(plan.blocks[-1].convs[-1].out_size))
    usage = hardware_usage(hardware_layers(arch))
    assert (usage.neurons, usage.synapses) == (units, synapses)
    assert usage.fan_in >= max(one for one, _ in into)
    assert usage.layers == len(plans) + 1


def is_a_layer(name: str) -> bool:
    return name == "head" or name.endswith("stem.pool") or "neuron" in name or "xor_" in name


def test_counted_by_hand() -> None:
    """2 channels of 3x3 pixels: a 3x3 kernel reads 4 places at corners, 6 at edges and 9 in the middle, 49 in all."""
    arch = Arch(input_shape=(1, 3, 3), num_classes=2, depth=14, width=2, merge="add", xor="entry")
    layers = {layer.name: layer[1:5] for layer in hardware_layers(arch)}
    spike, potential = 1, 16
    assert layers["stem.neuron"] == (18, 9, 2 * 49, 18 * (spike + potential))
    assert layers["stages.0.0.neurons.0"] == (18, 2 * 9, 2 * 2 * 49, 18 * (spike + potential))
    assert layers["stages.0.0.merge"] == (18, 2, 36, 18 * 2)  # 0, 1 or 2: two bits
    assert layers["stages.0.1.xor_entry"] == (18, 2, 36, 18 * spike)
    assert layers["stages.0.1.merge"] == (18, 2, 36, 18 * 2)  # up to 3: two bits still
    # 4 channels of 2x2 from 2 of 3x3: each output reads 2 rows and 2 columns
    assert layers["stages.1.0.neurons.0"] == (16, 2 * 4, 4 * 4 * 2 * 4, 16 * (spike + potential))
    assert layers["stages.1.0.neuron_shortcut"] == (16, 2, 4 * 4 * 2, 16 * (spike + potential))
    assert layers["mean"] == (8, 1, 8, 8 * 16)  # of a single place
    assert layers["head"] == (2, 8, 2 * 8, 2 * 16)


@pytest.mark.parametrize(
    ("merge", "last", "bits"),
    [
        ("current", {"neuron_out": 2 * 9 + 1}, 17),  # the shortcut adds a synapse to those of the convolution
        ("membrane", {"neuron_out": 2 * 9 + 1}, 17),  # a neuron ends the stream of the stage
        ("or", {"neuron_out": 2 * 9, "merge": 2}, 18),
    ],
)
def test_how_a_block_ends(merge: str, last: dict[str, int], bits: int) -> None:
    arch = Arch(input_shape=(1, 3, 3), num_classes=2, depth=14, width=2, merge=merge)
    ends = [layer for layer in hardware_layers(arch) if layer.name.startswith("stages.0.1.")][-len(last) :]
    assert {layer.name.rpartition(".")[2]: layer.fan_in for layer in ends} == last
    assert sum(layer.memory_bits for layer in ends) == 18 * bits


def test_real_streams() -> None:
    """Of membrane blocks: units that hold real values, which are added up there, and the neurons that read them."""
    arch = Arch(input_shape=(1, 3, 3), num_classes=2, depth=14, width=2, merge="membrane")
    layers = {layer.name: layer[1:5] for layer in hardware_layers(arch)}
    assert layers["stem.conv"] == (18, 9, 2 * 49, 18 * 16)
    assert layers["stages.0.0.neuron_in"] == (18, 1, 18, 18 * 17)
    assert layers["stages.0.0.merge"] == (18, 2 * 9 + 1, 4 * 49 + 18, 18 * 16)


def test_parts_add_up() -> None:
    layers = hardware_layers(Arch(input_shape=(1, 8, 8), num_classes=10, depth=14, xor="both"))
    one, other = hardware_usage(layers[:5]), hardware_usage(layers[5:])
    assert one.plus(other) == other.plus(one) == hardware_usage(layers)
    assert hardware_usage([]) == HardwareUsage()
    assert HardwareUsage(memory_bits=9).activation_memory == 2
    assert [layer.stage(3) for layer in (layers[0], layers[-1])] == [0, 2]


def test_published_limits() -> None:
    assert set(HARDWARE) == {"loihi2", "speck"}
    assert all(limit > 0 for limits in HARDWARE.values() for limit in limits.values())
