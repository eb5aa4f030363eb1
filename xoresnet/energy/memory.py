"""Energy with memory: additions, addresses, and every weight, potential and spike that moves through an SRAM.

The model is that of Lemaire et al. 2022 (An Analytical Estimation of Spiking Neural Networks Energy Efficiency, arXiv
2210.13107), with 32-bit integers at 45 nm (Horowitz 2014): 0.1 pJ for an addition, 3.1 pJ for a multiplication, and
13.2 pJ + 1.09e-5 pJ for each bit of the memory for an access to an SRAM of the layer's size; spikes pass through queues
of no size, at 13.2 pJ. Reads and writes cost the same.

- A convolution of spikes reads each spike, and for each synaptic operation the weight and the potential, which it
  writes back; addressing takes two multiply-adds and k^2 additions for each spike.
- A neuron reads its bias and its potential at each time step and writes it back, leaks (a multiply-add) and adds; a
  spike costs the addition of the reset and a write.
- A convolution of analog values costs what it does in a ReLU network (`dense_product`, `written`); where it runs once
  for all time steps, its neurons read the stored results in place of a bias.

The paper has no residual networks. Here a merge, an XOR or a pool reads and writes spikes, with an addition for each
that it reads; the read-out adds each spike to the average of its channel, and is then a dense layer. Batch norm is
folded into weights and biases. Synaptic operations are those counted, borders and strides included.
"""

from __future__ import annotations

from typing import NamedTuple

from xoresnet.energy.work import Exchange, Product, ReadOut, Updates, Work

__all__ = ["ADD_PJ", "MUL_PJ", "Parts", "dense_product", "dense_read_out", "memory_energy", "ram_pj", "written"]

ADD_PJ, MUL_PJ = 0.1, 3.1
_BITS = 32
_ACCESS_PJ, _BIT_PJ = 13.2, 1.09e-5


class Parts(NamedTuple):
    """Energy in picojoules, by what it is spent on."""

    operations: float = 0.0
    addresses: float = 0.0
    weights: float = 0.0
    """Reading weights and biases."""
    potentials: float = 0.0
    """Reading and writing potentials and other stored values."""
    spikes: float = 0.0
    """Moving spikes."""

    @property
    def total(self) -> float:
        return sum(self)

    def plus(self, other: Parts) -> Parts:
        return Parts(*(mine + theirs for mine, theirs in zip(self, other, strict=True)))


def ram_pj(values: float, bits: int = _BITS) -> float:
    """An access to a memory of so many values of so many bits."""
    return _ACCESS_PJ + _BIT_PJ * values * bits


def memory_energy(work: Work) -> Parts:
    """The energy of one sample, in picojoules; NaN where the work is not known."""
    total = Parts()
    for product in work.products:
        total = total.plus(_product(product))
    for updates in work.updates:
        total = total.plus(_updates(updates))
    for exchange in work.exchanges:
        total = total.plus(_exchange(exchange))
    return total.plus(_read_out(work.read_out))


def dense_product(product: Product, runs: float, *, bits: int = _BITS) -> Parts:
    """A convolution of analog values, that runs so often: each multiply-add reads an input and a weight.

    bits: of the inputs; a multiplication by fewer bits is at most one addition of the weight for each of them.
    """
    conv, macs = product.conv, runs * product.conv.macs
    inputs = conv.in_channels * conv.in_size[0] * conv.in_size[1]
    outputs = conv.out_channels * conv.out_size[0] * conv.out_size[1]
    places = inputs + outputs + conv.out_channels * conv.kernel**2
    return Parts(
        operations=macs * min(MUL_PJ + ADD_PJ, bits * ADD_PJ),
        addresses=runs * places * ADD_PJ,
        weights=macs * ram_pj(_weights(product)),
        potentials=macs * ram_pj(inputs, bits),
    )


def written(values: int, channels: int, runs: float = 1, *, bits: int = _BITS) -> Parts:
    """The results of a convolution of analog values: a bias is read and added to each, and it is written."""
    number = runs * values
    return Parts(
        operations=number * ADD_PJ, weights=number * ram_pj(channels), potentials=number * ram_pj(values, bits)
    )


def dense_read_out(read_out: ReadOut) -> Parts:
    """The linear layer, which reads averages."""
    features, classes = read_out.features, read_out.classes
    products = features * classes
    return Parts(
        operations=products * (MUL_PJ + ADD_PJ) + classes * ADD_PJ,
        addresses=products * ADD_PJ,
        weights=products * ram_pj(products) + classes * ram_pj(classes),
        potentials=features * ram_pj(features) + classes * ram_pj(classes),
    )


def _weights(product: Product) -> int:
    return product.conv.out_channels * product.conv.in_channels * product.conv.kernel**2


def _product(product: Product) -> Parts:
    conv = product.conv
    outputs = conv.out_channels * conv.out_size[0] * conv.out_size[1]
    if product.macs:
        runs = product.macs / conv.macs
        return dense_product(product, runs).plus(written(outputs, conv.out_channels, runs))
    return Parts(
        operations=product.synops * ADD_PJ,
        addresses=product.events * (2 * (MUL_PJ + ADD_PJ) + conv.kernel**2 * ADD_PJ),
        weights=product.synops * ram_pj(_weights(product)),
        potentials=2 * product.synops * ram_pj(outputs),
        spikes=product.events * ram_pj(0),
    )


def _updates(updates: Updates) -> Parts:
    number = updates.number * updates.steps
    reads_input = ram_pj(updates.number) if updates.stored_input else 0.0
    reads_bias = 0.0 if updates.stored_input else ram_pj(updates.channels)
    leak = MUL_PJ + ADD_PJ if updates.leaky else 0.0
    return Parts(
        operations=number * (leak + ADD_PJ) + updates.spikes * ADD_PJ,
        weights=number * reads_bias,
        potentials=number * (2 * ram_pj(updates.number) + reads_input),
        spikes=updates.spikes * ram_pj(0),
    )


def _exchange(exchange: Exchange) -> Parts:
    moved = exchange.events_in + exchange.events_out
    return Parts(operations=exchange.events_in * ADD_PJ, spikes=moved * ram_pj(0))


def _read_out(read_out: ReadOut) -> Parts:
    averages = Parts(
        operations=read_out.events * ADD_PJ + read_out.features * MUL_PJ,
        potentials=2 * read_out.events * ram_pj(read_out.features),
        spikes=read_out.events * ram_pj(0),
    )
    return averages.plus(dense_read_out(read_out))
