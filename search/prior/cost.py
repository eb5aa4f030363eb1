"""What shared weights cost, before any is trained: recipes, epochs, and the trials that they replace."""

from __future__ import annotations

import math
from typing import NamedTuple

from xoresnet.description.recipe import Recipe
from xoresnet.errors import Fault, SpecError, UsageError
from xoresnet.search.prepare import SearchPlan
from xoresnet.search.prior.networks import sample_of
from xoresnet.search.prior.trainables import prediction_epochs
from xoresnet.shared.weights import groups_of

__all__ = ["PriorCost", "check_prior", "prior_cost", "shared_recipes"]


class PriorCost(NamedTuple):
    """The cost of training shared weights and of predicting networks with them."""

    epochs: int
    """In epochs of training one network."""
    trials: int
    """In trials of the search, which the budget is reduced by."""


def shared_recipes(plan: SearchPlan) -> tuple[Recipe, ...]:
    """The recipe of each set of shared weights; they differ in their seed. Raises `SpecError`."""
    prior = plan.config.prior
    try:
        recipe = plan.recipe.replace(epochs=prior.epochs or -(-plan.recipe.epochs // 2))
    except SpecError as error:
        raise SpecError(Fault("prior.epochs", fault.message) for fault in error.faults) from None
    return tuple(recipe.replace(seed=(plan.config.seed + number) % 2**32) for number in range(prior.seeds))


def prior_cost(plan: SearchPlan) -> PriorCost:
    """What shared weights will cost before the first trial; nothing without a prior. Raises `SpecError`."""
    prior = plan.config.prior
    if prior.kind == "none":
        return PriorCost(0, 0)
    groups = groups_of(sample_of(plan.space, prior.networks, plan.config.seed))
    training = len(groups) * sum(recipe.epochs for recipe in shared_recipes(plan))
    predictions = prior.seeds * min(prior.networks, plan.space.size().networks)
    epochs = training + predictions * prediction_epochs(plan.data)
    return PriorCost(math.ceil(epochs), math.ceil(epochs / plan.recipe.epochs))


def check_prior(plan: SearchPlan) -> PriorCost:
    """The cost, if the budget leaves trials to run after it. Raises `UsageError`, `SpecError`."""
    cost, trials = prior_cost(plan), plan.config.trials
    if cost.trials >= trials:
        raise UsageError(
            f"prior: shared weights cost as much as {cost.trials} {'trial' if cost.trials == 1 else 'trials'}, but "
            f"trials={trials}: raise it, lower prior.seeds or prior.epochs, or set prior=none"
        )
    return cost
