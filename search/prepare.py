"""`plan_search`: everything that a configuration names, found and checked before anything is written or run."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from xoresnet.data.load import DataSet, find_loader
from xoresnet.description.arch import Arch
from xoresnet.description.merge import find_merge
from xoresnet.description.recipe import Recipe
from xoresnet.errors import SpecError, UsageError
from xoresnet.search.config import SearchConfig
from xoresnet.search.loggers import check_loggers
from xoresnet.search.registry import make_pruner, make_sampler
from xoresnet.search.sources.warm_start import WarmStart, earlier_front
from xoresnet.search.study.storage import check_storage
from xoresnet.space.baseline_networks import baselines
from xoresnet.space.search_space import SearchSpace
from xoresnet.training.learning import check_recipe

__all__ = ["Progress", "SearchPlan", "full_recipe", "plan_search"]

Progress = Callable[[int, int], None]
"""Called with the number of images decoded so far and of all images, where a data set has to be decoded first."""


@dataclass(frozen=True)
class SearchPlan:
    """A search that can begin."""

    config: SearchConfig
    """Its space is for the images and classes of the data."""
    space: SearchSpace
    recipe: Recipe
    """How a trial is trained, except for the fields that the space varies."""
    data: DataSet
    earlier: tuple[WarmStart, ...]
    """Networks of an earlier run's front, which are tried first."""

    @property
    def baselines(self) -> dict[str, Arch]:
        """The known networks of the space by name; empty if the configuration excludes them."""
        return {} if self.config.baselines == "none" else baselines(self.space)

    @property
    def facts(self) -> dict[str, dict[str, Any]]:
        """What the tables of the run do not tell and its reports need: how many images and known networks there are."""
        splits = {"training_images": len(self.data.train), "validation_images": len(self.data.validation)}
        known = baselines(self.space).values()
        sizes = dict.fromkeys(f"width {arch.width} T={arch.timesteps}" for arch in known)
        return {
            "data": {"classes": self.data.num_classes, **splits},
            "space": {"known_networks": len(known), "known_sizes": " or ".join(sizes)},
        }


def plan_search(config: SearchConfig, *, begun: bool = False, progress: Progress | None = None) -> SearchPlan:
    """Load the data and find everything else that the configuration names; nothing is written.

    begun: whether the search continues; the networks of an earlier run are then in its study already. progress: silent
    by default. Raises `UsageError` (with `SpecError`), `DataError` for the data, and `RunError` for the storage and the
    earlier run.
    """
    check_storage(config.storage)
    check_loggers(config.loggers)
    data = config.data.load(progress=progress)
    space = config.search_space.for_images(data.input_shape, data.num_classes)
    recipe = full_recipe(config, space)
    check_recipe(recipe, data)
    if config.sampler is not None:
        make_sampler(config.sampler, config.seed)
    if config.pruner is not None:
        make_pruner(config.pruner, recipe.epochs, config.objectives)
    _check_merges(space)
    if space.size().networks == 0:
        raise UsageError(f"the space is empty: no network satisfies its constraints ({space.constraints})")
    earlier_run = None if begun else config.warm_start
    earlier = tuple(earlier_front(earlier_run, space)) if earlier_run is not None else ()
    return SearchPlan(config.replace(space=space.to_dict()), space, recipe, data, earlier)


def _check_merges(space: SearchSpace) -> None:
    """Raise `UsageError` for a merge of the user's that no network could be built with."""
    # torch, which describing a search does not need
    from xoresnet.network.spike_logic import find_operation

    for name in space.merge.options:
        operation = find_merge(name).operation
        if operation is not None:
            try:
                find_operation(operation)
            except UsageError as error:
                raise UsageError(f"space.arch.merge, {name}: {error}") from None


def full_recipe(config: SearchConfig, space: SearchSpace) -> Recipe:
    """The full-budget recipe; fields that the space varies take their first value, and epochs their largest.

    Values of the configuration for those fields are ignored, since they would have to agree with others that are never
    used. Raises `SpecError`.
    """
    varied = {name: domain.first for name, domain in space.recipe.items() if name != "epochs"}
    epochs = {} if config.epochs is None else {"epochs": config.epochs}
    if "epochs" in space.recipe:
        domain = space.recipe["epochs"]
        largest = domain.values or (getattr(domain, "high", None),)
        epochs = {"epochs": max(int(value) for value in largest if value is not None)}  # rungs are counted by it
    try:
        return find_loader(config.data.name).recipe.replace(
            **{**config.recipe, **varied, **epochs, "seed": config.seed}
        )
    except SpecError as error:
        raise SpecError(fault._replace(path=f"recipe.{fault.path}") for fault in error.faults) from None
