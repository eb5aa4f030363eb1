"""What shared weights cost, before any is trained."""

from __future__ import annotations

import math

from xoresnet.description.recipe import Recipe
from xoresnet.errors import Fault, SpecError, UsageError
from xoresnet.search.prepare import SearchPlan
from xoresnet.search.prior.networks import sample_of
from xoresnet.search.prior.trainables import prediction_epochs
from xoresnet.shared.weights import groups_of

__all__ = ["check_prior", "prior_cost", "shared_recipes"]


def shared_recipes(plan: SearchPlan) -> tuple[Recipe, ...]:
    """The recipe of each set of shared weights; they differ in their seed. Raises `SpecError`."""
    prior = plan.config.prior
    try:
        recipe = plan.recipe.replace(epochs=prior.epochs or -(-plan.recipe.epochs // 2))
    except SpecError as error:
        raise SpecError(Fault("prior.epochs", fault.message) for fault in error.faults) from None
    return tuple(recipe.replace(seed=(plan.config.seed + number) % 2**32) for number in range(prior.seeds))


def prior_cost(plan: SearchPlan) -> int:
    """The epochs that shared weights will cost before the first trial; 0 without a prior. Raises `SpecError`."""
    prior = plan.config.prior
    if prior.kind == "none":
        return 0
    groups = groups_of(sample_of(plan.space, prior.networks, plan.config.seed))
    training = len(groups) * sum(recipe.epochs for recipe in shared_recipes(plan))
    predictions = prior.seeds * min(prior.networks, plan.space.size().networks)
    return math.ceil(training + predictions * prediction_epochs(plan.data))


def check_prior(plan: SearchPlan) -> int:
    """The cost, if the budget leaves something to train after it. Raises `UsageError`, `SpecError`."""
    cost = prior_cost(plan)
    trainings = math.ceil(cost / plan.recipe.epochs)
    if trainings >= plan.config.budget:
        raise UsageError(
            f"prior: shared weights cost as much as {trainings} full {'training' if trainings == 1 else 'trainings'}, "
            f"but budget={plan.config.budget:g}: raise it, lower prior.seeds or prior.epochs, or set prior=none"
        )
    return cost
