"""The ReLU twin: the same layers, run once, whose activations have as many bits as T time steps can tell apart.

A neuron can fire 0 to T times, so ceil(log2(T + 1)) bits hold as much as its spikes do (Yan et al. 2024, arXiv
2409.08290, who find that a spiking network pays off only where few neurons fire: below about 6 % at T of 5 to 10). A
product of a weight with b bits takes at most b additions of it, or one multiply-add where that is cheaper; where the
network itself reads analog values, so does its twin.
"""

from __future__ import annotations

import math

from xoresnet.energy.memory import Parts, add_pj, dense_product, dense_read_out, ram_pj
from xoresnet.energy.work import Work
from xoresnet.measures.figures import Energy

__all__ = ["twin_arithmetic", "twin_bits", "twin_memory"]

_FULL = 32


def twin_bits(timesteps: int) -> int:
    """The bits of an activation that can have T + 1 values.

    >>> [twin_bits(timesteps) for timesteps in (1, 2, 3, 4, 7, 8)]
    [1, 2, 2, 3, 3, 4]
    """
    return math.ceil(math.log2(timesteps + 1))


def twin_arithmetic(work: Work, energy: Energy = Energy()) -> float:  # noqa: B008 (a named tuple)
    """The twin's multiply-adds in picojoules, at the costs of the network's own operations."""
    bits = twin_bits(work.updates[0].steps)
    each = min(energy.mac_pj, bits * energy.ac_pj)
    products = sum(product.conv.macs * (energy.mac_pj if product.macs else each) for product in work.products)
    return products + energy.mac_pj * work.read_out.features * work.read_out.classes


def twin_memory(work: Work) -> Parts:
    """The twin by the model of `memory.py`: weights are read for each multiply-add, activations with fewer bits."""
    bits, total = twin_bits(work.updates[0].steps), Parts()
    for product in work.products:
        total = total.plus(dense_product(product, runs=1, bits=_FULL if product.macs else bits))
    for updates in work.updates:
        written = updates.number * ram_pj(updates.number, bits)
        biases = Parts(operations=updates.number * add_pj, weights=updates.number * ram_pj(updates.channels))
        total = total.plus(biases._replace(potentials=written))
    averaged = work.products[-1].conv
    features = averaged.out_channels * averaged.out_size[0] * averaged.out_size[1]
    averages = Parts(operations=features * add_pj, potentials=features * ram_pj(features, bits))
    return total.plus(averages).plus(dense_read_out(work.read_out))
