"""Networks that spikes are counted in, and what is asked of their counts."""

from __future__ import annotations

import copy

import torch
from torch import Tensor, nn

from xoresnet.description.arch import Arch
from xoresnet.measures.figures import Energy, LayerCounts
from xoresnet.network.count_spikes import SpikeCounts, count_spikes
from xoresnet.network.xoresnet import XOResNet
from xoresnet.neurons.neuron import IF

CLASSES, STEPS, WIDTH = 10, 3, 4
FIGURES = (
    "spikes_per_sample",
    "stream_spikes_per_sample",
    "synops_per_sample",
    "macs_per_sample",
    "energy_pj_per_sample",
)
Convolution = nn.Conv1d | nn.Conv2d | nn.Conv3d


class Steps(nn.Module):
    """One layer on every step of [T, N, ...]."""

    def __init__(self, layer: nn.Module) -> None:
        super().__init__()
        self.layer = layer

    def forward(self, x: Tensor) -> Tensor:
        out: Tensor = self.layer(x.flatten(0, 1))
        return out.view(*x.shape[:2], *out.shape[1:])


class Add(nn.Module):
    """Two neurons on one input, their spikes added: an integer stream."""

    def __init__(self, *, in_place: bool = False) -> None:
        super().__init__()
        self.left, self.right, self.in_place = IF(), IF(), in_place

    def forward(self, x: Tensor) -> Tensor:
        out: Tensor = self.left(x)
        if self.in_place:
            out += self.right(x)
            return out
        return out + self.right(x)


def filled(layer: nn.Module, value: float = 1.0) -> nn.Module:
    """The layer with all its weights at one value."""
    for weight in layer.parameters():
        nn.init.constant_(weight, value)
    return layer


def count(net: nn.Module, *inputs: Tensor, batch_dim: int | None = None, energy: Energy | None = None) -> SpikeCounts:
    """Counts of one call per input, in evaluation mode; samples come first unless `batch_dim` says otherwise."""
    if batch_dim is None and not isinstance(net, XOResNet):
        batch_dim = 0
    with torch.no_grad(), count_spikes(net.eval(), batch_dim=batch_dim, energy=energy or Energy()) as counts:
        for x in inputs:
            net(x)
    return counts


def layers(counts: SpikeCounts, kind: str) -> dict[str, LayerCounts]:
    return {layer.name: layer for layer in counts.layers if layer.kind == kind}


def small_arch(**fields: object) -> Arch:
    """Two blocks per stage, so that XOR can sit everywhere."""
    common = {"input_shape": (2, 8, 8), "num_classes": CLASSES, "depth": 14, "width": WIDTH, "timesteps": STEPS}
    return Arch.from_dict({**common, **fields})


def firing_net(arch: Arch, seed: int = 0) -> XOResNet:
    """A network in evaluation mode that fires to its last layer, which new ones hardly do: their currents are small."""
    torch.manual_seed(seed)
    net = XOResNet(arch)
    for module in net.modules():
        if isinstance(module, nn.BatchNorm2d):
            module.momentum = 1.0  # one call sets the statistics
            nn.init.uniform_(module.weight, 2.0, 3.0)
            nn.init.uniform_(module.bias, 0.5, 1.5)
    with torch.no_grad():
        net.train()(torch.rand(8, *arch.input_shape))
    return net.eval()


def images_for(arch: Arch, samples: int = 3, seed: int = 1) -> Tensor:
    return torch.rand(samples, *arch.input_shape, generator=torch.Generator().manual_seed(seed))


def additions(conv: Convolution, x: Tensor) -> int:
    """Value times number of weights that it meets, summed: what the convolution gives if every weight is 1."""
    ones = copy.deepcopy(conv).double()
    ones._forward_hooks.clear()
    ones._forward_pre_hooks.clear()
    with torch.no_grad(), torch.autocast("cpu", enabled=False):
        filled(ones)
        if ones.bias is not None:
            ones.bias.zero_()
        return round(float(ones(x.double()).sum()))
