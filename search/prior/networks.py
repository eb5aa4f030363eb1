"""Which networks of a space are predicted: all, or those that an evolutionary search over the predictions asks for."""

from __future__ import annotations

from collections.abc import Generator, Mapping, Sequence
from random import Random
from typing import Any

import optuna
from optuna.samplers import NSGAIISampler
from optuna.trial import TrialState

from xoresnet.description.arch import Arch
from xoresnet.search.objective import Objective
from xoresnet.space.optuna_adapter import suggest
from xoresnet.space.search_space import SearchSpace

__all__ = ["is_listed", "sample_of", "to_predict"]

_POPULATION = 50
_MOST_ASKED = 4
"""How many networks the evolution may ask for per predicted one, because it asks for known ones ever more often."""
_SAMPLE = 4000
"""How many random networks represent a space that is too large to list."""


def is_listed(space: SearchSpace, limit: int) -> bool:
    """Whether a space is small enough to predict all its networks."""
    size = space.size()
    return not size.continuous and size.networks <= limit


def sample_of(space: SearchSpace, limit: int, seed: int) -> list[Arch]:
    """All networks of a space, or a random sample if there are more than the limit."""
    if is_listed(space, limit):
        return list(space.enumerate())
    rng = Random(seed)
    return [space.sample(rng) for _ in range(_SAMPLE)]


def to_predict(
    space: SearchSpace, objectives: Sequence[Objective], limit: int, seed: int
) -> Generator[list[Arch], Mapping[str, Mapping[str, Any]], None]:
    """A generator of networks to predict: it yields batches of new networks and is sent their predictions by `arch_id`.

    In a space with more than `limit` networks, NSGA-II (Deb et al. 2002) chooses them on the predicted objectives; with
    the same answers it asks for the same networks. Networks without a prediction count as failed.
    """
    if is_listed(space, limit):
        yield list(space.enumerate())
        return
    study = optuna.create_study(
        directions=[objective.optuna_direction for objective in objectives],
        sampler=NSGAIISampler(population_size=_POPULATION, seed=seed),
    )
    known: dict[str, Mapping[str, Any]] = {}
    asked: set[str] = set()
    for _ in range(max(1, _MOST_ASKED * limit // _POPULATION)):
        trials = [study.ask() for _ in range(_POPULATION)]
        archs = [suggest(trial, space)[0].canonical() for trial in trials]
        new = {arch.arch_id: arch for arch in archs if arch.arch_id not in asked and not space.exceeded(arch)}
        wanted = list(new.values())[: limit - len(asked)]
        if wanted:
            asked |= {arch.arch_id for arch in wanted}
            known |= yield wanted
        for trial, arch in zip(trials, archs, strict=True):
            figures = known.get(arch.arch_id)
            if figures is None:
                study.tell(trial, state=TrialState.FAIL)
            else:
                study.tell(trial, [float(figures[objective.metric]) for objective in objectives])
        if len(asked) >= limit:
            return
