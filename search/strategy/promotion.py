"""`Promotion`: MO-ASHA in its promoting form, without a model.

Rungs are 1, 2, 4, ... steps. From the deepest rung down, a stopped network that is among the best half of all that have
reached its rung goes on to the next; if there is none, a new network begins: a mutant of the best ones, or a random
one. Networks are ordered as in `ParetoPruner`: by non-dominated rank, spread over the last front that does not fit in
(Schmucker et al. 2021, arXiv 2106.12639). Dead networks come last. In a space that is exhausted the best that remain
go on.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from xoresnet.search.pruning.ranking import best_rows
from xoresnet.search.strategy.base import Candidates, Choice, Limits, affordable, permitted, stream
from xoresnet.search.strategy.dead import Chance, first_rung, hopeless
from xoresnet.search.strategy.progress import Array, Flags, Params, Progress, Rows
from xoresnet.search.strategy.scales import Scales

__all__ = ["Promotion", "new_network", "promoted"]

_MUTANTS = 0.8
"""The share of new networks that are mutants, once there are enough to choose parents from."""
_SEVERAL = 4
"""How many networks are drawn for one that is wanted where some may be known ones that have had their share."""
_FIRST, _PARENTS = 16, 4
"""Networks that are drawn at random before any is a mutant; how many a rung must have to give parents."""


class Promotion:
    """Promotes the best half of each rung; the head of this file states the rule."""

    factor = 2

    def __init__(self, seed: int, chance: Chance | None = None) -> None:
        """chance: of the objective that is an accuracy; None for no dead rule."""
        self._seed, self._chance = seed, chance

    def choose(self, progress: Progress, candidates: Candidates, limits: Limits) -> Choice | None:
        scales = Scales.of(progress)
        dead = hopeless(progress, self._chance, scales.unit(self._chance))
        row = promoted(progress, dead, affordable(progress, limits), self.factor)
        if row is None:
            opened = new_network(progress, dead, candidates, limits, self._seed)
            if opened is not None:
                return opened
            row = best_left(progress, dead, affordable(progress, limits))
        return None if row is None else Choice(resume=int(progress.numbers[row]))

    def open(self, progress: Progress, candidates: Candidates, limits: Limits) -> Choice | None:
        dead = hopeless(progress, self._chance, Scales.of(progress).unit(self._chance))
        return new_network(progress, dead, candidates, limits, self._seed)

    def first_rung(self, progress: Progress) -> int:
        return first_rung(progress, self._chance, Scales.of(progress).unit(self._chance))

    def by_promise(self, progress: Progress) -> Sequence[int]:
        dead = hopeless(progress, self._chance, Scales.of(progress).unit(self._chance))
        order: list[int] = []
        for rung in range(len(progress.rungs) - 1, -2, -1):
            rows = np.flatnonzero(progress.at == rung)
            hope = rows[~dead[rows]]
            order += _best(progress, hope, dead, max(rung, 0), len(hope)) if len(hope) else []
        return [*order, *np.flatnonzero(~np.isin(np.arange(len(progress)), order)).tolist()]


def promoted(progress: Progress, dead: Flags, may_go_on: Flags, factor: int) -> int | None:
    """The row of the network to promote, from the deepest rung down; None if no rung has an unpromoted best one."""
    for rung in range(len(progress.rungs) - 2, -1, -1):
        here = may_go_on & (progress.at == rung)
        reached = np.flatnonzero(progress.at >= rung)
        places = len(reached) // factor
        if not places or not here.any():
            continue
        for row in _best(progress, reached, dead, rung, places):
            if here[row]:
                return row
    return None


def best_left(progress: Progress, dead: Flags, may_go_on: Flags) -> int | None:
    """The best of the deepest rung that may go on, dead ones last; None if no network may."""
    for hope in (~dead, dead):
        left = may_go_on & hope
        if left.any():
            rung = int(progress.at[left].max())
            rows = np.flatnonzero(left & (progress.at == rung))
            return _best(progress, rows, dead, max(rung, 0), 1)[0]
    return None


def new_network(progress: Progress, dead: Flags, candidates: Candidates, limits: Limits, seed: int) -> Choice | None:
    """A new network: a known one now and then, a mutant of the best, or a random one; None if none is left."""
    if progress.epochs > limits.left:
        return None
    rng = stream(seed, progress)
    draw = int(rng.integers(2**31))
    known = candidates.known(progress.seen)
    if known and progress.epochs <= limits.known and len(progress) % 5 == 4:
        return Choice(open=next(iter(known.values())))
    parents: Sequence[Params] = ()
    if len(progress.reported) >= _FIRST and rng.random() < _MUTANTS:
        parents = [progress.params[row] for row in _parents(progress, dead)]
    several = _SEVERAL if known else 1
    for drawn in (
        candidates.mutants([parents[int(rng.integers(len(parents)))]], progress.seen, several, draw) if parents else (),
        candidates.random(progress.seen, several, draw),
        candidates.random(progress.seen, progress.epochs + len(known), draw) if known else (),
        list(known.values()),
    ):
        allowed = permitted(drawn, candidates, progress.epochs, limits)
        if allowed:
            return Choice(open=allowed[0])
    return None


def _parents(progress: Progress, dead: Flags) -> list[int]:
    """The best third at the deepest rung that enough networks have reached."""
    counts = [(progress.at >= rung).sum() for rung in range(len(progress.rungs))]
    rung = max((rung for rung, count in enumerate(counts) if count >= _PARENTS), default=0)
    rows = np.flatnonzero(progress.at >= rung)
    return _best(progress, rows, dead, rung, max(2, len(rows) // 3))


def _best(progress: Progress, rows: Rows, dead: Flags, rung: int, places: int) -> list[int]:
    """The best rows by what they reported at a rung, the very best first; dead ones last."""
    losses: Array = progress.values[rows, rung] * progress.signs
    hope = ~dead[rows] & np.isfinite(losses).all(axis=1)
    chosen = [int(rows[hope][row]) for row in best_rows(losses[hope], places)]
    return chosen or [int(row) for row in rows[~hope][:places]]
