"""The fields of a search space and its constraints: what every operation on a space works with."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from xoresnet.description.arch import Arch
from xoresnet.space.constraints import Constraints, Excess, excesses
from xoresnet.space.domain import Choice, Domain
from xoresnet.space.stages import Skeleton, StageDomain, skeleton

__all__ = ["SpaceFields"]


@dataclass(frozen=True)
class SpaceFields:
    """What each field of a network and of its training recipe may be; `read_space` checks the values."""

    input_shape: tuple[int, int, int]
    """Channels, height, width."""
    num_classes: int
    depths: Mapping[str, tuple[int, ...]]
    """For each block its depths."""
    merge: StageDomain
    xor: StageDomain
    neuron: Mapping[str, Domain]
    """By dotted field name, such as `tau` or `surrogate.kind`. Absent fields have the default of `NeuronSpec`."""
    stem: Choice
    width: Domain
    timesteps: Domain
    logic_gradient: Choice
    recipe: Mapping[str, Domain]
    """Fields of `Recipe` that the space varies; the search sets the others."""
    constraints: Constraints

    @property
    def blocks(self) -> tuple[str, ...]:
        return tuple(self.depths)

    @cached_property
    def skeletons(self) -> tuple[Skeleton, ...]:
        """All combinations of stem, block and depth."""
        return tuple(
            self.skeleton(str(stem), block, depth)
            for stem in self.stem.options
            for block, depths in self.depths.items()
            for depth in depths
        )

    def skeleton(self, stem: str, block: str, depth: int) -> Skeleton:
        return skeleton(stem, block, depth, self.merge.options)

    def exceeded(self, arch: Arch) -> tuple[Excess, ...]:
        """The constraints that a network exceeds; empty if it keeps to all of them."""
        return excesses(self.constraints, arch)

    def build(self, fields: Mapping[str, Any]) -> Arch:
        """The network with these fields for the images of this space.

        fields: `merge` and `xor` have one name per stage; equal names are reduced to one.
        """
        names = {key: fields[key][0] if len(set(fields[key])) == 1 else tuple(fields[key]) for key in ("merge", "xor")}
        return Arch(input_shape=self.input_shape, num_classes=self.num_classes, **{**fields, **names})
