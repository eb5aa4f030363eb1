"""`plan_search`: all that a configuration names, found and checked before anything is written or run."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

from xoresnet.data.load import find_loader
from xoresnet.description.arch import Arch
from xoresnet.description.recipe import Recipe
from xoresnet.errors import Fault, SpecError, UsageError
from xoresnet.search.config import SearchConfig
from xoresnet.search.prior.networks import sample_of
from xoresnet.search.prior.trainables import prediction_epochs
from xoresnet.search.sources.warm_start import WarmStart, earlier_front
from xoresnet.search.study.opening import check_storage, make_pruner, make_sampler
from xoresnet.shared.weights import groups_of
from xoresnet.space.baseline_networks import baselines
from xoresnet.space.search_space import SearchSpace

if TYPE_CHECKING:
    from xoresnet.data.load import DataSet

__all__ = ["PriorCost", "SearchPlan", "full_recipe", "plan_search"]


class PriorCost(NamedTuple):
    """Of training shared weights and asking them."""

    epochs: int
    """Of training one network."""
    trials: int
    """That this is taken for."""


@dataclass(frozen=True)
class SearchPlan:
    """A search that can begin."""

    config: SearchConfig
    """With the space for the images and classes of the data."""
    space: SearchSpace
    recipe: Recipe
    """With which a trial is trained, but for what the space varies."""
    data: DataSet
    earlier: tuple[WarmStart, ...]
    """What an earlier run found, to be tried first."""

    @property
    def shared_recipes(self) -> tuple[Recipe, ...]:
        """With which shared weights are trained, one for each set. Raises `SpecError`."""
        prior = self.config.prior
        try:
            recipe = self.recipe.replace(epochs=prior.epochs or -(-self.recipe.epochs // 2))
        except SpecError as error:
            raise SpecError(Fault("prior.epochs", fault.message) for fault in error.faults) from None
        return tuple(recipe.replace(seed=(self.config.seed + number) % 2**32) for number in range(prior.seeds))

    def prior_cost(self) -> PriorCost:
        """What shared weights will cost before the first trial. Raises `SpecError`."""
        prior = self.config.prior
        if prior.kind == "none":
            return PriorCost(0, 0)
        groups = groups_of(sample_of(self.space, prior.networks, self.config.seed))
        training = len(groups) * sum(recipe.epochs for recipe in self.shared_recipes)
        asked = prior.seeds * min(prior.networks, self.space.size().networks)
        epochs = training + asked * prediction_epochs(self.data)
        return PriorCost(math.ceil(epochs), math.ceil(epochs / self.recipe.epochs))

    @property
    def baselines(self) -> dict[str, Arch]:
        """By name, to be tried next."""
        return baselines(self.space) if self.config.baselines else {}


def plan_search(
    config: SearchConfig, *, begun: bool = False, progress: Callable[[int, int], None] | None = None
) -> SearchPlan:
    """Read the data, and find everything else. Raises `UsageError`, `SpecError`.

    begun: whether the search goes on; then the earlier run, if there was one, has done its part. progress: called with
    the numbers of images decoded and in all, where images are decoded.
    """
    check_storage(config.storage)
    data = config.data.load(progress=progress)
    space = config.search_space.for_images(data.input_shape, data.num_classes)
    recipe = full_recipe(config, space)
    make_sampler(config.sampler, config.seed)
    make_pruner(config.pruner, recipe.epochs, config.objectives)
    if space.size().networks == 0:
        raise UsageError("the space is empty: no network keeps within its constraints")
    wanted = None if begun else config.warm_start
    earlier = tuple(earlier_front(wanted, space)) if wanted is not None else ()
    plan = SearchPlan(config.replace(space=space.to_dict()), space, recipe, data, earlier)
    if not begun:
        _check_prior(plan)
    return plan


def _check_prior(plan: SearchPlan) -> None:
    cost, trials = plan.prior_cost(), plan.config.trials
    if cost.trials >= trials:
        raise UsageError(
            f"prior: shared weights cost as much as {cost.trials} {'trial' if cost.trials == 1 else 'trials'}, and "
            f"trials={trials}: raise it, lower prior.seeds or prior.epochs, or say prior=none"
        )


def full_recipe(config: SearchConfig, space: SearchSpace) -> Recipe:
    """With which a network is trained to its end; of what the space varies, the first values: others would have to go
    together with what is never used. Raises `SpecError`.
    """
    varied = {name: domain.first for name, domain in space.recipe.items() if name != "epochs"}
    epochs = {} if config.epochs is None else {"epochs": config.epochs}
    if "epochs" in space.recipe:
        domain = space.recipe["epochs"]
        most = domain.values or (getattr(domain, "high", None),)
        epochs = {"epochs": max(int(value) for value in most if value is not None)}  # by which rungs are counted
    try:
        return find_loader(config.data.name).recipe.replace(
            **{**config.recipe, **varied, **epochs, "seed": config.seed}
        )
    except SpecError as error:
        raise SpecError(fault._replace(path=f"recipe.{fault.path}") for fault in error.faults) from None
