"""What strategies have in common: what they are asked, what they answer, and where new networks come from."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple, Protocol

import numpy as np

from xoresnet.search.strategy.progress import Array, Flags, Key, Params, Progress, key_of

__all__ = ["Candidates", "Choice", "Limits", "Strategy", "affordable", "distinct", "permitted", "stream"]

_LEAST_TRIES = 200
"""How many networks are drawn at least before a space counts as exhausted."""


class Choice(NamedTuple):
    """What to train next: a stopped network, up to its next rung, or a new one, up to the first."""

    resume: int | None = None
    """The number of its trial."""
    open: Params | None = None
    """The parameters of the new network."""


class Limits(NamedTuple):
    """What may still be spent, in steps."""

    left: float = math.inf
    """On all networks, without what running ones have been promised."""
    known: float = math.inf
    """On known networks."""


class Candidates(Protocol):
    """Where new networks come from. All answers are functions of the arguments alone."""

    def random(self, seen: frozenset[Key], count: int, seed: int) -> Sequence[Params]:
        """Up to so many different networks that were not seen; empty if there are none left."""

    def mutants(self, parents: Sequence[Params], seen: frozenset[Key], count: int, seed: int) -> Sequence[Params]:
        """Up to so many different networks that were not seen, each a parent with one or two fields changed."""

    def known(self, seen: frozenset[Key]) -> Mapping[str, Params]:
        """The known networks that were not seen, by name."""


class Strategy(Protocol):
    """A rule that decides which network is trained next, and for how long."""

    @property
    def factor(self) -> int:
        """The ratio between successive rungs."""

    def choose(self, progress: Progress, candidates: Candidates, limits: Limits) -> Choice | None:
        """What to train next; None if nothing is left that could be completed within the limits.

        A function of its arguments alone: equal records lead to equal decisions.
        """

    def open(self, progress: Progress, candidates: Candidates, limits: Limits) -> Choice | None:
        """The same, where only a new network is an answer."""

    def first_rung(self, progress: Progress) -> int:
        """The first rung at which networks stop."""

    def by_promise(self, progress: Progress) -> Sequence[int]:
        """All rows, those that promise most first."""


def distinct(draw: Callable[[], Params], seen: frozenset[Key], count: int, tries: int) -> list[Params]:
    """Up to `count` different networks that were not seen, out of `tries` draws, or of 200 if that is more."""
    drawn: dict[Key, Params] = {}
    for _ in range(max(tries, _LEAST_TRIES)):
        params = draw()
        key = key_of(params)
        if key not in seen:
            drawn[key] = params
        if len(drawn) == count:
            break
    return list(drawn.values())


def stream(seed: int, progress: Progress) -> np.random.Generator:
    """Random numbers that depend on the seed and on the record, and on nothing else."""
    reports = int((progress.at + 1).sum())
    return np.random.default_rng([seed, len(progress), reports, int(progress.running.sum())])


def affordable(progress: Progress, limits: Limits) -> Flags:
    """`[n]`: stopped networks that could be completed within the limits."""
    costs: Array = progress.remaining
    within = progress.resumable & (costs > 0) & (costs <= limits.left)
    return within & (~progress.known | (costs <= limits.known))


def permitted(drawn: Sequence[Params], candidates: Candidates, epochs: int, limits: Limits) -> list[Params]:
    """Those of the drawn networks that may begin: no known ones once these have had their share."""
    if epochs <= limits.known:
        return list(drawn)
    known = {key_of(params) for params in candidates.known(frozenset()).values()}
    return [params for params in drawn if key_of(params) not in known]
