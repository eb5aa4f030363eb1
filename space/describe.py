"""The parameters of a space as rows: name, values, and the condition under which a sampler is asked for it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import NamedTuple

from xoresnet.space.domain import Choice, Domain, constant, is_constant
from xoresnet.space.space_fields import SpaceFields
from xoresnet.space.stages import Assignments, Skeleton

__all__ = ["Parameter", "parameters"]


class Parameter(NamedTuple):
    """One parameter of a space, or a constant."""

    name: str
    """The name that samplers see, such as `depth.basic` or `merge.0`."""
    domain: Domain
    condition: str
    """When a sampler is asked for it; empty for always and for constants."""


def parameters(space: SpaceFields) -> tuple[Parameter, ...]:
    """All parameters of a space, in the order in which `walk` asks for them."""
    several = len(space.depths) > 1
    rows = [Parameter("stem", space.stem, ""), Parameter("block", Choice(tuple(space.depths)), "")]
    for block, depths in space.depths.items():
        name, condition = (f"depth.{block}", f"block is {block}") if several else ("depth", "")
        rows.append(Parameter(name, Choice(depths), condition))
    rows += [Parameter("width", space.width, ""), Parameter("timesteps", space.timesteps, "")]
    rows += _stage_rows(space, "merge", space.merge.options, space.merge.per_stage, lambda s: s.merges(space.merge))
    rows += _stage_rows(space, "xor", space.xor.options, space.xor.per_stage, lambda s: s.xors(space.xor))
    rows += _rows("neuron", space.neuron, _NEURON_CONDITIONS)
    rows.append(Parameter("logic_gradient", space.logic_gradient, "any stage has OR or XOR"))
    rows += _rows("recipe", space.recipe, _RECIPE_CONDITIONS)
    return tuple(row._replace(condition="") if is_constant(row.domain) else row for row in rows)


_NEURON_CONDITIONS = {
    "tau": "neuron.kind is not if",
    "reset": "timesteps is more than 1",
    "detach_reset": "timesteps is more than 1",
}
_RECIPE_CONDITIONS = {
    "momentum": "recipe.optimizer is sgd",
    "warmup_epochs": "recipe.schedule is not one-cycle",
}


def _rows(part: str, domains: Mapping[str, Domain], conditions: Mapping[str, str]) -> list[Parameter]:
    return [Parameter(f"{part}.{name}", domain, conditions.get(name, "")) for name, domain in domains.items()]


def _stage_rows(
    space: SpaceFields, field: str, options: tuple[str, ...], per_stage: bool, assign: Callable[[Skeleton], Assignments]
) -> list[Parameter]:
    domain: Domain = Choice(options) if len(options) > 1 else constant(options[0])
    assigned = {skeleton: assign(skeleton) for skeleton in space.skeletons}
    if not per_stage:
        return [Parameter(field, domain, _where(space, [s for s, a in assigned.items() if a.matters()]))]
    most_stages = max(len(skeleton.rules) for skeleton in space.skeletons)
    return [
        Parameter(
            f"{field}.{stage}",
            domain,
            _where(space, [s for s, a in assigned.items() if stage < a.stages and a.matters(stage)]),
        )
        for stage in range(most_stages)
    ]


def _where(space: SpaceFields, skeletons: list[Skeleton]) -> str:
    """The condition that the network has the block and depth of one of these skeletons."""
    if len(skeletons) == len(space.skeletons):
        return ""
    if not skeletons:
        return "never: it has no effect in this space"
    depths: dict[str, list[int]] = {}
    for skeleton in skeletons:
        depths.setdefault(skeleton.block, [])
        if skeleton.depth not in depths[skeleton.block]:
            depths[skeleton.block].append(skeleton.depth)
    return " or ".join(f"{block} depth is {', '.join(map(str, numbers))}" for block, numbers in depths.items())
