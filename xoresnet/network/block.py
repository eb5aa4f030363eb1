"""Residual blocks, built from their plans. Streams are tensors [T, N, C, H, W], time first."""

from __future__ import annotations

from torch import Tensor, nn

from xoresnet.description.merge import LogicGradient
from xoresnet.description.neuron_spec import NeuronSpec
from xoresnet.description.plan import BlockPlan, ConvPlan, Stream, StreamKind
from xoresnet.network.spike_logic import find_operation, presence, xor
from xoresnet.neurons.neuron import SpikingNeuron, make_neuron

__all__ = ["ConvNorm", "ResidualBlock", "Xor"]


class ConvNorm(nn.Module):
    """Convolution and batch norm on [T, N, C, H, W] or [N, C, H, W]; the batch statistics pool T and N."""

    def __init__(self, plan: ConvPlan) -> None:
        super().__init__()
        self.conv = nn.Conv2d(
            plan.in_channels, plan.out_channels, plan.kernel, plan.stride, plan.kernel // 2, bias=False
        )
        self.norm = nn.BatchNorm2d(plan.out_channels)
        nn.init.kaiming_normal_(self.conv.weight, mode="fan_out", nonlinearity="relu")

    def forward(self, x: Tensor) -> Tensor:
        if x.dim() == 4:
            return self._apply_conv_norm(x)
        current = self._apply_conv_norm(x.flatten(0, 1))
        return current.view(*x.shape[:2], *current.shape[1:])

    def _apply_conv_norm(self, x: Tensor) -> Tensor:
        current: Tensor = self.norm(self.conv(x))
        return current


class Xor(nn.Module):
    """XOR meta-residual: where exactly one of two streams of a kind spikes; in integer streams, any count is a spike.

    Raises ValueError for a real stream.
    """

    def __init__(self, stream: Stream, gradient: LogicGradient) -> None:
        super().__init__()
        if not stream.spiking:
            raise ValueError(f"XOR needs spikes, but the stream is {stream.kind}")
        self.integer = stream.kind is StreamKind.INTEGER
        self.gradient = gradient

    def forward(self, a: Tensor, b: Tensor) -> Tensor:
        if self.integer:
            a, b = presence(a), presence(b)
        return xor(a, b, self.gradient)

    def extra_repr(self) -> str:
        return f"gradient={self.gradient}"


class ResidualBlock(nn.Module):
    """One residual block, basic or bottleneck, with any merge and any XOR placement; equations in `docs/networks.md`.

    `forward(x, previous)` takes the stream x [T, N, C, H, W] and the spikes that the previous block of the stage read,
    which only a block with XOR at its entry uses. It returns the stream that leaves the block, [T, N, C', H', W'], and
    the spikes that this block read. Raises `UsageError` for a user's operation that does not return spikes.
    """

    def __init__(self, plan: BlockPlan, neuron: NeuronSpec, gradient: LogicGradient = "arithmetic") -> None:
        super().__init__()
        self.plan = plan
        self.gradient: LogicGradient = gradient
        self.operation = None if plan.operation is None else find_operation(plan.operation)

        def make(wanted: bool) -> SpikingNeuron | None:
            return make_neuron(neuron) if wanted else None

        self.neuron_in = make(plan.neuron_in)
        self.convs = nn.ModuleList(ConvNorm(conv) for conv in plan.convs)
        self.neurons = nn.ModuleList(make_neuron(neuron) for _ in plan.convs[:-1])
        self.projection = ConvNorm(plan.projection) if plan.projection else None
        self.neuron_shortcut = make(plan.neuron_shortcut)
        self.neuron_out = make(plan.neuron_out)
        spikes = Stream(StreamKind.BINARY, 1)
        read = plan.reads if plan.reads.spiking else spikes
        # the middle XOR's first operand is what the branch's first layer reads only where that is its last but one
        two = len(plan.convs) == 2
        self.xor_entry = Xor(read, gradient) if plan.xor_entry else None
        self.xor_middle = Xor(read if two and not plan.xor_entry else spikes, gradient) if plan.xor_middle else None

    def forward(self, x: Tensor, previous: Tensor | None = None) -> tuple[Tensor, Tensor]:
        spikes = x if self.neuron_in is None else self.neuron_in(x)
        current = self._branch(spikes, previous)
        shortcut = x if self.projection is None else self.projection(spikes)
        if self.neuron_shortcut is not None:
            shortcut = self.neuron_shortcut(shortcut)
        return self._join(shortcut, current), spikes

    def _branch(self, spikes: Tensor, previous: Tensor | None) -> Tensor:
        inner = spikes
        if self.xor_entry is not None:
            if previous is None:
                raise ValueError("XOR at the entry needs the spikes that the previous block read")
            inner = self.xor_entry(spikes, previous)
        entering = inner
        for conv, neuron in zip(self.convs, self.neurons, strict=False):
            entering, inner = inner, neuron(conv(inner))
        if self.xor_middle is not None:
            inner = self.xor_middle(entering, inner)
        current: Tensor = self.convs[-1](inner)
        return current

    def _join(self, shortcut: Tensor, current: Tensor) -> Tensor:
        if self.operation is not None:
            return self.operation(shortcut, self._fire(current), self.gradient)
        return self._fire(shortcut + current)

    def _fire(self, current: Tensor) -> Tensor:
        return current if self.neuron_out is None else self.neuron_out(current)
