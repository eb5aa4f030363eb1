"""Counting, sampling and enumerating the networks of a space.

A cell contains the networks that share stem, block, depth, width, time steps and neuron. The remaining fields, merges,
XOR placements and the form of the logical gradient, are counted by multiplying over stages. The time to count a space
therefore grows with its number of cells, not with its number of networks; limits of hardware add a count of the
combinations that differ in what they use, for every width.
"""

from __future__ import annotations

from bisect import bisect_right
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from itertools import accumulate, product
from random import Random
from typing import Any, NamedTuple

from xoresnet.description.arch import Arch
from xoresnet.description.hardware import HardwareUsage, hardware_layers, hardware_usage
from xoresnet.description.layer_table import dense_macs, params_count
from xoresnet.description.neuron_spec import neuron_params_count
from xoresnet.errors import UsageError
from xoresnet.space.constraints import Constraints
from xoresnet.space.neurons import Variant, variants
from xoresnet.space.space_fields import SpaceFields
from xoresnet.space.stages import Assignments, Feature, Skeleton, Usages

__all__ = ["Cells", "Size"]

_DRAWS = 50
"""How often a combination is drawn before those within the limits are listed."""


class Size(NamedTuple):
    """The size of a space. Fields with infinitely many values (`continuous`) count as one value each."""

    networks: int
    """Distinct networks that keep to the constraints."""
    excluded: int
    """Distinct networks that exceed the constraints."""
    descriptions: int
    """All combinations of field values; many describe the same network."""
    continuous: tuple[str, ...]
    """The fields with infinitely many values."""
    params_range: tuple[int, int]
    """Fewest and most parameters of the networks that keep to the constraints; (0, 0) if there are none."""
    macs_range: tuple[int, int]
    """Fewest and most dense multiply-accumulates per sample, in the same way."""

    @property
    def duplicate_share(self) -> float:
        """The share of descriptions whose network has another, earlier description."""
        return 1 - (self.networks + self.excluded) / self.descriptions

    @property
    def excluded_share(self) -> float:
        """The share of networks that exceed the constraints."""
        return self.excluded / (self.networks + self.excluded)


_Family = tuple[Skeleton, int | None]
"""What the features of merges and placements depend on: a skeleton, and its width where hardware is limited."""
_Kind = tuple[int, bool]
"""What cells of a family still tell apart: the number of spiking layers, and whether the logical gradient matters."""


class _Pair(NamedTuple):
    """Assignments of one feature with placements of another."""

    merge: Feature
    xor: Feature
    number: int
    joint: Feature


@dataclass(frozen=True)
class _Combinations:
    """The merges and XOR placements of a family."""

    merges: Assignments
    xors: Assignments
    constraints: Constraints

    @property
    def pairs(self) -> Iterator[_Pair]:
        """All pairs of features."""
        for (merge, many), (xor, more) in product(self.merges.profile().items(), self.xors.profile().items()):
            yield _Pair(merge, xor, many * more, merge.plus(xor))

    @cached_property
    def counts(self) -> tuple[dict[_Kind, int], dict[_Kind, int]]:
        """The number of combinations of each kind: of all, and of those that the limits of hardware allow."""
        total: Counter[_Kind] = Counter()
        allowed: Counter[_Kind] = Counter()
        for pair in self.pairs:
            kind = (pair.joint.neuron_layers, pair.joint.logical)
            total[kind] += pair.number
            if self.constraints.allow(pair.joint.usage):
                allowed[kind] += pair.number
        return total, allowed

    @cached_property
    def allowed_pairs(self) -> list[_Pair]:
        return [pair for pair in self.pairs if self.constraints.allow(pair.joint.usage)]


@dataclass(frozen=True)
class _Cell:
    skeleton: Skeleton
    width: int
    timesteps: int
    neuron: Variant
    params: int
    """Without the parameters of neurons."""
    macs: int
    family: _Family


