"""How many CPU threads a network is worth."""

from __future__ import annotations

from xoresnet.description.arch import Arch
from xoresnet.description.layer_table import layer_table
from xoresnet.description.recipe import Recipe

__all__ = ["suitable_threads"]

_A_THREAD_IS_WORTH = 20e6
"""Multiply-adds of one layer for one batch, on average over a network's layers."""


def suitable_threads(arch: Arch, recipe: Recipe, available: int) -> int:
    """One for small networks, more for larger ones, at most those available.

    It follows from network and recipe, not from the clock, since sums may differ in their last bits with the number of
    threads. Threads wait for one another after every operation. On an idle machine that costs little; where other
    processes want the processors, each wait lasts until the system gives way, and a small network took forty times as
    long with two threads as with one (`docs/benchmarks.md`).
    """
    macs = [row.macs for row in layer_table(arch) if row.macs]
    work = sum(macs) / len(macs) * recipe.batch_size
    return min(available, max(1, int(work / _A_THREAD_IS_WORTH)))
