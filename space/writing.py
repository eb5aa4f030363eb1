"""Turn a space into plain values, from which `read_space` creates an equal one."""

from __future__ import annotations

from dataclasses import fields
from typing import Any

from xoresnet.space.domain import Choice, Domain, IntRange
from xoresnet.space.space_fields import SpaceFields
from xoresnet.space.stages import StageDomain

__all__ = ["write_space"]


def write_space(space: SpaceFields) -> dict[str, Any]:
    """The mapping of a space as in its YAML file, with every field, including defaults."""
    arch: dict[str, Any] = {
        "input_shape": list(space.input_shape),
        "num_classes": space.num_classes,
        "stem": _domain(space.stem),
        "block": _one_or_list(list(space.depths)),
        "depth": {block: list(depths) for block, depths in space.depths.items()},
        "width": _domain(space.width),
        "merge": _stage_domain(space.merge),
        "xor": _stage_domain(space.xor),
        "timesteps": _domain(space.timesteps),
        "neuron": _neuron(space),
        "logic_gradient": _domain(space.logic_gradient),
    }
    written = ((field.name, getattr(space.constraints, field.name)) for field in fields(space.constraints))
    limits = {name: value for name, value in written if value is not None}
    recipe = {name: _domain(domain) for name, domain in space.recipe.items()}
    return {"arch": arch, "recipe": recipe, "constraints": limits}


def _neuron(space: SpaceFields) -> dict[str, Any]:
    neuron: dict[str, Any] = {}
    for name, domain in space.neuron.items():
        outer, _, inner = name.partition(".")
        if inner:
            neuron.setdefault(outer, {})[inner] = _domain(domain)
        else:
            neuron[name] = _domain(domain)
    return neuron


def _domain(domain: Domain) -> Any:
    if isinstance(domain, Choice):
        return _one_or_list(list(domain.options))
    bounds: dict[str, Any] = {"low": domain.low, "high": domain.high}
    if domain.step is not None and not (isinstance(domain, IntRange) and domain.step == 1):
        bounds["step"] = domain.step
    return {**bounds, "log": True} if domain.log else bounds


def _stage_domain(domain: StageDomain) -> Any:
    return {"per_stage": list(domain.options)} if domain.per_stage else _one_or_list(list(domain.options))


def _one_or_list(options: list[Any]) -> Any:
    return options[0] if len(options) == 1 else options