class Cells:
    """All cells of a space, computed once and used for every draw."""

    def __init__(self, space: SpaceFields) -> None:
        self._space = space
        self._gradients = space.logic_gradient.options

    def size(self) -> Size:
        params: list[int] = []
        macs: list[int] = []
        total = 0
        for cell, count, (fewest, most) in zip(self._cells, self._counts, self._neuron_ranges, strict=True):
            total += self._count(cell, limited=False)
            if count:
                params += (cell.params + fewest, cell.params + most)
                macs.append(cell.macs)
        networks = sum(self._counts)
        return Size(
            networks,
            total - networks,
            self._descriptions(),
            self._continuous,
            (min(params, default=0), max(params, default=0)),
            (min(macs, default=0), max(macs, default=0)),
        )

    def draw(self, rng: Random) -> Arch:
        if not self._totals or not self._totals[-1]:
            constraints = self._space.constraints
            raise UsageError(f"the space is empty: no network satisfies its constraints ({constraints})")
        cell = self._cells[bisect_right(self._totals, rng.randrange(self._totals[-1]))]
        both = self._combinations[cell.family]
        merges, xors = both.merges, both.xors
        for _ in range(_DRAWS):
            merge, xor = merges.draw(rng), xors.draw(rng)
            feature = merges.feature(merge).plus(xors.feature(xor))
            # networks without a logical gradient count once, not once per form of it: draw them less often
            if self._within(cell, feature) and (feature.logical or rng.randrange(len(self._gradients)) == 0):
                break
        else:  # few are within the limits
            pairs = [pair for pair in both.allowed_pairs if self._within(cell, pair.joint)]
            weights = [pair.number * (len(self._gradients) if pair.joint.logical else 1) for pair in pairs]
            (pair,) = rng.choices(pairs, weights)
            merge, xor = merges.draw_with(pair.merge, rng), xors.draw_with(pair.xor, rng)
            feature = pair.joint
        gradient = rng.choice(self._gradients) if feature.logical else self._gradients[0]
        return self._build(cell, merge, xor, gradient, cell.neuron.draw(rng))

    def enumerate(self) -> Iterator[Arch]:
        if self._continuous:
            names = ", ".join(self._continuous)
            raise UsageError(f"a space with infinitely many values of {names} cannot be enumerated")
        rng = Random()  # unused: no field is left to draw
        for cell in self._cells:
            merges, xors = self._combinations[cell.family].merges, self._combinations[cell.family].xors
            for merge, xor in product(merges, xors):
                feature = merges.feature(merge).plus(xors.feature(xor))
                if self._within(cell, feature):
                    for gradient in self._gradients if feature.logical else self._gradients[:1]:
                        yield self._build(cell, merge, xor, gradient, cell.neuron.draw(rng))

    @cached_property
    def _cells(self) -> list[_Cell]:
        space = self._space
        cells: list[_Cell] = []
        neurons = {steps: variants(space.neuron, steps) for steps in _values(space.timesteps)}
        for skeleton in space.skeletons:
            for width in _values(space.width):
                params, constant, per_step = self._cost(skeleton, width)
                family = (skeleton, width if space.constraints.hardware_limits else None)
                cells += [
                    _Cell(skeleton, width, steps, neuron, params, constant + steps * per_step, family)
                    for steps in _values(space.timesteps)
                    for neuron in neurons[steps]
                ]
        return cells

    @cached_property
    def _continuous(self) -> tuple[str, ...]:
        return tuple(sorted({f"neuron.{name}" for cell in self._cells for name in cell.neuron.continuous}))

    @cached_property
    def _counts(self) -> list[int]:
        return [self._count(cell, limited=True) for cell in self._cells]

    @cached_property
    def _totals(self) -> list[int]:
        return list(accumulate(self._counts))

    @cached_property
    def _neuron_ranges(self) -> list[tuple[int, int]]:
        """For each cell the fewest and the most neuron parameters."""
        ranges = []
        for cell in self._cells:
            _, allowed = self._combinations[cell.family].counts
            numbers = [layers for layers, _ in allowed if self._affords(cell, layers)]
            each = neuron_params_count(cell.neuron.kind)
            ranges.append((each * min(numbers), each * max(numbers)) if numbers else (0, 0))
        return ranges

    @cached_property
    def _combinations(self) -> dict[_Family, _Combinations]:
        """By family; families that share a skeleton differ in width."""
        families = dict.fromkeys(cell.family for cell in self._cells)
        return {family: _Combinations(*self._assign(*family), self._space.constraints) for family in families}

    def _assign(self, skeleton: Skeleton, width: int | None) -> tuple[Assignments, Assignments]:
        space = self._space
        if width is None:
            return skeleton.merges(space.merge), skeleton.xors(space.xor)
        merges, xors = self._usages(skeleton, width)
        return skeleton.merges(space.merge, merges), skeleton.xors(space.xor, xors)

    def _usages(self, skeleton: Skeleton, width: int) -> tuple[Usages, Usages]:
        """The resources that each stage uses with each merge, and besides with each placement of XOR."""
        space = self._space
        fields = {"stem": skeleton.stem, "block": skeleton.block, "depth": skeleton.depth, "width": width}
        first_merge, first_xor = space.merge.options[0], space.xor.options[0]

        def usages(merge: str, xor: str, *, of_xor: bool) -> list[HardwareUsage]:
            layers = hardware_layers(space.build({**fields, "merge": (merge,), "xor": (xor,), "timesteps": 1}))
            chosen = [layer for layer in layers if layer.is_xor == of_xor]
            stages = range(len(skeleton.rules))
            parts = ([layer for layer in chosen if layer.stage(len(stages)) == stage] for stage in stages)
            return [space.constraints.relevant(hardware_usage(part)) for part in parts]

        merges = {name: usages(name, first_xor, of_xor=False) for name in space.merge.options}
        return merges, {name: usages(first_merge, name, of_xor=True) for name in space.xor.options}

    def _count(self, cell: _Cell, *, limited: bool) -> int:
        total, allowed = self._combinations[cell.family].counts
        return sum(
            number * (len(self._gradients) if logical else 1)
            for (layers, logical), number in (allowed if limited else total).items()
            if not limited or self._affords(cell, layers)
        )

    def _within(self, cell: _Cell, feature: Feature) -> bool:
        return self._affords(cell, feature.neuron_layers) and self._space.constraints.allow(feature.usage)

    def _affords(self, cell: _Cell, neuron_layers: int) -> bool:
        """Whether a cell with so many spiking layers keeps to the limits that are none of hardware."""
        params = cell.params + neuron_layers * neuron_params_count(cell.neuron.kind)
        return self._space.constraints.afford(params, cell.macs)

    def _descriptions(self) -> int:
        space = self._space
        neurons = 1
        for domain in space.neuron.values():
            neurons *= len(domain.values or (None,))
        shared = len(_values(space.width)) * len(_values(space.timesteps)) * neurons * len(self._gradients)
        return sum(
            shared
            * _described(space.merge.options, space.merge.per_stage, len(skeleton.rules))
            * _described(space.xor.options, space.xor.per_stage, len(skeleton.rules))
            for skeleton in space.skeletons
        )

    def _cost(self, skeleton: Skeleton, width: int) -> tuple[int, int, int]:
        """Parameters, multiply-accumulates independent of the time steps, and multiply-accumulates per time step."""
        names = {key: (getattr(self._space, key).options[0],) for key in ("merge", "xor")}
        fields = {
            "stem": skeleton.stem,
            "block": skeleton.block,
            "depth": skeleton.depth,
            "width": width,
            **names,
        }
        arch = self._space.build({**fields, "timesteps": 1})
        macs_of_one_step, macs_of_two_steps = dense_macs(arch), dense_macs(arch.replace(timesteps=2))
        per_step = macs_of_two_steps - macs_of_one_step
        return params_count(arch), macs_of_one_step - per_step, per_step

    def _build(
        self, cell: _Cell, merge: tuple[str, ...], xor: tuple[str, ...], gradient: object, neuron: dict[str, Any]
    ) -> Arch:
        skeleton = cell.skeleton
        return self._space.build(
            {
                "stem": skeleton.stem,
                "block": skeleton.block,
                "depth": skeleton.depth,
                "width": cell.width,
                "merge": merge,
                "xor": xor,
                "timesteps": cell.timesteps,
                "neuron": neuron,
                "logic_gradient": gradient,
            }
        )


def _values(domain: Any) -> tuple[int, ...]:
    return tuple(domain.values)


def _described(options: tuple[str, ...], per_stage: bool, stages: int) -> int:
    return len(options) ** stages if per_stage else len(options)
