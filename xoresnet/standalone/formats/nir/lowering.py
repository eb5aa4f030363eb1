"""Expresses a network in NIR: convolutions, neurons, gates, and sums where several edges meet.

For spikes a and b (0 and 1), where [k] is a gate, 1 if k > 0 and 0 if k = 0; no k is negative:

    a or b        [a + b]
    a and b       [a + b - (a or b)]
    a and not b   [(a or b) - b]
    a xor b       [2 (a or b) - a - b]
    min(k, 1)     [k], the presence of k spikes
    a maximum     [the mean over its window], of spikes
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from types import MappingProxyType

import nir
import torch

from xoresnet.description.merge import Operation, UserOperation
from xoresnet.errors import UnsupportedError
from xoresnet.files.atomic import replaced
from xoresnet.network.block import ConvNorm, ResidualBlock, Xor
from xoresnet.network.xoresnet import Stem
from xoresnet.neurons.neuron import SpikingNeuron
from xoresnet.standalone.formats.nir.graph import TIME_STEP_SECONDS, Graph, Signal
from xoresnet.standalone.module import Standalone

__all__ = ["OPERATIONS", "lower", "write_graph"]

_SAME_IMAGE = "images [C, H, W] in [0, 1], the same at each time step"
_HOW_TO_READ = MappingProxyType(
    {
        "time_step_seconds": TIME_STEP_SECONDS,
        "output": "logits [num_classes, 1, 1] of each time step; their mean over time decides",
        "gates_are": "LIF nodes that compute logic; their spikes are none of the network's",
    }
)


def write_graph(model: Standalone, path: Path) -> None:
    """Write the model as a NIR file, as a whole, with what a reader must know in its metadata."""
    graph = lower(model)
    with replaced(path) as partial:
        facts = {**model.facts(), "timesteps": model.net.arch.timesteps}
        given = "numbers of events [2, H, W] of each frame" if model.takes_frames else _SAME_IMAGE
        metadata = {**facts, "input": given, "gates": json.dumps(graph.gates), **_HOW_TO_READ}
        nir.write(partial, nir.NIRGraph(graph.nodes, graph.edges, metadata=metadata))


def lower(model: Standalone) -> Graph:
    """The graph from `input` to `output`, logits [num_classes, 1, 1] of each time step.

    `input` is images [C, H, W] in [0, 1], or the frame of a time step.

    Raises `UnsupportedError` for what NIR has no nodes for.
    """
    graph, net = Graph(), model.net
    shape = net.arch.input_shape
    image = graph.add("input", nir.Input(shape), None, shape)
    stream = _stem(graph, net.stem, image if model.takes_frames else _normalised(graph, model, image))
    for stage_number, stage in enumerate(net.stages, 1):
        previous: Signal | None = None
        for number, block in enumerate(stage.children(), 1):
            assert isinstance(block, ResidualBlock)
            stream, previous = _block(graph, f"stage{stage_number}_block{number}", block, stream, previous)
    mean = graph.mean("mean", stream)
    # a convolution, because tools do not agree on what flattening does to the batch
    logits = graph.conv("readout", net.head.weight[:, :, None, None], net.head.bias, mean)
    graph.add("output", nir.Output(logits.shape), logits, logits.shape)
    return graph


def _normalised(graph: Graph, model: Standalone, image: Signal) -> Signal:
    """Normalisation is a layer of its own, because the stem pads normalised images with zeros, which are not black."""
    mean, std = (values.double().flatten() for values in (model.mean, model.std))
    return graph.conv("normalise", torch.diag(1 / std)[:, :, None, None], -mean / std, image)


def _stem(graph: Graph, stem: Stem, image: Signal) -> Signal:
    stream = graph.conv_norm("stem_conv", stem.conv, image)
    if stem.neuron is not None:
        stream = graph.fire("stem_neuron", stem.neuron, stream)
    if stem.pool is None:
        return stream
    if stem.neuron is None:
        rule = "NIR has no maximum, except of spikes (a mean and a gate); the stem conv7-pool takes it of reals"
        raise UnsupportedError(f"{rule} before a first stage that merges potentials, like membrane")
    return graph.gate("stem_pool", graph.mean_pool("stem_pool_mean", stream, 3, 2, 1), least=1 / 9)


def _block(graph: Graph, name: str, block: ResidualBlock, x: Signal, previous: Signal | None) -> tuple[Signal, Signal]:
    """The nodes of `ResidualBlock.forward`; returns its output and the spikes that it read."""
    spikes = x if block.neuron_in is None else graph.fire(f"{name}_neuron_in", block.neuron_in, x)
    current = _branch(graph, name, block, spikes, previous)
    shortcut = x if block.projection is None else graph.conv_norm(f"{name}_projection", block.projection, spikes)
    if block.neuron_shortcut is not None:
        shortcut = graph.fire(f"{name}_neuron_shortcut", block.neuron_shortcut, shortcut)
    operation = block.plan.operation
    out = shortcut.plus(current) if operation is None else current
    if block.neuron_out is not None:
        out = graph.fire(f"{name}_neuron_out", block.neuron_out, out)
    if operation is not None:
        out = _operation(operation)(graph, f"{name}_merge", shortcut, out)
    return out, spikes


def _branch(graph: Graph, name: str, block: ResidualBlock, spikes: Signal, previous: Signal | None) -> Signal:
    inner = spikes
    if block.xor_entry is not None:
        assert previous is not None
        inner = _xor(graph, f"{name}_xor_entry", block.xor_entry, spikes, previous)
    entering = inner
    for number, (conv, neuron) in enumerate(zip(block.convs, block.neurons, strict=False), 1):
        assert isinstance(conv, ConvNorm)
        assert isinstance(neuron, SpikingNeuron)
        current = graph.conv_norm(f"{name}_conv{number}", conv, inner)
        entering, inner = inner, graph.fire(f"{name}_neuron{number}", neuron, current)
    if block.xor_middle is not None:
        inner = _xor(graph, f"{name}_xor_middle", block.xor_middle, entering, inner)
    last = block.convs[-1]
    assert isinstance(last, ConvNorm)
    return graph.conv_norm(f"{name}_conv{len(block.convs)}", last, inner)


def _xor(graph: Graph, name: str, xor: Xor, a: Signal, b: Signal) -> Signal:
    if xor.integer:
        a, b = graph.gate(f"{name}_presence_a", a), graph.gate(f"{name}_presence_b", b)
    either = graph.gate(f"{name}_either", a.plus(b))
    twice, minus = graph.times(f"{name}_twice", 2, either), graph.times(f"{name}_minus", -1, a.plus(b))
    return graph.gate(name, twice.plus(minus))


def _and(graph: Graph, name: str, shortcut: Signal, branch: Signal) -> Signal:
    either = graph.gate(f"{name}_either", shortcut.plus(branch))
    return graph.gate(name, shortcut.plus(branch, graph.times(f"{name}_minus_either", -1, either)))


def _iand(graph: Graph, name: str, shortcut: Signal, branch: Signal) -> Signal:
    either = graph.gate(f"{name}_either", shortcut.plus(branch))
    return graph.gate(name, either.plus(graph.times(f"{name}_minus_branch", -1, branch)))


OPERATIONS: Mapping[Operation, Callable[[Graph, str, Signal, Signal], Signal]] = MappingProxyType(
    {
        Operation.ADD: lambda graph, name, shortcut, branch: shortcut.plus(branch),
        Operation.OR: lambda graph, name, shortcut, branch: graph.gate(name, shortcut.plus(branch)),
        Operation.AND: _and,
        Operation.IAND: _iand,
    }
)
"""Functions of (graph, name, shortcut, branch) that add nodes of this name and return what they merge to."""


def _operation(operation: Operation | UserOperation) -> Callable[[Graph, str, Signal, Signal], Signal]:
    if isinstance(operation, Operation) and operation in OPERATIONS:
        return OPERATIONS[operation]
    known = ", ".join(OPERATIONS)
    raise UnsupportedError(f"NIR has no nodes for the operation {operation}, only for {known}")
