"""The figures that counting gives, and what operations cost. Imports no torch; how it counts: `spikes.py`."""

from __future__ import annotations

from typing import NamedTuple

__all__ = ["Energy", "LayerCounts"]


class Energy(NamedTuple):
    """What one operation costs, in picojoules: by default 32-bit floating point at 45 nm (Horowitz 2014, ISSCC)."""

    mac_pj: float = 4.6
    ac_pj: float = 0.9

    def pj(self, macs: float, synops: float) -> float:
        return self.mac_pj * macs + self.ac_pj * synops


class LayerCounts(NamedTuple):
    """The figures of one layer; figures that a kind of layer does not have are 0, its rate is NaN."""

    name: str
    kind: str
    """`neuron`, `conv`, `linear` or `block`."""
    spikes_per_sample: float
    stream_spikes_per_sample: float
    synops_per_sample: float
    macs_per_sample: float
    energy_pj_per_sample: float
    firing_rate: float
