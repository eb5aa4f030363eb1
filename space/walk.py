"""Choose a network parameter by parameter, as define-by-run samplers do.

`walk` asks for one value after another, and only for values that have an effect: a depth of the chosen block, XOR where
a block can take it, a time constant if the neuron has one. A parameter of a given name always has the same range, so
that samplers can learn from it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from xoresnet.description.arch import Arch
from xoresnet.description.canonical import canonical_neuron
from xoresnet.description.neuron_spec import NeuronSpec
from xoresnet.description.recipe import Recipe
from xoresnet.errors import Fault, SpecError
from xoresnet.space.domain import Choice, Domain, Value, rejection, snapped
from xoresnet.space.locate import locate
from xoresnet.space.neurons import neuron_fields
from xoresnet.space.space_fields import SpaceFields
from xoresnet.space.stages import Assignments, StageDomain

__all__ = ["Chooser", "parameters_of", "walk"]

Chooser = Callable[[str, Domain], Value]
"""Chooses a value from the domain of the named parameter."""


def walk(space: SpaceFields, choose: Chooser, recipe: Recipe | None = None) -> tuple[Arch, Recipe]:
    """Choose a network and a recipe. The network may exceed the constraints of the space.

    choose: is not called for constants. recipe: the values of the fields that the space does not vary.
    """

    def ask(name: str, domain: Domain) -> Value:
        values = domain.values
        return values[0] if values is not None and len(values) == 1 else snapped(domain, choose(name, domain))

    stem, block = ask("stem", space.stem), str(ask("block", Choice(space.blocks)))
    depth = ask(depth_name(space, block), Choice(space.depths[block]))
    fields: dict[str, Any] = {"stem": stem, "block": block, "depth": depth}
    skeleton = space.skeleton(str(stem), block, int(str(depth)))
    fields["width"] = ask("width", space.width)
    fields["timesteps"] = ask("timesteps", space.timesteps)
    merges, xors = skeleton.merges(space.merge), skeleton.xors(space.xor)
    fields["merge"] = _names(ask, "merge", space.merge, merges)
    fields["xor"] = _names(ask, "xor", space.xor, xors)
    logical = merges.feature(fields["merge"]).logical or xors.feature(fields["xor"]).logical
    fields["neuron"] = neuron_fields(_neuron(ask, space, int(fields["timesteps"])))
    first_gradient = space.logic_gradient.options[0]
    fields["logic_gradient"] = ask("logic_gradient", space.logic_gradient) if logical else first_gradient
    return space.build(fields), _recipe(ask, space, recipe or Recipe())


def parameters_of(space: SpaceFields, arch: Arch, recipe: Recipe | None = None) -> dict[str, Value]:
    """The parameters for which `walk` returns this network and recipe, for example to enqueue them as an Optuna trial.

    recipe: None leaves out the parameters of the recipe. Raises `SpecError` if the network or the recipe is not in the
    space.
    """
    located = locate(space, arch)
    if not isinstance(located, Arch):
        raise SpecError(located)
    for name, domain in space.recipe.items() if recipe is not None else ():
        value = getattr(recipe, name)
        if value not in domain and not _without_effect(name, dict(recipe or ())):
            raise SpecError([Fault(f"recipe.{name}", rejection(domain, value))])
    known = _flat(space, located)
    known |= {f"recipe.{name}": value for name, value in recipe or ()}
    asked: dict[str, Value] = {}

    def read(name: str, domain: Domain) -> Value:
        if recipe is None and name.startswith("recipe."):
            return domain.first
        if known[name] not in domain:
            raise SpecError([Fault(name, rejection(domain, known[name]))])
        asked[name] = known[name]
        return known[name]

    walk(space, read, recipe)
    return asked


def depth_name(space: SpaceFields, block: str) -> str:
    """The name of the parameter for the depth; with several blocks, each has a parameter of its own."""
    return f"depth.{block}" if len(space.depths) > 1 else "depth"


def _names(ask: Chooser, field: str, domain: StageDomain, assignments: Assignments) -> tuple[str, ...]:
    options, stages = Choice(domain.options), assignments.stages
    if not domain.per_stage:
        name = ask(field, options) if assignments.matters() else domain.options[0]
        return (str(name),) * stages
    return tuple(
        str(ask(f"{field}.{stage}", options)) if assignments.matters(stage) else domain.options[0]
        for stage in range(stages)
    )


def _neuron(ask: Chooser, space: SpaceFields, timesteps: int) -> dict[str, Any]:
    chosen: dict[str, Any] = {}
    for name, domain in space.neuron.items():  # in the order of NEURON_FIELDS: the kind comes first
        if name == "tau":
            matters = chosen["kind"] != "if"
        else:
            so_far = NeuronSpec.from_dict(neuron_fields(chosen))
            matters = name == "kind" or name not in canonical_neuron(so_far, timesteps)
        chosen[name] = ask(f"neuron.{name}", domain) if matters else domain.first
    return chosen


def _recipe(ask: Chooser, space: SpaceFields, recipe: Recipe) -> Recipe:
    chosen: dict[str, Value] = {}
    for name in Recipe.model_fields:
        if name in space.recipe and not _without_effect(name, {**dict(recipe), **chosen}):
            chosen[name] = ask(f"recipe.{name}", space.recipe[name])
    if chosen.get("schedule") == "one-cycle":
        chosen["warmup_epochs"] = 0.0
    return recipe.replace(**chosen)


def _without_effect(name: str, recipe: Mapping[str, Value]) -> bool:
    """Only SGD has a momentum, and a one-cycle schedule has its own warm-up."""
    if name == "momentum":
        return recipe["optimizer"] != "sgd"
    return name == "warmup_epochs" and recipe["schedule"] == "one-cycle"


def _flat(space: SpaceFields, arch: Arch) -> dict[str, Value]:
    neuron = arch.neuron.model_dump()
    surrogate = neuron.pop("surrogate")
    values: dict[str, Value] = {f"neuron.{name}": value for name, value in neuron.items()}
    values |= {f"neuron.surrogate.{name}": value for name, value in surrogate.items()}
    values |= {name: getattr(arch, name) for name in ("stem", "block", "width", "timesteps", "logic_gradient")}
    values[depth_name(space, arch.block)] = arch.depth
    for field, names, domain in (("merge", arch.stage_merges, space.merge), ("xor", arch.stage_xors, space.xor)):
        if domain.per_stage:
            values |= {f"{field}.{stage}": name for stage, name in enumerate(names)}
        else:
            values[field] = names[0]
    return values
