"""Merges and XOR placements per stage: which names have the same meaning, and how many networks they describe."""

from __future__ import annotations

from collections import Counter
from collections.abc import Hashable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache, reduce
from itertools import product
from math import prod
from random import Random
from typing import NamedTuple

from xoresnet.description.arch import Arch
from xoresnet.description.canonical import StageRules, stage_rules
from xoresnet.description.hardware import HardwareUsage
from xoresnet.description.plan import BlockPlan, make_plan

__all__ = ["Assignments", "Feature", "Skeleton", "StageDomain", "Usages", "skeleton"]


@dataclass(frozen=True)
class StageDomain:
    """Names to choose from, either one for the whole network or one per stage."""

    options: tuple[str, ...]
    per_stage: bool = False

    def __str__(self) -> str:
        return ", ".join(self.options)


class Feature(NamedTuple):
    """What else depends on the chosen names."""

    neuron_layers: int
    """The number of spiking layers; each has a parameter of its own in `plif` networks."""
    logical: bool
    """Whether the form of the logical gradient has an effect."""
    usage: HardwareUsage = HardwareUsage()
    """The resources of hardware; zeros where no limit asks for them."""

    def plus(self, other: Feature) -> Feature:
        """Of both choices together."""
        neuron_layers, logical = self.neuron_layers + other.neuron_layers, self.logical or other.logical
        return Feature(neuron_layers, logical, self.usage.plus(other.usage))


Usages = Mapping[str, Sequence[HardwareUsage]]
"""By name, the resources that each stage uses with it."""


class _Option(NamedTuple):
    name: str
    meaning: Hashable
    feature: Feature


class Assignments:
    """All distinct ways to give every stage a name. Of several names with the same meaning, the first is used."""

    def __init__(self, stages: Sequence[Sequence[_Option]], *, per_stage: bool) -> None:
        """stages: for each stage all options, in the same order."""
        self._all, self.per_stage = stages, per_stage
        self._stages = [list({option.meaning: option for option in reversed(options)}.values()) for options in stages]
        for options in self._stages:
            options.reverse()
        rows = [tuple(column) for column in zip(*stages, strict=True)]  # the same name in all stages
        self._tied = list({tuple(o.meaning for o in row): row for row in reversed(rows)}.values())[::-1]

    def __len__(self) -> int:
        return prod(map(len, self._stages)) if self.per_stage else len(self._tied)

    def __iter__(self) -> Iterator[tuple[str, ...]]:
        rows = product(*self._stages) if self.per_stage else iter(self._tied)
        return (tuple(option.name for option in row) for row in rows)

    @property
    def stages(self) -> int:
        return len(self._stages)

    def draw(self, rng: Random) -> tuple[str, ...]:
        """Draw an assignment, each with equal probability."""
        row = [rng.choice(options) for options in self._stages] if self.per_stage else rng.choice(self._tied)
        return tuple(option.name for option in row)

    def draw_with(self, feature: Feature, rng: Random) -> tuple[str, ...]:
        """Draw one of the assignments with this feature, each with equal probability; there must be one."""
        if not self.per_stage:
            rows = [row for row in self._tied if _together(option.feature for option in row) == feature]
            return tuple(option.name for option in rng.choice(rows))
        before, names = Feature(0, False), []
        for options, after in zip(self._stages, self._profiles[1:], strict=True):
            weights = [
                sum(many for rest, many in after.items() if before.plus(option.feature).plus(rest) == feature)
                for option in options
            ]
            (chosen,) = rng.choices(options, weights)
            before = before.plus(chosen.feature)
            names.append(chosen.name)
        return tuple(names)

    def profile(self) -> Counter[Feature]:
        """The number of assignments with each feature."""
        if self.per_stage:
            return self._profiles[0]
        return Counter(_together(option.feature for option in row) for row in self._tied)

    @cached_property
    def _profiles(self) -> list[Counter[Feature]]:
        """For each stage the number of assignments of it and those after it with each feature; last, of no stage."""
        profiles = [Counter([Feature(0, False)])]
        for options in reversed(self._stages):
            joined: Counter[Feature] = Counter()
            for option, (rest, many) in product(options, profiles[0].items()):
                joined[option.feature.plus(rest)] += many
            profiles.insert(0, joined)
        return profiles

    def feature(self, names: Sequence[str]) -> Feature:
        """The feature of one assignment; `names` may contain any option of each stage."""
        return _together(
            [
                next(option.feature for option in options if option.name == name)
                for options, name in zip(self._all, names, strict=True)
            ]
        )

    def find(self, meanings: Sequence[Hashable]) -> tuple[str, ...] | None:
        """The assignment with these meanings, or None."""
        if not self.per_stage:
            rows = (row for row in self._tied if [option.meaning for option in row] == list(meanings))
            row = next(rows, None)
            return None if row is None else tuple(option.name for option in row)
        names = [
            next((option.name for option in options if option.meaning == meaning), None)
            for options, meaning in zip(self._stages, meanings, strict=True)
        ]
        return None if None in names else tuple(name for name in names if name is not None)

    def matters(self, stage: int | None = None) -> bool:
        """Whether the choice has an effect: in one stage, or, with None, if all stages have the same name."""
        return len(self._tied) > 1 if stage is None else len(self._stages[stage]) > 1


