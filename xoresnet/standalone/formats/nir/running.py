"""Runs a NIR file node by node, by NIR's definitions and without this project's layers, to compare an export."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Mapping
from graphlib import TopologicalSorter
from pathlib import Path
from types import MappingProxyType
from typing import Any

import nir
import torch
from torch import Tensor
from torch.nn import functional as F

from xoresnet.standalone.formats.nir.graph import TIME_STEP_SECONDS

__all__ = ["run_graph"]


def run_graph(path: Path, images: Tensor) -> tuple[Tensor, Tensor]:
    """Logits [N, classes] and spikes [N] of images [N, C, H, W], which are the same at each time step.

    Likewise of frames [T, N, C, H, W], one for each time step.
    """
    graph = nir.read(path)
    steps = int(graph.metadata["timesteps"])
    gates = json.loads(str(graph.metadata.get("gates", "[]")))  # missing in files of older versions, which had none
    sources: dict[str, list[str]] = {name: [] for name in graph.nodes}
    for source, name in graph.edges:
        sources[name].append(source)
    unread = Counter(source for source, _ in graph.edges)
    values: dict[str, Tensor] = {}
    frames = images if images.dim() == 5 else images.expand(steps, *images.shape)
    spikes = torch.zeros(frames.shape[1])
    for name in TopologicalSorter(sources).static_order():
        node = graph.nodes[name]
        inputs = [values[source] for source in sources[name]]
        x = sum(inputs[1:], inputs[0]) if inputs else frames
        values[name] = _NODES[type(node).__name__](node, x)
        if type(node).__name__ in ("IF", "LIF") and name not in gates:
            spikes += values[name].sum((0, 2, 3, 4))
        unread.subtract(sources[name])
        for source in sources[name]:
            if not unread[source]:
                values.pop(source, None)  # a value holds all time steps, so memory counts
    return values["output"].mean(0).flatten(1), spikes


def _run_if(node: Any, x: Tensor) -> Tensor:
    gain = _constant(node.r, TIME_STEP_SECONDS, x)
    return _fire(node, x, lambda current, v: gain * current)


def _run_lif(node: Any, x: Tensor) -> Tensor:
    tau, leak = _constant(node.tau, 1 / TIME_STEP_SECONDS, x), _constant(node.v_leak, 1, x)
    resistance = _constant(node.r, 1, x)
    return _fire(node, x, lambda current, v: (leak - v + resistance * current) / tau)


def _fire(node: Any, x: Tensor, rise: Callable[[Tensor, Tensor], Tensor]) -> Tensor:
    """Spikes of currents x [T, N, C, H, W]; one step of forward Euler adds `rise(current, v)` to the potential v."""
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
    """The product, rounded once."""
    exact: Tensor = torch.from_numpy(values).double() * factor
    return exact.to(like.dtype)


def _run_conv(node: Any, x: Tensor) -> Tensor:
    weight, bias = torch.from_numpy(node.weight), torch.from_numpy(node.bias)
    stride, padding, dilation = (tuple(map(int, value)) for value in (node.stride, node.padding, node.dilation))
    return _by_image(lambda x: F.conv2d(x, weight, bias, stride, padding, dilation, int(node.groups)), x)


def _run_pool(node: Any, x: Tensor, divisor: int | None = None) -> Tensor:
    window, stride, padding = (tuple(map(int, value)) for value in (node.kernel_size, node.stride, node.padding))
    return _by_image(lambda x: F.avg_pool2d(x, window, stride, padding, divisor_override=divisor), x)


def _by_image(layer: Callable[[Tensor], Tensor], x: Tensor) -> Tensor:
    """A layer of [N, C, H, W] applied to [T, N, C, H, W]."""
    out = layer(x.flatten(0, 1))
    return out.view(*x.shape[:2], *out.shape[1:])


_NODES: Mapping[str, Callable[[Any, Tensor], Tensor]] = MappingProxyType(
    {
        "Input": lambda node, x: x,
        "Output": lambda node, x: x,
        "Conv2d": _run_conv,
        "AvgPool2d": _run_pool,
        "SumPool2d": lambda node, x: _run_pool(node, x, divisor=1),
        "Scale": lambda node, x: x * torch.from_numpy(node.scale),
        "Threshold": lambda node, x: (x > torch.from_numpy(node.threshold)).to(x.dtype),
        "IF": _run_if,
        "LIF": _run_lif,
    }
)
"""What each kind of node returns for x [T, N, C, H, W], the sum of what its edges bring.

`SumPool2d`, `Scale` and `Threshold` are in files of older versions.
"""
