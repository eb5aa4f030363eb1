"""Networks and recipes as parameters of Optuna trials. This is the only file of the package that imports Optuna.

>>> import optuna
>>> from xoresnet.space import SearchSpace
>>> space = SearchSpace.preset("digits")
>>> study = optuna.create_study(sampler=optuna.samplers.RandomSampler(seed=0))
>>> arch, recipe = suggest(study.ask(), space)
>>> space.contains(arch)
True
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from optuna.distributions import (
    BaseDistribution,
    CategoricalDistribution,
    FloatDistribution,
    IntDistribution,
)
from optuna.trial import BaseTrial

from xoresnet.description.arch import Arch
from xoresnet.description.recipe import Recipe
from xoresnet.description.schema import nearest
from xoresnet.errors import Fault, SpecError
from xoresnet.space.domain import Choice, Domain, IntRange, Value, rejection, snapped
from xoresnet.space.space_fields import SpaceFields
from xoresnet.space.walk import walk

__all__ = ["distributions", "from_parameters", "suggest"]


def suggest(trial: BaseTrial, space: SpaceFields, recipe: Recipe | None = None) -> tuple[Arch, Recipe]:
    """Ask an Optuna trial for a network and a recipe, parameter by parameter (see `walk`).

    The network may exceed the constraints of the space. recipe: the values of the fields that the space does not vary.
    """

    def choose(name: str, domain: Domain) -> Value:
        value: Value
        if isinstance(domain, Choice):
            value = trial.suggest_categorical(name, domain.options)
        elif isinstance(domain, IntRange):
            value = trial.suggest_int(name, domain.low, domain.high, step=domain.step, log=domain.log)
        else:
            value = trial.suggest_float(name, domain.low, domain.high, step=domain.step, log=domain.log)
        return value

    return walk(space, choose, recipe)


def from_parameters(
    space: SpaceFields, parameters: Mapping[str, Any], recipe: Recipe | None = None
) -> tuple[Arch, Recipe]:
    """The network and the recipe of a trial's `params`; `parameters_of` is the inverse.

    recipe: the values of the fields that the space does not vary. Raises `SpecError` for a parameter that is missing,
    out of range or unknown.
    """
    used: set[str] = set()

    def choose(name: str, domain: Domain) -> Value:
        used.add(name)
        if name not in parameters:
            raise SpecError([Fault(name, "required, but missing")])
        value = snapped(domain, parameters[name])
        if value not in domain:
            raise SpecError([Fault(name, rejection(domain, value))])
        return value

    network_and_recipe = walk(space, choose, recipe)
    unknown = [name for name in parameters if name not in used]
    if unknown:
        raise SpecError([Fault(name, f"not a parameter of this network{nearest(name, used)}") for name in unknown])
    return network_and_recipe


def distributions(
    space: SpaceFields, parameters: Mapping[str, Any], recipe: Recipe | None = None
) -> dict[str, BaseDistribution]:
    """The distributions of a trial's `params`, as `optuna.trial.create_trial` expects them.

    Raises `SpecError` for a parameter that is missing, out of range or unknown.
    """
    by_name: dict[str, BaseDistribution] = {}

    def choose(name: str, domain: Domain) -> Value:
        by_name[name] = _distribution(domain)
        value: Value = parameters[name]
        return value

    from_parameters(space, parameters, recipe)
    walk(space, choose, recipe)
    return by_name


def _distribution(domain: Domain) -> BaseDistribution:
    if isinstance(domain, Choice):
        return CategoricalDistribution(domain.options)
    if isinstance(domain, IntRange):
        return IntDistribution(domain.low, domain.high, log=domain.log, step=domain.step)
    return FloatDistribution(domain.low, domain.high, log=domain.log, step=domain.step)
