"""The ReLU twin: the same layers, run once, whose activations have as many bits as T time steps can tell apart.

A neuron can fire 0 to T times, so ceil(log2(T + 1)) bits hold as much as its spikes do (Yan et al. 2024, arXiv
2409.08290, who find that a spiking network pays off only where few neurons fire: below about 6 % at T of 5 to 10);
streams of integers up to k take ceil(log2(k T + 1)). A product of a weight with b bits takes at most b additions of it,
or one multiply-add where that is cheaper; where the network itself reads analog values, so does its twin. A shortcut is
read and added, a pool compares nine values; XOR has no counterpart, and is left out.

Recordings have no twin: run once, it would not see time. Its energies are NaN.
"""

from __future__ import annotations

import math

from xoresnet.energy.memory import ADD_PJ, Parts, dense_product, dense_read_out, ram_pj, written
from xoresnet.energy.work import Product, Work
from xoresnet.measures.figures import Energy

__all__ = ["twin_arithmetic", "twin_bits", "twin_memory"]

_FULL = 32
_USUAL = Energy()
_WINDOW = 9
"""Values of a pool's window."""


def twin_bits(timesteps: int) -> int:
    """The bits of an activation that can have T + 1 values.

    >>> [twin_bits(timesteps) for timesteps in (1, 2, 3, 4, 7, 8)]
    [1, 2, 2, 3, 3, 4]
    """
    return math.ceil(math.log2(timesteps + 1))


def twin_arithmetic(work: Work, energy: Energy = _USUAL) -> float:
    """The twin's multiply-adds and additions in picojoules, at the costs of the network's own operations."""
    if work.reads_recordings:
        return math.nan
    products = sum(product.conv.macs * _product_pj(product, work, energy) for product in work.products)
    additions = sum(work.shortcuts) + _WINDOW * sum(work.pooled)
    return products + energy.ac_pj * additions + energy.mac_pj * work.read_out.features * work.read_out.classes


def _product_pj(product: Product, work: Work, energy: Energy) -> float:
    return energy.mac_pj if product.macs else min(energy.mac_pj, _bits(product, work) * energy.ac_pj)


def _bits(product: Product, work: Work) -> int:
    return twin_bits(work.updates[0].steps * int(product.most))


def twin_memory(work: Work) -> Parts:
    """The twin by the model of `memory.py`: weights are read for each multiply-add, activations with fewer bits."""
    if work.reads_recordings:
        return Parts(operations=math.nan)
    bits, total = twin_bits(work.updates[0].steps), Parts()
    for product in work.products:
        conv = product.conv
        values = conv.out_channels * conv.out_size[0] * conv.out_size[1]
        total = total.plus(dense_product(product, runs=1, bits=_FULL if product.macs else _bits(product, work)))
        total = total.plus(written(values, conv.out_channels, bits=bits))
    for values in work.shortcuts:
        total = total.plus(Parts(operations=values * ADD_PJ, potentials=2 * values * ram_pj(values, bits)))
    for values in work.pooled:
        reads = _WINDOW * values
        total = total.plus(Parts(operations=reads * ADD_PJ, potentials=(reads + values) * ram_pj(values, bits)))
    last = work.products[-1].conv
    features = last.out_channels * last.out_size[0] * last.out_size[1]
    averages = Parts(operations=features * ADD_PJ, potentials=features * ram_pj(features, bits))
    return total.plus(averages).plus(dense_read_out(work.read_out))
