"""What a network does for one sample: products with weights, updates of neurons, and exchanges of spikes.

Amounts are per sample and over all time steps, worked out from an `Arch` and from what `count_spikes` has counted of
its layers.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from typing import NamedTuple

from xoresnet.description.arch import Arch
from xoresnet.description.neuron_spec import NEURON_KINDS
from xoresnet.description.plan import BlockPlan, ConvPlan, Plan, make_plan
from xoresnet.measures.figures import LayerCounts

__all__ = ["Exchange", "Product", "ReadOut", "Updates", "Work", "work_of"]


class Product(NamedTuple):
    """A convolution."""

    conv: ConvPlan
    events: float
    """Spikes read, an integer k as k; 0 where it reads analog values."""
    synops: float
    """Additions that these spikes cause."""
    macs: float
    """Dense multiply-adds where it reads analog values; 0 where it reads spikes."""
    most: float = 1
    """The largest value that it reads at a time step: an integer stream has more than 1."""


class Updates(NamedTuple):
    """A layer of neurons, or of sums of a real stream, updated at every time step."""

    number: int
    channels: int
    steps: int
    leaky: bool
    spikes: float
    stored_input: bool = False
    """Whether it reads stored values at every step, such as the current of a stem that ran once, in place of biases."""


class Exchange(NamedTuple):
    """A merge of spikes, an XOR or a pool: spikes in, spikes out, and no potential.

    An integer k counts as k spikes, also before an XOR, which sees only whether there is any.
    """

    number: int
    """Values that it computes at each time step."""
    events_in: float
    events_out: float


class ReadOut(NamedTuple):
    """The averages over places and time, and the linear layer that reads them."""

    features: int
    classes: int
    events: float
    """Spikes that are averaged."""


class Work(NamedTuple):
    """Everything that a network does for one sample."""

    products: tuple[Product, ...]
    updates: tuple[Updates, ...]
    exchanges: tuple[Exchange, ...]
    read_out: ReadOut
    shortcuts: tuple[int, ...] = ()
    """The values of each shortcut at one time step, which meet those of its branch."""
    pooled: tuple[int, ...] = ()
    """The values of each max-pool at one time step."""

    @property
    def reads_recordings(self) -> bool:
        """Whether the first convolution reads events, so that every time step has an input of its own."""
        return not self.products[0].macs


def work_of(arch: Arch, layers: Iterable[LayerCounts]) -> Work:
    """The work of a network, whose layers were counted by `count_spikes`.

    Amounts are NaN where a count is: records of versions that did not count the spikes that layers read.
    """
    builder = _Builder(arch, {layer.name: layer for layer in layers})
    return builder.work()


class _Builder:
    def __init__(self, arch: Arch, counts: Mapping[str, LayerCounts]) -> None:
        self.arch, self.counts, self.plan = arch, counts, make_plan(arch)
        kind = NEURON_KINDS.get(arch.neuron.kind)
        self.leaky = kind is None or kind.leaky  # a user's neuron counts as the dearer kind
        self.products: list[Product] = []
        self.updates: list[Updates] = []
        self.exchanges: list[Exchange] = []
        self.shortcuts: list[int] = []
        self.pooled: list[int] = []

    def work(self) -> Work:
        plan, arch = self.plan, self.arch
        read = self._stem(plan)
        for number, stage in enumerate(plan.stages):
            before = math.nan  # what the previous block of the stage read
            for index, block in enumerate(stage):
                name = f"stages.{number}.{index}"
                before, read = self._block(block, name, read, before)
        read_out = ReadOut(plan.features, arch.num_classes, read)
        return Work(
            tuple(self.products),
            tuple(self.updates),
            tuple(self.exchanges),
            read_out,
            tuple(self.shortcuts),
            tuple(self.pooled),
        )

    def _stem(self, plan: Plan) -> float:
        """Spikes that leave the stem; NaN for a real stream."""
        stem = plan.stem
        product = self._product("stem.conv.conv", stem.conv)
        once = product.macs > 0 and math.isclose(product.macs, stem.conv.macs)
        spikes = self._spikes("stem.neuron") if stem.neuron else 0.0
        if stem.neuron or not once:
            shape = (stem.conv.out_channels, *stem.conv.out_size)
            self._update(shape, spikes, leaky=self.leaky and stem.neuron, stored_input=once)
        if not stem.neuron:
            return math.nan
        if not stem.pool:
            return spikes
        pooled = self._layer("stages.0.0.convs.0.conv").input_spikes_per_sample
        self.pooled.append(stem.conv.out_channels * math.prod(stem.out_size))
        self.exchanges.append(Exchange(self.pooled[-1], spikes, pooled))
        return pooled

    def _block(self, block: BlockPlan, name: str, read: float, before: float) -> tuple[float, float]:
        """Spikes that the block reads, and those that it writes."""
        first = block.convs[0]
        if block.neuron_in:
            read = self._spikes(f"{name}.neuron_in")
            self._update((first.in_channels, *first.in_size), read, leaky=self.leaky, stored_input=True)
        most = block.reads.most if block.reads.spiking and not block.xor_entry else 1
        products = [
            self._product(f"{name}.convs.{place}.conv", conv, most if place == 0 else 1)
            for place, conv in enumerate(block.convs)
        ]
        if block.xor_entry:
            self._exchange((first.in_channels, *first.in_size), read + before, products[0].events)
        inner = []
        for place, conv in enumerate(block.convs[:-1]):
            inner.append(self._spikes(f"{name}.neurons.{place}"))
            self._update((conv.out_channels, *conv.out_size), inner[-1], leaky=self.leaky)
        if block.xor_middle:
            last = block.convs[-1]
            shape = (last.in_channels, *last.in_size)
            self._exchange(shape, products[-2].events + inner[-1], products[-1].events)
        return read, self._result(block, name, read)

    def _result(self, block: BlockPlan, name: str, read: float) -> float:
        """Spikes that leave the block; NaN for a real stream."""
        last = block.convs[-1]
        shape = (last.out_channels, *last.out_size)
        shortcut = read
        self.shortcuts.append(math.prod(shape))
        if block.projection is not None:
            self._product(f"{name}.projection.conv", block.projection, block.reads.most if block.reads.spiking else 1)
        if block.neuron_shortcut:
            shortcut = self._spikes(f"{name}.neuron_shortcut")
            self._update(shape, shortcut, leaky=self.leaky)
        fired = self._spikes(f"{name}.neuron_out") if block.neuron_out else 0.0
        self._update(shape, fired, leaky=self.leaky and block.neuron_out)
        if not block.writes.spiking:
            return math.nan
        if block.operation is None:
            return fired
        written = self._layer(name).stream_spikes_per_sample
        self._exchange(shape, shortcut + fired, written)
        return written

    def _product(self, name: str, conv: ConvPlan, most: float = 1) -> Product:
        counted = self._layer(name)
        amounts = counted.input_spikes_per_sample, counted.synops_per_sample, counted.macs_per_sample
        product = Product(conv, *amounts, most)
        self.products.append(product)
        return product

    def _update(self, shape: tuple[int, ...], spikes: float, *, leaky: bool, stored_input: bool = False) -> None:
        number = math.prod(shape)
        self.updates.append(Updates(number, shape[0], self.arch.timesteps, leaky, spikes, stored_input))

    def _exchange(self, shape: tuple[int, ...], events_in: float, events_out: float) -> None:
        self.exchanges.append(Exchange(math.prod(shape), events_in, events_out))

    def _spikes(self, name: str) -> float:
        return self._layer(name).spikes_per_sample

    def _layer(self, name: str) -> LayerCounts:
        return self.counts[name]
