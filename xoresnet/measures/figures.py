"""Counts of one layer and the energy of operations. Imports no torch; `network/count_spikes.py` does the counting."""

from __future__ import annotations

import math
from typing import NamedTuple

__all__ = ["Energy", "LayerCounts"]


class Energy(NamedTuple):
    """The energy of one operation in picojoules; by default for 32-bit floating point at 45 nm (Horowitz 2014)."""

    mac_pj: float = 4.6
    """Of a multiply-add."""
    ac_pj: float = 0.9
    """Of an addition, which is what a synaptic operation costs."""

    def pj(self, macs: float, synops: float) -> float:
        """The energy of multiply-adds and synaptic operations, in picojoules."""
        return self.mac_pj * macs + self.ac_pj * synops


class LayerCounts(NamedTuple):
    """The counts of one layer. Counts that do not apply to its kind are 0; a firing rate that does not apply is NaN."""

    name: str
    kind: str
    """`neuron`, `conv`, `linear` or `block`."""
    spikes_per_sample: float
    stream_spikes_per_sample: float
    synops_per_sample: float
    macs_per_sample: float
    energy_pj_per_sample: float
    firing_rate: float
    input_spikes_per_sample: float = math.nan
    """Spikes that a convolution or linear layer reads; NaN in records of versions that did not count them."""
