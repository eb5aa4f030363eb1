"""`FreezeThaw`: opens and resumes networks by what they are expected to add to the front for what they cost.

1. Learning curves (`curves.py`) say, for each objective, what a stopped network would come to, and how surely.
2. These finals, without what the population alone says about them, are observations of a Gaussian process on the
   configurations (`process.py`). A stopped network is predicted by the process without it, times its own curve; a new
   network by the process alone (`outlook.py`).
3. The front is that of the complete networks and of what the running ones are expected to come to.
4. After the first networks, which are random, a share of the steps, a tenth and as much as the first rung is of a full
   training, goes to new networks, those with the largest expected gain in hypervolume for their cost among random and
   mutated ones; all others go to the stopped network with the largest expected gain for what it costs to complete it,
   and it goes on by one rung. The cost is in seconds that are expected (`costs.py`), or in steps.

Where more than 64 networks run at once, one fit of the models serves several decisions; up to then, a decision depends
on the record alone. Dead networks stay out of the models, and a network's gain is multiplied by its probability to be
alive (`dead.py`).
Where the predictions mislead, or nothing promises a gain beyond luck, `Promotion` decides, which also keeps looking for
the most accurate networks. Freeze-thaw is of Swersky et al. (2014, arXiv 1406.3896), here with several objectives and
with rungs in place of a parametric curve.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import lru_cache
from typing import Literal, get_args

import numpy as np
from threadpoolctl import ThreadpoolController  # type: ignore[import-untyped]

from xoresnet.search.pruning.ranking import ranks
from xoresnet.search.strategy.base import Candidates, Choice, Limits, affordable, permitted, stream
from xoresnet.search.strategy.dead import Chance, first_rung, hopeless
from xoresnet.search.strategy.gains import expected_gains, gains
from xoresnet.search.strategy.outlook import Look, Outlook, considered, expected_ranks, look_ahead
from xoresnet.search.strategy.progress import Array, Flags, Key, Params, Progress, key_of
from xoresnet.search.strategy.promotion import Promotion, new_network
from xoresnet.search.strategy.scales import Scales

__all__ = ["COSTS", "Cost", "FreezeThaw"]

Cost = Literal["seconds", "epochs"]
COSTS: tuple[Cost, ...] = get_args(Cost)

_FIRST, _FEWEST_FIRST, _FIRST_COST = 16, 8, 2
"""How many networks are drawn before the model is asked: fewer where they would cost more than two full trainings, but
at least eight."""
_LEAST_ALIVE = 4
"""How many networks must be alive for a model."""
_POOL = 600
"""How many new networks are considered, half of them mutants."""
_PARENT_RANKS = 2
"""Mutants are of networks on so many of the first fronts of what is expected."""
_NEW = 0.1
"""The share of steps that goes to new networks, besides the share that the first rung is of a full training."""
_AT_RANDOM = 0.1
"""The share of new networks that are drawn at random."""
_LUCK = 0.3
"""A gain counts if it is more than this share of what a lucky training adds to a point of the front."""
_AT_ONCE = 4
"""How many networks are drawn for one at random, because some may be known ones that have had their share."""
_MANY, _CHANGES = 64, 16
"""With more networks than this running, the models are fitted anew after one of so many running ones has changed."""
_NOTHING = 1e-12
"""A gain that counts as none in any case."""


class FreezeThaw:
    """Expected hypervolume gain for the remaining cost; the head of this file states the rule."""

    factor = 3

    def __init__(self, seed: int, chance: Chance | None = None, *, cost: Cost = "seconds", stops: bool = False) -> None:
        """chance: of the objective that is an accuracy; None for no dead rule. cost: what a gain is divided by: the
        seconds that steps are expected to take, or their number. stops: whether nothing is chosen any more once no
        network promises a gain that one training could show.
        """
        if cost not in COSTS:
            raise ValueError(f"cost must be one of {', '.join(COSTS)}, got {cost!r}")
        self._seed, self._chance, self._cost, self._stops = seed, chance, cost, stops
        self._promotion = Promotion(seed, chance)
        self._look: Look | None = None
        self._at_plateau = False
        self.predictions: Mapping[Key, Array] = {}
        """What was predicted for networks before any was trained, `[m]`, by their parameters."""

    def choose(self, progress: Progress, candidates: Candidates, limits: Limits) -> Choice | None:
        return self._choose(progress, candidates, limits, only_new=False)

    def open(self, progress: Progress, candidates: Candidates, limits: Limits) -> Choice | None:
        return self._choose(progress, candidates, limits, only_new=True)

    def first_rung(self, progress: Progress) -> int:
        return first_rung(progress, self._chance, Scales.of(progress).unit(self._chance))

    def by_promise(self, progress: Progress) -> Sequence[int]:
        scales = Scales.of(progress)
        dead = hopeless(progress, self._chance, scales.unit(self._chance))
        rank = np.full(len(progress), np.inf)
        rows = considered(progress, ~dead)
        if len(rows):
            rank[rows] = expected_ranks(progress, scales, rows)
        return [int(row) for row in np.lexsort((-progress.steps, rank))]

    def _choose(self, progress: Progress, candidates: Candidates, limits: Limits, *, only_new: bool) -> Choice | None:
        scales = Scales.of(progress)
        dead = hopeless(progress, self._chance, scales.unit(self._chance))
        if len(progress) < _first_networks(progress):
            first = self._predicted(progress, scales, candidates, limits)
            first = first or new_network(progress, dead, candidates, limits, self._seed)
            if first is not None:
                return first
        fallback = self._promotion.open if only_new else self._promotion.choose
        alive = ~dead & (progress.at >= 0)
        if alive.sum() < _LEAST_ALIVE:
            return fallback(progress, candidates, limits)
        rng = stream(self._seed + 1, progress)
        may_go_on = affordable(progress, limits) & alive
        opens = only_new or not may_go_on.any() or self._owes_new(progress)
        if progress.running.sum() > _MANY:
            choice = self._among_many(progress, scales, dead, may_go_on, candidates, limits, opens=opens)
            if choice is None and self._stops and self._at_plateau:
                return None
            return choice or fallback(progress, candidates, limits)
        pool: list[Params] = []
        if opens and progress.epochs <= limits.left:
            if rng.random() < _AT_RANDOM:
                drawn = candidates.random(progress.seen, _AT_ONCE, int(rng.integers(2**31)))
                pool = permitted(drawn, candidates, progress.epochs, limits)[:1]
            else:
                pool = self._pool(progress, scales, alive, candidates, limits, rng)
        if not pool and (only_new or not may_go_on.any()):
            return fallback(progress, candidates, limits)
        with _one_thread().limit(limits=1):
            by_seconds = self._cost == "seconds"
            outlook = look_ahead(
                progress, scales, dead, self._chance, pool, self.predictions, rng, by_seconds=by_seconds
            )
            if self._stops and self._is_plateau(outlook, progress, scales, may_go_on):
                return None
            choice = None if outlook.misleads else self._best(outlook, progress, scales, may_go_on)
        return choice or fallback(progress, candidates, limits)

    def _among_many(
        self,
        progress: Progress,
        scales: Scales,
        dead: Flags,
        may_go_on: Flags,
        candidates: Candidates,
        limits: Limits,
        *,
        opens: bool,
    ) -> Choice | None:
        """The choice where many run: the models are fitted once for several decisions, which come fast there."""
        rng = stream(self._seed + 1, progress)
        opens = opens and progress.epochs <= limits.left
        if opens and rng.random() < _AT_RANDOM:
            drawn = candidates.random(progress.seen, _AT_ONCE, int(rng.integers(2**31)))
            for params in permitted(drawn, candidates, progress.epochs, limits):
                return Choice(open=params)
        with _one_thread().limit(limits=1):
            changes = int(progress.running.sum()) // _CHANGES
            outlook = self._look.carried_over(progress, scales, changes) if self._look is not None else None
            if outlook is None:
                alive = ~dead & (progress.at >= 0)
                pool = self._pool(progress, scales, alive, candidates, limits, rng)
                outlook = look_ahead(
                    progress, scales, dead, self._chance, pool, self.predictions, rng,
                    by_seconds=self._cost == "seconds",
                )  # fmt: skip
                self._look = Look(outlook, progress)
                self._at_plateau = self._is_plateau(outlook, progress, scales, may_go_on)
            if outlook.misleads or (self._stops and self._at_plateau):
                return None
            if not opens:
                outlook = outlook.with_new(np.zeros(len(outlook.pool), dtype=np.bool_))
            outlook = replace(outlook, front=outlook.front[ranks(outlook.front) == 0])  # hundreds that run are behind
            return self._best(outlook, progress, scales, may_go_on)

    def _predicted(self, progress: Progress, scales: Scales, candidates: Candidates, limits: Limits) -> Choice | None:
        """Of the first networks: the one with the largest gain beyond the others, by what was predicted; or None."""
        if not self.predictions or progress.epochs > limits.left:
            return None
        draw = int(stream(self._seed, progress).integers(2**31))
        pool = [
            params for params in candidates.random(progress.seen, _POOL, draw) if key_of(params) in self.predictions
        ]
        tried = [key_of(params) for params in progress.params]
        values = [self.predictions[key] for key in (*map(key_of, pool), *tried) if key in self.predictions]
        if not pool:
            return None
        points = scales.measured(scales.losses(np.array(values)))
        gained = gains(points[len(pool) :], points[: len(pool)], points.max(axis=0))
        return Choice(open=pool[int(gained.argmax())])

    def _owes_new(self, progress: Progress) -> bool:
        """Whether new networks have had less than their share of the steps; the first ones are not counted."""
        first = progress.rungs[progress.first]
        drawn = _first_networks(progress) * first
        on_new = np.minimum(progress.steps, first).sum()
        share = _NEW + first / progress.epochs
        return bool(on_new - drawn < share * (progress.spent - drawn))

    def _pool(
        self,
        progress: Progress,
        scales: Scales,
        alive: Flags,
        candidates: Candidates,
        limits: Limits,
        rng: np.random.Generator,
    ) -> list[Params]:
        """New networks to consider: random ones, mutants of those that promise most, and known ones."""
        rows = considered(progress, alive)
        best = rows[expected_ranks(progress, scales, rows) < _PARENT_RANKS]
        parents = [progress.params[int(row)] for row in best]
        draw = int(rng.integers(2**31))
        drawn = [
            *candidates.random(progress.seen, _POOL // 2, draw),
            *candidates.mutants(parents, progress.seen, _POOL // 2, draw),
            *candidates.known(progress.seen).values(),
        ]
        allowed = permitted(drawn, candidates, progress.epochs, limits)
        return list({key_of(params): params for params in allowed}.values())

    def _best(self, outlook: Outlook, progress: Progress, scales: Scales, may_go_on: Flags) -> Choice | None:
        """The best new network where there are any to choose from, else the best stopped one; None without a gain."""
        front = outlook.front - scales.slack  # what passes it by less may be luck
        least = max(_LUCK * _luck(outlook, scales), _NOTHING)
        if len(outlook.living):
            gained = expected_gains(front, *outlook.new, outlook.reference, scales.measured) * outlook.living
            best = _most_for_its_cost(gained, outlook.new_costs, least)
            return None if best is None else Choice(open=outlook.pool[best])
        on = may_go_on[outlook.rows]
        rows = outlook.rows[on]
        if not len(rows):
            return None
        gained = expected_gains(front, *outlook.tried.take(on), outlook.reference, scales.measured)
        costs = progress.remaining[rows] * outlook.tried_costs[on]
        best = _most_for_its_cost(gained, costs, least)
        return None if best is None else Choice(resume=int(progress.numbers[rows[best]]))

    def _is_plateau(self, outlook: Outlook, progress: Progress, scales: Scales, may_go_on: Flags) -> bool:
        """Whether no network promises as much as one point of the front gains if its training is lucky."""
        if progress.complete.sum() < 2 * _LEAST_ALIVE:
            return False
        on = may_go_on[outlook.rows]
        stopped = expected_gains(outlook.front, *outlook.tried.take(on), outlook.reference, scales.measured)
        new = expected_gains(outlook.front, *outlook.new, outlook.reference, scales.measured) * outlook.living
        return float(np.concatenate([stopped, new, [0.0]]).max()) < _luck(outlook, scales)


def _most_for_its_cost(gained: Array, costs: Array, least: float) -> int | None:
    """The place of the largest gain for its cost among gains above the least; None if there is no such gain."""
    if not (gained > least).any():
        return None
    return int(np.where(gained > least, gained / costs, -np.inf).argmax())


def _first_networks(progress: Progress) -> int:
    affordable = _FIRST_COST * progress.epochs // progress.rungs[progress.first]
    return max(_FEWEST_FIRST, min(_FIRST, affordable))


def _luck(outlook: Outlook, scales: Scales) -> float:
    """The gain in hypervolume of a point of the front whose training is lucky."""
    inside = (outlook.front < outlook.reference).all(axis=1)
    if not inside.any():
        return 0.0
    points = outlook.front[inside]
    return float(gains(points, points - scales.slack, outlook.reference).mean())


@lru_cache
def _one_thread() -> ThreadpoolController:
    """Holds linear algebra to one thread: the matrices are small, and the other cores belong to the trials."""
    return ThreadpoolController()
