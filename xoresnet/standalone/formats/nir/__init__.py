"""`.nir`: the Neuromorphic Intermediate Representation, for simulators and hardware: a graph of layers in HDF5.

Writing and comparing need `pip install 'xoresnet[export]'`. What becomes of a network is in `nir_lowering.py`.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping
from graphlib import TopologicalSorter
from importlib import import_module
from pathlib import Path
from types import MappingProxyType
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional as F

from xoresnet.files.atomic import replaced
from xoresnet.standalone.module import Standalone

__all__ = ["TIME_STEP", "run", "write"]

TIME_STEP = 1e-4
"""Seconds of one time step, in which time constants are given: what other tools take where they are told nothing."""


_READING = MappingProxyType(
    {
        "time_step_seconds": TIME_STEP,
        "input": "images [C, H, W] in [0, 1], the same at each time step",
        "output": "logits [num_classes, 1, 1] of each time step; their mean over time decides",
    }
)


def write(model: Standalone, path: Path) -> None:
    """Takes the images at each time step, gives the logits of each, [num_classes, 1, 1]. Spikes are not counted.

    Raises `UnsupportedError` for what NIR has no nodes for.
    """
    _check_installed()
    import nir

    from xoresnet.standalone.formats.nir.lowering import lowered

    graph = lowered(model)
    with replaced(path) as partial:
        facts = {**model.facts(), "timesteps": model.net.arch.timesteps, **_READING}
        nir.write(partial, nir.NIRGraph(graph.nodes, graph.edges, metadata=facts))


def run(path: Path, images: Tensor) -> tuple[Tensor, ...]:
    """As in `pt2.py`, always with spikes: the file read back and run node by node, without this project's layers."""
    import nir

    graph = nir.read(path)
    steps = int(graph.metadata["timesteps"])
    sources: dict[str, list[str]] = {name: [] for name in graph.nodes}
    for source, name in graph.edges:
        sources[name].append(source)
    unread = Counter(source for source, _ in graph.edges)
    values: dict[str, Tensor] = {}
    spikes = torch.zeros(len(images))
    for name in TopologicalSorter(sources).static_order():
        node = graph.nodes[name]
        given = [values[source] for source in sources[name]]
        x = sum(given[1:], given[0]) if given else images.expand(steps, *images.shape)
        values[name] = _NODES[type(node).__name__](node, x)
        if type(node).__name__ in ("IF", "LIF"):
            spikes += values[name].sum((0, 2, 3, 4))
        unread.subtract(sources[name])
        for source in sources[name]:
            if not unread[source]:
                values.pop(source, None)  # each as large as all its time steps
    return values["output"].mean(0).flatten(1), spikes


def _if(node: Any, x: Tensor) -> Tensor:
    gain = _constant(node.r, TIME_STEP, x)
    return _fired(node, x, lambda current, v: gain * current)


def _lif(node: Any, x: Tensor) -> Tensor:
    tau, leak, resistance = _constant(node.tau, 1 / TIME_STEP, x), _constant(node.v_leak, 1, x), _constant(node.r, 1, x)
    return _fired(node, x, lambda current, v: (leak - v + resistance * current) / tau)


def _fired(node: Any, x: Tensor, rise: Callable[[Tensor, Tensor], Tensor]) -> Tensor:
    """Spikes of currents x [T, N, C, H, W]; `rise(current, v)` is what one step of Euler's adds to the potential v."""
    threshold, reset = _constant(node.v_threshold, 1, x), _constant(node.v_reset, 1, x)
    spikes = []
    v = torch.zeros_like(x[0])
    for current in x:
        v = v + rise(current, v)
        fired = v > threshold
        v = torch.where(fired, reset, v)
        spikes.append(fired)
    return torch.stack(spikes).to(x.dtype)


def _constant(values: Any, factor: float, like: Tensor) -> Tensor:
    """The product is rounded once."""
    exact: Tensor = torch.from_numpy(values).double() * factor
    return exact.to(like.dtype)


def _conv(node: Any, x: Tensor) -> Tensor:
    weight, bias = torch.from_numpy(node.weight), torch.from_numpy(node.bias)
    stride, padding, dilation = (tuple(map(int, value)) for value in (node.stride, node.padding, node.dilation))
    return _by_image(lambda x: F.conv2d(x, weight, bias, stride, padding, dilation, int(node.groups)), x)


def _pool(node: Any, x: Tensor, divisor: int | None = None) -> Tensor:
    window, stride, padding = (tuple(map(int, value)) for value in (node.kernel_size, node.stride, node.padding))
    return _by_image(lambda x: F.avg_pool2d(x, window, stride, padding, divisor_override=divisor), x)


def _by_image(layer: Callable[[Tensor], Tensor], x: Tensor) -> Tensor:
    found = layer(x.flatten(0, 1))
    return found.view(*x.shape[:2], *found.shape[1:])


_NODES: Mapping[str, Callable[[Any, Tensor], Tensor]] = MappingProxyType(
    {
        "Input": lambda node, x: x,
        "Output": lambda node, x: x,
        "Conv2d": _conv,
        "AvgPool2d": _pool,
        "SumPool2d": lambda node, x: _pool(node, x, divisor=1),
        "Scale": lambda node, x: x * torch.from_numpy(node.scale),
        "Threshold": lambda node, x: (x > torch.from_numpy(node.threshold)).to(x.dtype),
        "IF": _if,
        "LIF": _lif,
    }
)
"""What each kind of node gives for x [T, N, C, H, W], what its edges bring added up."""


def _check_installed() -> None:
    try:
        import_module("nir")
    except ImportError as error:
        raise ImportError(f"writing .nir needs pip install 'xoresnet[export]': {error}") from None
