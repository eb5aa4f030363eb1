"""Energy on a neuromorphic chip, by published figures for each operation.

Loihi (Davies et al. 2018, IEEE Micro 38(1), doi 10.1109/MM.2018.112130359): 23.6 pJ for a synaptic operation, 81 pJ for
the update of a neuron that is active and 52 pJ for one that is not, at each time step, and 1.7 pJ for a spike that
moves within a tile. Every value that a merge, an XOR or a pool computes takes a unit of its own, which counts as a
neuron with a synapse for each spike that it reads (`description/hardware.py`). The stem of images runs once and injects
its currents: each of its multiply-adds counts as a synaptic operation, and so do those of the read-out. Static power,
spikes between tiles and chips, and getting data in and out are not counted.

Intel has published no such figures for Loihi 2 that we could verify, so there is no model of it.
"""

from __future__ import annotations

from typing import NamedTuple

from xoresnet.energy.work import Work

__all__ = ["LOIHI", "Chip", "chip_energy"]


class Chip(NamedTuple):
    """Energy of one operation, in picojoules."""

    synop_pj: float
    active_update_pj: float
    """Of the update of a neuron that fires."""
    idle_update_pj: float
    """Of the update of one that does not."""
    spike_pj: float
    """Of moving a spike."""


LOIHI = Chip(synop_pj=23.6, active_update_pj=81.0, idle_update_pj=52.0, spike_pj=1.7)


def chip_energy(work: Work, chip: Chip) -> float:
    """The energy of one sample, in picojoules; NaN where the work is not known."""
    steps = work.updates[0].steps
    out = work.read_out
    synops = sum(product.synops + product.macs for product in work.products)
    synops += sum(exchange.events_in for exchange in work.exchanges) + out.events + out.features * out.classes
    spikes = sum(updates.spikes for updates in work.updates) + sum(exchange.events_out for exchange in work.exchanges)
    units = out.features + out.classes + sum(updates.number for updates in work.updates)
    units += sum(exchange.number for exchange in work.exchanges)
    active = min(spikes, units * steps)
    updates = active * chip.active_update_pj + (units * steps - active) * chip.idle_update_pj
    return synops * chip.synop_pj + updates + spikes * chip.spike_pj
