"""`ArchSampler`: draws the architectures that a step of shared training trains."""

from __future__ import annotations

from collections.abc import Sequence
from random import Random
from typing import Literal, get_args

from xoresnet.description.arch import Arch
from xoresnet.description.layer_table import dense_macs
from xoresnet.errors import UsageError

__all__ = ["ArchSampler", "Sampling"]

Sampling = Literal["sandwich", "uniform"]


class ArchSampler:
    """Draws the architectures of one step from a list.

    `uniform`: all are equally likely. `sandwich`: one of those with the fewest dense multiply-adds, one of those with
    the most, and the others uniformly (Yu & Huang 2019, arXiv 1903.05134).
    """

    def __init__(self, archs: Sequence[Arch], sampling: Sampling, number: int) -> None:
        """number: architectures per step. Raises `UsageError` for an unknown sampling and for too small a number."""
        if sampling not in get_args(Sampling):
            raise UsageError(f"sampling must be 'sandwich' or 'uniform', got {sampling!r}")
        least = 3 if sampling == "sandwich" else 1
        if number < least:
            raise UsageError(f"archs_per_step must be at least {least} for {sampling} sampling, got {number}")
        self.archs, self.sampling, self.number = archs, sampling, number
        self._ends: list[list[Arch]] = []
        if sampling == "sandwich":
            costs = [dense_macs(arch) for arch in archs]
            for end in (min(costs), max(costs)):
                self._ends.append([arch for arch, cost in zip(archs, costs, strict=True) if cost == end])

    def __str__(self) -> str:
        return f"{self.sampling} {self.number}"

    def draw(self, rng: Random) -> list[Arch]:
        """The architectures of one step; some may be drawn more than once."""
        ends = [rng.choice(end) for end in self._ends]
        return ends + [rng.choice(self.archs) for _ in range(self.number - len(ends))]
