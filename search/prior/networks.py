"""Which networks of a space are predicted: all, or those that an evolution on the predictions comes to."""

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
"""Networks that an evolution may come to for each that it predicts: it comes back to old ones ever more often."""
_SAMPLE = 4000


def is_listed(space: SearchSpace, limit: int) -> bool:
    """Whether all its networks can be predicted."""
    size = space.size()
    return not size.continuous and size.networks <= limit


def sample_of(space: SearchSpace, limit: int, seed: int) -> list[Arch]:
    """All its networks, or as many at random as stand for all."""
    if is_listed(space, limit):
        return list(space.enumerate())
    rng = Random(seed)
    return [space.sample(rng) for _ in range(_SAMPLE)]


def to_predict(
    space: SearchSpace, objectives: Sequence[Objective], limit: int, seed: int
) -> Generator[list[Arch], Mapping[str, Mapping[str, Any]], None]:
    """Yields networks that were not predicted yet, is sent what is predicted of them, by `arch_id`, and so on.

    Of a space with more than `limit` networks it takes what NSGA-II (Deb et al. 2002) asks for: the same again for the
    same answers. Networks without an answer count as failed.
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
