"""Chooses the number of CPU threads for training a network."""

from __future__ import annotations

from xoresnet.description.arch import Arch
from xoresnet.description.layer_table import layer_table
from xoresnet.description.recipe import Recipe

__all__ = ["suitable_threads"]

_MACS_PER_THREAD = 20e6
"""Multiply-adds of one layer for one batch, on average over the layers, that make one more thread worthwhile."""


def suitable_threads(arch: Arch, recipe: Recipe, available: int) -> int:
    """One thread for small networks, more for larger ones, at most `available`.

    The number depends on network and recipe, not on a measurement, because the last bits of sums may differ with the
    number of threads. Threads wait for one another after every operation. On an idle machine that costs little; if
    other processes use the processors, each wait lasts until the system schedules the thread, and a small network took
    forty times as long with two threads as with one (`docs/benchmarks.md`).
    """
    macs = [row.macs for row in layer_table(arch) if row.macs]
    work = sum(macs) / len(macs) * recipe.batch_size
    return min(available, max(1, int(work / _MACS_PER_THREAD)))