@dataclass(frozen=True, eq=False)
class Skeleton:
    """A stem, a block and a depth; together they determine what a merge or an XOR placement means in each stage."""

    stem: str
    block: str
    depth: int
    rules: tuple[StageRules, ...]
    _neurons: tuple[dict[str, int], ...]
    """For each stage the number of spiking layers by merge."""

    def merges(self, domain: StageDomain, usages: Usages | None = None) -> Assignments:
        return Assignments(
            [
                [_merge_option(rules, name, neurons[name], _of(usages, name, stage)) for name in domain.options]
                for stage, (rules, neurons) in enumerate(zip(self.rules, self._neurons, strict=True))
            ],
            per_stage=domain.per_stage,
        )

    def xors(self, domain: StageDomain, usages: Usages | None = None) -> Assignments:
        options = [
            [_xor_option(rules, name, _of(usages, name, stage)) for name in domain.options]
            for stage, rules in enumerate(self.rules)
        ]
        return Assignments(options, per_stage=domain.per_stage)


@lru_cache(maxsize=4096)
def skeleton(stem: str, block: str, depth: int, merges: tuple[str, ...]) -> Skeleton:
    """merges: the names of all merges that may occur."""
    fields = {"input_shape": (1, 8, 8), "num_classes": 2, "stem": stem, "block": block, "depth": depth}
    plans = {name: make_plan(Arch.from_dict({**fields, "merge": name})) for name in merges}
    plan = next(iter(plans.values()))
    neurons = tuple(
        {
            name: sum(map(_spiking_layers, plan.stages[stage])) + (plan.stem.neuron if stage == 0 else 0)
            for name, plan in plans.items()
        }
        for stage in range(len(plan.stages))
    )
    return Skeleton(stem, block, depth, stage_rules(plan), neurons)


def _of(usages: Usages | None, name: str, stage: int) -> HardwareUsage:
    return HardwareUsage() if usages is None else usages[name][stage]


def _merge_option(rules: StageRules, name: str, neuron_layers: int, usage: HardwareUsage) -> _Option:
    meaning = rules.merge(name)
    return _Option(name, meaning, Feature(neuron_layers, meaning.logical, usage))


def _xor_option(rules: StageRules, name: str, usage: HardwareUsage) -> _Option:
    meaning = rules.xor(name)
    return _Option(name, meaning, Feature(0, any(meaning), usage))


def _spiking_layers(block: BlockPlan) -> int:
    return block.neuron_in + len(block.convs) - 1 + block.neuron_shortcut + block.neuron_out


def _together(features: Iterable[Feature]) -> Feature:
    return reduce(Feature.plus, features, Feature(0, False))
