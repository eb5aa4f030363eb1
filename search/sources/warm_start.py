"""The front of an earlier run, as networks of another space."""

from __future__ import annotations

from typing import NamedTuple

from xoresnet.description.arch import Arch
from xoresnet.description.recipe import Recipe
from xoresnet.description.user_code import names_only
from xoresnet.errors import NoRunError, RunError
from xoresnet.search.folders.mirror import copied
from xoresnet.search.study.front import front_of
from xoresnet.search.study.opening import read_search
from xoresnet.space.search_space import SearchSpace

__all__ = ["WarmStart", "earlier_front"]


class WarmStart(NamedTuple):
    """A network of an earlier front, and the recipe it was trained with."""

    name: str
    arch: Arch
    recipe: Recipe


def earlier_front(run: str, space: SearchSpace) -> list[WarmStart]:
    """The networks on a run's front that are in this space, with its input shape and classes, in the front's order.

    run: a folder or a URL. Raises `RunError` if it holds no search, or no network of its front is in the space.
    """
    try:
        with copied(run) as folder:
            front, earlier = _front(run, str(folder))
    except RunError as error:
        kind = NoRunError if isinstance(error, NoRunError) else RunError
        raise kind(f"warm_start: {error}") from None
    starts = []
    for start in earlier:
        arch = start.arch.replace(input_shape=space.input_shape, num_classes=space.num_classes)
        if space.contains(arch):
            starts.append(start._replace(arch=arch))
    if not starts:
        raise RunError(f"warm_start: none of the {front} networks on the front of {run} is in this space")
    return starts


def _front(run: str, place: str) -> tuple[int, list[WarmStart]]:
    """How many networks the front has, and those networks. place: the folder of the run, or a copy of it."""
    with names_only(run):  # its sampler and pruner play no part here
        folder, _, study, fault = read_search(place)
    if fault:
        raise RunError(fault)
    front = front_of(study)
    try:
        with names_only(run) as named:  # names in the space that is searched are imported already
            earlier = [WarmStart(f"{folder.path.name}:{trial.number}", trial.arch, trial.recipe) for trial in front]
        named.refuse()
    except RunError as error:
        raise RunError(f"{run}: {error}") from None
    return len(front), earlier
