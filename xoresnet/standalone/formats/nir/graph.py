"""`Graph` builds a NIR graph: layers and neurons become nodes, and streams become the edges between them.

It uses only kinds of nodes that simulators know: convolutions, average pools, LIF and IF neurons.
"""

from __future__ import annotations

from copy import deepcopy
from typing import NamedTuple

import nir
import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn.utils.fusion import fuse_conv_bn_eval

from xoresnet.errors import UnsupportedError
from xoresnet.network.block import ConvNorm
from xoresnet.neurons.neuron import IF, LIF, ParametricLIF, SpikingNeuron

__all__ = ["TIME_STEP_SECONDS", "Graph", "Signal"]

TIME_STEP_SECONDS = 1e-4
"""Duration of one time step, to which NIR's time constants refer; the default of other tools."""

Shape = tuple[int, int, int]
"""(C, H, W)"""


class Signal(NamedTuple):
    """A value in the graph: the sum of what some nodes return, in this order. Its readers have an edge from each."""

    nodes: tuple[str, ...]
    shape: Shape

    def plus(self, *others: Signal) -> Signal:
        """The sum with other signals of the same shape."""
        assert all(other.shape == self.shape for other in others)
        return Signal(sum((other.nodes for other in others), self.nodes), self.shape)


class Graph:
    """Nodes by name and the edges between them. Every method adds nodes that read x and returns their signal."""

    def __init__(self) -> None:
        self.nodes: dict[str, nir.NIRNode] = {}
        self.edges: list[tuple[str, str]] = []
        self.gates: list[str] = []
        """The neurons that compute logic and are none of the network's."""

    def add(self, name: str, node: nir.NIRNode, x: Signal | None, shape: Shape) -> Signal:
        self.nodes[name] = node
        self.edges += [(source, name) for source in (x.nodes if x else ())]
        return Signal((name,), shape)

    def conv(self, name: str, weight: Tensor, bias: Tensor, x: Signal, *, stride: int = 1, padding: int = 0) -> Signal:
        kernel = int(weight.shape[-1])
        node = nir.Conv2d(
            input_shape=x.shape[1:],
            weight=_numbers(weight),
            stride=(stride, stride),
            padding=(padding, padding),
            dilation=(1, 1),
            groups=1,
            bias=_numbers(bias),
        )
        return self.add(name, node, x, (len(bias), *_size(x, kernel, stride, padding)))

    def conv_norm(self, name: str, layer: ConvNorm, x: Signal) -> Signal:
        """One convolution, into which the batch norm is folded in double precision."""
        exact = deepcopy(layer).double()
        conv = exact.conv if isinstance(exact.norm, nn.Identity) else fuse_conv_bn_eval(exact.conv, exact.norm)
        assert conv.bias is not None
        kernel, stride = conv.kernel_size[0], conv.stride[0]
        return self.conv(name, conv.weight, conv.bias, x, stride=stride, padding=kernel // 2)

    def mean_pool(self, name: str, x: Signal, kernel: int, stride: int, padding: int) -> Signal:
        """The mean over windows; zeros of the padding count."""
        node = nir.AvgPool2d(np.array([kernel] * 2), np.array([stride] * 2), np.array([padding] * 2))
        return self.add(name, node, x, (x.shape[0], *_size(x, kernel, stride, padding)))

    def mean(self, name: str, x: Signal) -> Signal:
        """The mean over all places of each channel: shape (C, 1, 1)."""
        window = np.array(x.shape[1:])
        return self.add(name, nir.AvgPool2d(window, window, np.array([0, 0])), x, (x.shape[0], 1, 1))

    def gate(self, name: str, x: Signal, *, least: float = 1) -> Signal:
        """1 where x is positive, else 0; x is never negative, and `least` is its smallest positive value.

        A neuron without memory: from rest it fires at any positive x, which lifts it to half of that, and returns to
        rest; at 0 it stays there. (NIR has a node for thresholds, but few tools read it.)
        """
        self.gates.append(name)
        return self._leaky(name, 2, _full(x, least / 4), x)

    def times(self, name: str, factor: float, x: Signal) -> Signal:
        channels = x.shape[0]
        return self.conv(name, factor * torch.eye(channels)[:, :, None, None], torch.zeros(channels), x)

    def fire(self, name: str, neuron: SpikingNeuron, x: Signal) -> Signal:
        """A layer of neurons: NIR's equations by forward Euler, in steps of `TIME_STEP_SECONDS`.

        Raises `UnsupportedError` for other kinds of neurons and for a soft reset.
        """
        if type(neuron) not in (IF, LIF, ParametricLIF):
            raise UnsupportedError(f"NIR has no node for the neuron {type(neuron).__name__}, only for lif, if and plif")
        assert isinstance(neuron, IF | LIF | ParametricLIF)
        dynamics = neuron.dynamics
        if not dynamics.hard:
            rule = "NIR's neurons return to zero after a spike (reset: hard), but these subtract their threshold"
            raise UnsupportedError(f"{rule} (reset: soft)")
        # ours fire at the threshold, NIR's only above it
        bound = _full(x, np.nextafter(np.float32(dynamics.threshold), np.float32(-np.inf)))
        tau = neuron.tau if isinstance(neuron, ParametricLIF) else dynamics.tau
        if tau is None:
            return self.add(name, nir.IF(_full(x, 1 / TIME_STEP_SECONDS), bound, _full(x, 0)), x, x.shape)
        return self._leaky(name, tau, bound, x)

    def _leaky(self, name: str, tau: float, bound: NDArray[np.float32], x: Signal) -> Signal:
        node = nir.LIF(_full(x, tau * TIME_STEP_SECONDS), _full(x, 1), _full(x, 0), bound, _full(x, 0))
        return self.add(name, node, x, x.shape)


def _size(x: Signal, kernel: int, stride: int, padding: int) -> tuple[int, int]:
    height, width = ((size + 2 * padding - kernel) // stride + 1 for size in x.shape[1:])
    return height, width


def _full(x: Signal, value: float | np.float32) -> NDArray[np.float32]:
    """NIR needs one number for each neuron; compressed they take no space."""
    return np.full(x.shape, value, np.float32)


def _numbers(values: Tensor) -> NDArray[np.float32]:
    numbers: NDArray[np.float32] = values.detach().to(torch.float32).numpy()
    return numbers
