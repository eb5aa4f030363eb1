"""`XOResNet`: the network that an `Arch` describes."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from xoresnet.description.arch import Arch
from xoresnet.description.layer_table import params_count, summary
from xoresnet.description.plan import StemPlan, make_plan
from xoresnet.errors import UsageError
from xoresnet.limits import MOST_PARAMS
from xoresnet.network.block import ConvNorm, ResidualBlock
from xoresnet.neurons.neuron import make_neuron

__all__ = ["Stem", "XOResNet"]


class Stem(nn.Module):
    """The first layers, which turn images [N, C, H, W] or sequences [T, N, C, H, W] into streams [T, N, C', H', W']."""

    def __init__(self, plan: StemPlan, arch: Arch) -> None:
        super().__init__()
        self.timesteps = arch.timesteps
        self.conv = ConvNorm(plan.conv)
        self.neuron = make_neuron(arch.neuron) if plan.neuron else None
        self.pool = nn.MaxPool2d(3, stride=2, padding=1) if plan.pool else None

    def forward(self, x: Tensor) -> Tensor:
        stream: Tensor = self.conv(x)
        if stream.dim() == 4:  # direct coding: one image for all time steps
            stream = stream.expand(self.timesteps, *stream.shape)
        if self.neuron is not None:
            stream = self.neuron(stream)
        if self.pool is not None:
            pooled = self.pool(stream.flatten(0, 1))
            stream = pooled.view(*stream.shape[:2], *pooled.shape[1:])
        return stream


class XOResNet(nn.Module):
    """The residual spiking network that an `Arch` describes.

    It takes images [N, C, H, W], presented at every time step (direct coding: the stem's convolution runs once), or
    sequences [T, N, C, H, W] of `arch.timesteps` steps. It returns logits [N, num_classes]: the mean over time of a
    linear read-out after global average pooling. The network keeps no state between calls. `print(net)` shows its table
    of layers.

    Construction raises TypeError for anything but an `Arch`, and `UsageError` for a user's merge or neuron that does
    not work and for a network of more than `limits.MOST_PARAMS` parameters. Calls raise `UsageError` for inputs of
    another shape or type.

    >>> arch = Arch(input_shape=(1, 8, 8), num_classes=10, depth=8, width=4)
    >>> XOResNet(arch)(torch.rand(2, 1, 8, 8)).shape
    torch.Size([2, 10])
    """

    def __init__(self, arch: Arch) -> None:
        super().__init__()
        if not isinstance(arch, Arch):
            hint = "; Arch.baseline(name, ...) makes one from the name of a baseline" if isinstance(arch, str) else ""
            raise TypeError(f"XOResNet takes an Arch, got {type(arch).__name__}{hint}")
        if params_count(arch) > MOST_PARAMS:
            raise UsageError(f"the network has {params_count(arch):,} parameters, more than {MOST_PARAMS:,}")
        self.arch = arch
        plan = make_plan(arch)
        self.stem = Stem(plan.stem, arch)
        self.stages = nn.ModuleList(
            nn.ModuleList(ResidualBlock(block, arch.neuron, arch.logic_gradient) for block in stage)
            for stage in plan.stages
        )
        self.head = nn.Linear(plan.features, arch.num_classes)

    def forward(self, x: Tensor) -> Tensor:
        # the read-out is linear: averaging over time first gives the same logits from one product
        logits: Tensor = self.head(self._mean(self.last_stream(x), (0, 3, 4)))
        return logits

    def logits_per_step(self, x: Tensor) -> Tensor:
        """Return the read-out at every time step, [T, N, num_classes]; `forward` returns its mean over T."""
        logits: Tensor = self.head(self._mean(self.last_stream(x), (3, 4)))
        return logits

    def last_stream(self, x: Tensor) -> Tensor:
        """Return the spikes that leave the last block, [T, N, C', H', W'], integers where the last stage adds."""
        self._check(x)
        stream: Tensor = self.stem(x)
        for stage in self.stages:
            previous: Tensor | None = None
            for block in stage.children():
                stream, previous = block(stream, previous)
        return stream

    def __str__(self) -> str:
        return summary(self.arch)

    def _check(self, x: Tensor) -> None:
        if not isinstance(x, Tensor) or not x.is_floating_point():
            given = x.dtype if isinstance(x, Tensor) else type(x).__name__
            raise UsageError(f"expected a tensor of floating-point numbers, got {given}")
        shape, steps = self.arch.input_shape, self.arch.timesteps
        fits = x.dim() == 4 or (x.dim() == 5 and len(x) == steps)
        if not fits or tuple(x.shape[-3:]) != shape:
            dims = ", ".join(map(str, shape))
            hint = "; time comes first: x.transpose(0, 1)" if x.dim() == 5 and x.shape[1] == steps else ""
            raise UsageError(
                f"expected images [N, {dims}] or sequences [{steps}, N, {dims}], got {list(x.shape)}{hint}"
            )

    def _mean(self, spikes: Tensor, dims: tuple[int, ...]) -> Tensor:
        # in half precision a mean over many places would be rounded on the way
        mean = spikes.mean(dims, dtype=torch.promote_types(spikes.dtype, torch.float32))
        return mean.to(self.head.weight.dtype)
