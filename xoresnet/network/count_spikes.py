"""Counting: spikes, synaptic operations, multiply-adds and energy of ordinary calls, per sample and per layer.

All figures are per sample, over all time steps, in evaluation mode. They are exact: sums of whole numbers below 2^53.

- `spikes_per_sample`: spikes emitted by all neuron layers.
- `stream_spikes_per_sample`: values carried by the outputs of residual blocks; an integer k counts k, a real stream
  counts nothing.
- `synops_per_sample`: additions that spikes cause in convolution and linear layers: the value of each input times the
  number of weights that it meets, fewer at borders and between strides.
- `macs_per_sample`: dense multiply-adds of convolution and linear layers that read analog values, padding included,
  once for each run of the layer. Under direct coding these are the stem, which runs once instead of T times, and the
  read-out, which reads averages.
- `energy_pj_per_sample`: multiply-adds and additions times the cost of each (`Energy`), in picojoules.
- `firing_rate`: spikes divided by neurons and time steps.

A layer reads spikes if its input came from a neuron, a residual block or an XOR, or if all values of its input are
non-negative whole numbers (event counts, sums of spikes); else it reads analog values. The values are examined at each
call, for the whole batch. In `XOResNet`, images and the averages that the read-out reads are analog whatever their
values.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.utils.parametrize import ParametrizationList
from torch.utils.hooks import RemovableHandle

from xoresnet.description.layer_table import format_table
from xoresnet.errors import UsageError
from xoresnet.measures.figures import Energy, LayerCounts
from xoresnet.measures.metrics import metric_of
from xoresnet.network.block import ResidualBlock, Xor
from xoresnet.network.exact_sums import SpikeSums, conv_synops, transposed_conv_synops
from xoresnet.network.xoresnet import Stem, XOResNet
from xoresnet.neurons.neuron import SpikingNeuron

__all__ = ["SpikeCounts", "count_spikes"]

_CONVOLUTIONS = nn.modules.conv._ConvNd
_NORMS = (nn.modules.batchnorm._NormBase, nn.GroupNorm, nn.LayerNorm)
_DEFAULT_ENERGY = Energy()


class _Layer:
    """The sums of one module; they stay on its device until they are read."""

    def __init__(self, name: str, kind: str) -> None:
        self.name, self.kind = name, kind
        self.sum: Tensor | None = None
        self.read: Tensor | None = None
        """Spikes that a layer with weights has read."""
        self.macs = 0
        self.places = 0

    def add(self, number: Tensor) -> None:
        self.sum = number if self.sum is None else self.sum + number

    def add_read(self, number: Tensor) -> None:
        self.read = number if self.read is None else self.read + number

    def merge(self, other: _Layer) -> None:
        if other.sum is not None:
            self.add(other.sum)
        if other.read is not None:
            self.add_read(other.read)
        self.macs += other.macs
        self.places += other.places

    def counts(self, samples: int, energy: Energy) -> LayerCounts:
        total = 0.0 if self.sum is None else float(self.sum)
        number = total / samples
        synops = number if self.kind in ("conv", "linear") else 0.0
        macs = self.macs / samples
        return LayerCounts(
            name=self.name,
            kind=self.kind,
            spikes_per_sample=number if self.kind == "neuron" else 0.0,
            stream_spikes_per_sample=number if self.kind == "block" else 0.0,
            synops_per_sample=synops,
            macs_per_sample=macs,
            energy_pj_per_sample=energy.pj(macs, synops),
            firing_rate=total / self.places if self.places else math.nan,
            input_spikes_per_sample=0.0 if self.read is None else float(self.read) / samples,
        )


class SpikeCounts:
    """Figures over all counted calls; `print(counts)` shows the totals with the constants of the energy model.

    Figures raise `UsageError` before the first call. Ratios without a denominator, such as the firing rate of a network
    without neurons, are NaN.
    """

    def __init__(self, energy: Energy) -> None:
        self.energy = energy
        self.samples = 0
        """Number of samples in all calls."""
        self._layers: dict[str, _Layer] = {}

    def add(self, samples: int, layers: Iterable[_Layer]) -> None:
        """Add the sums of one call."""
        self.samples += samples
        for layer in layers:
            self._layers.setdefault(layer.name, _Layer(layer.name, layer.kind)).merge(layer)

    @property
    def layers(self) -> list[LayerCounts]:
        """The figures of every layer that has run, in the order of first use."""
        if not self.samples:
            raise UsageError("nothing was counted yet: call the network itself inside count_spikes()")
        return [layer.counts(self.samples, self.energy) for layer in self._layers.values()]

    @property
    def spikes_per_sample(self) -> float:
        """Spikes emitted by all neuron layers."""
        return self._total("spikes_per_sample")

    @property
    def stream_spikes_per_sample(self) -> float:
        """Values carried by the outputs of residual blocks."""
        return self._total("stream_spikes_per_sample")

    @property
    def synops_per_sample(self) -> float:
        """Additions that spikes cause in convolution and linear layers."""
        return self._total("synops_per_sample")

    @property
    def macs_per_sample(self) -> float:
        """Dense multiply-adds of layers that read analog values."""
        return self._total("macs_per_sample")

    @property
    def energy_pj_per_sample(self) -> float:
        """Energy of multiply-adds and additions in picojoules."""
        return self.energy.pj(self.macs_per_sample, self.synops_per_sample)

    @property
    def firing_rate(self) -> float:
        """Spikes divided by neurons and time steps; NaN without neurons."""
        spikes = self.spikes_per_sample * self.samples
        places = sum(layer.places for layer in self._layers.values())
        return spikes / places if places else math.nan

    def as_dict(self) -> dict[str, float]:
        """Return the totals by name."""
        names = ("spikes", "stream_spikes", "synops", "macs", "energy_pj")
        figures = {f"{name}_per_sample": getattr(self, f"{name}_per_sample") for name in names}
        return {**figures, "firing_rate": self.firing_rate}

    def table(self) -> str:
        """Return the layers as a text table; a dash stands where there is nothing to count."""
        names = ("spikes", "stream_spikes", "synops", "macs", "energy_pj")
        headings = (metric_of(name).heading for name in (*(f"{name}_per_sample" for name in names), "firing_rate"))
        rows = [
            (
                layer.name,
                layer.kind,
                *(_figure(getattr(layer, f"{name}_per_sample")) for name in names),
                "-" if math.isnan(layer.firing_rate) else f"{layer.firing_rate:.4f}",
            )
            for layer in self.layers
        ]
        figures = self.as_dict()
        total = ("total", "", *(_figure(figures[f"{name}_per_sample"]) for name in names), f"{self.firing_rate:.4f}")
        return format_table(("layer", "kind", *headings), rows, total, left=2)

    def __str__(self) -> str:
        if not self.samples:
            return "nothing counted yet"
        return (
            f"per sample, over {self.samples} samples: {self.spikes_per_sample:,.1f} spikes "
            f"(firing rate {self.firing_rate:.4f}), {self.stream_spikes_per_sample:,.1f} on block outputs, "
            f"{self.synops_per_sample:,.1f} synaptic operations, {self.macs_per_sample:,.1f} MACs, "
            f"{self.energy_pj_per_sample:,.1f} pJ at {self.energy.mac_pj} pJ per MAC "
            f"and {self.energy.ac_pj} pJ per addition"
        )

    def __repr__(self) -> str:
        return f"<SpikeCounts {self}>"

    def _total(self, name: str) -> float:
        return math.fsum(getattr(layer, name) for layer in self.layers)


def _figure(number: float) -> str:
    return f"{number:,.1f}" if number else "-"


@contextmanager
def count_spikes(
    net: nn.Module, *, batch_dim: int | None = None, energy: Energy = _DEFAULT_ENERGY
) -> Iterator[SpikeCounts]:
    """Count spikes, operations and energy of all calls of `net` inside the `with` block.

    batch_dim: the dimension of the network's first argument that holds the samples; required for networks other than
    `XOResNet` (0 for [N, ...], 1 for [T, N, ...]). The network may be any whose weights are in convolution and linear
    layers and whose neurons are `SpikingNeuron` modules; calls of `lif()` and neurons of other libraries are not seen.
    Raises TypeError unless `net` is a module, `UsageError` for other layers with weights and, at a call, for a network
    in training mode. A call that fails leaves the figures as they were.

    >>> from xoresnet import IF
    >>> net = nn.Sequential(IF(threshold=1.0))
    >>> with count_spikes(net.eval(), batch_dim=1) as counts:
    ...     spikes = net(torch.full((4, 2, 3), 0.5))  # every neuron fires at each second step
    >>> counts.spikes_per_sample, counts.firing_rate
    (6.0, 0.5)
    """
    _refuse_unknown(net)
    if batch_dim is None and not isinstance(net, XOResNet):
        raise UsageError("give batch_dim, the dimension that holds the samples: 0 for [N, ...], 1 for [T, N, ...]")
    counter = _Counter(SpikeCounts(energy), batch_dim)
    handles = [net.register_forward_pre_hook(counter.begin, with_kwargs=True)]
    for name, module in net.named_modules():
        handles += counter.attach(module, name or type(module).__name__)
    handles.append(net.register_forward_hook(counter.commit, with_kwargs=True))
    try:
        yield counter.counts
    finally:
        for handle in handles:
            handle.remove()


def _refuse_unknown(net: nn.Module) -> None:
    if not isinstance(net, nn.Module):
        raise TypeError(f"count_spikes takes a network, got {type(net).__name__}")
    known = (_CONVOLUTIONS, nn.Linear, *_NORMS, SpikingNeuron, ParametrizationList)
    for name, module in net.named_modules():
        if not isinstance(module, known) and next(module.parameters(recurse=False), None) is not None:
            kind, place = type(module).__name__, name or "the network itself"
            raise UsageError(
                f"{kind} ({place}) has weights that cannot be counted: only convolution and linear layers can"
            )


class _Counter:
    """The hooks of one `count_spikes`. The sums of a call are pending until it returns."""

    def __init__(self, counts: SpikeCounts, batch_dim: int | None) -> None:
        self.counts = counts
        self.batch_dim = batch_dim
        self.sums = SpikeSums()
        self.pending: dict[str, _Layer] = {}
        self.analog: set[nn.Module] = set()
        """Layers whose input counts as analog whatever its values."""

    def begin(self, net: nn.Module, args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
        if any(module.training for module in net.modules()):
            raise UsageError("spikes are counted in evaluation mode: call net.eval() first")
        self.pending.clear()
        self._samples(net, _first(args, kwargs))

    def commit(self, net: nn.Module, args: tuple[Any, ...], kwargs: dict[str, Any], output: object) -> None:
        self.counts.add(self._samples(net, _first(args, kwargs)), self.pending.values())
        self.pending.clear()

    def _samples(self, net: nn.Module, x: object) -> int:
        if not isinstance(x, Tensor):
            raise UsageError("the first argument of a counted network must be the tensor of its samples")
        batch_dim = self.batch_dim
        if batch_dim is None:
            batch_dim = 1 if x.dim() == 5 else 0
        if not -x.dim() <= batch_dim < x.dim():
            raise UsageError(f"batch_dim={batch_dim} does not exist in samples of shape {list(x.shape)}")
        return x.shape[batch_dim]

    def attach(self, module: nn.Module, name: str) -> list[RemovableHandle]:
        hook: Callable[[str, Any, Tensor, Any], None]
        match module:
            case XOResNet():
                self.analog.add(module.head)  # reads averages
                return []
            case Stem():
                return [module.register_forward_pre_hook(self._on_stem)]
            case SpikingNeuron():
                hook = self._on_neuron
            case Xor():
                hook = self._on_xor
            case ResidualBlock():
                hook = self._on_block
            case nn.Conv1d() | nn.Conv2d() | nn.Conv3d():
                hook = self._on_conv
            case nn.ConvTranspose1d() | nn.ConvTranspose2d() | nn.ConvTranspose3d():
                hook = self._on_transposed_conv
            case nn.Linear():
                hook = self._on_linear
            case _:
                return []

        def without_gradients(module: Any, args: tuple[Any, ...], kwargs: dict[str, Any], output: Any) -> None:
            with torch.no_grad():
                hook(name, module, _first(args, kwargs), output)

        return [module.register_forward_hook(without_gradients, with_kwargs=True)]

    def _on_stem(self, stem: Stem, inputs: tuple[Tensor, ...]) -> None:
        if inputs[0].dim() == 4:  # images
            self.analog.add(stem.conv.conv)
        else:
            self.analog.discard(stem.conv.conv)

    def _on_neuron(self, name: str, neuron: nn.Module, x: Tensor, spikes: Tensor) -> None:
        layer = self._layer(name, "neuron")
        self.sums.learn(spikes, most=1)
        layer.add(self.sums.total(spikes))
        layer.places += spikes.numel()

    def _on_xor(self, name: str, xor: nn.Module, x: Tensor, spikes: Tensor) -> None:
        self.sums.learn(spikes, most=1)

    def _on_block(self, name: str, block: ResidualBlock, x: Tensor, output: tuple[Tensor, Tensor]) -> None:
        layer, writes = self._layer(name, "block"), block.plan.writes
        if writes.spiking:
            self.sums.learn(output[0], most=writes.most)
            layer.add(self.sums.total(output[0]))

    def _on_conv(self, name: str, conv: nn.Conv2d, x: Tensor, output: Tensor) -> None:
        layer = self._layer(name, "conv")
        if conv not in self.analog and self.sums.are_spikes(x):
            sums = self.sums.spatial_sums(x, len(conv.kernel_size))
            layer.add(conv_synops(conv, sums))
            layer.add_read(sums.sum())
        else:
            layer.macs += output.numel() * conv.weight[0].numel()

    def _on_transposed_conv(self, name: str, conv: nn.ConvTranspose2d, x: Tensor, output: Tensor) -> None:
        layer, dims = self._layer(name, "conv"), len(conv.kernel_size)
        if self.sums.are_spikes(x):
            sums = self.sums.spatial_sums(x, dims)
            layer.add(transposed_conv_synops(conv, sums, output.shape[-dims:]))
            layer.add_read(sums.sum())
        else:
            layer.macs += x.numel() * conv.weight[0].numel()

    def _on_linear(self, name: str, linear: nn.Linear, x: Tensor, output: Tensor) -> None:
        layer = self._layer(name, "linear")
        if linear not in self.analog and self.sums.are_spikes(x):
            number = self.sums.total(x)
            layer.add(number * linear.out_features)
            layer.add_read(number)
        else:
            layer.macs += output.numel() * linear.in_features

    def _layer(self, name: str, kind: str) -> _Layer:
        return self.pending.setdefault(name, _Layer(name, kind))


def _first(args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    return next(iter((*args, *kwargs.values())), None)
