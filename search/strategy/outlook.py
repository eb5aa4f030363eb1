"""`look_ahead`: what the networks of a study, and new ones, are expected to come to at the end of their training."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple

import numpy as np

from xoresnet.results.fronts.ranks import agreement
from xoresnet.search.pruning.ranking import ranks
from xoresnet.search.strategy.costs import step_costs
from xoresnet.search.strategy.curves import Curves
from xoresnet.search.strategy.dead import Chance
from xoresnet.search.strategy.encoding import Encoding, distances
from xoresnet.search.strategy.process import Process
from xoresnet.search.strategy.progress import Array, Flags, Key, Params, Progress, Rows, key_of
from xoresnet.search.strategy.scales import Scales

__all__ = ["Look", "Outlook", "Predicted", "considered", "expected_ranks", "look_ahead"]

_MODELLED = 250
"""How many networks a process is fitted to: two thirds of them those nearest to the front."""
_CONSIDERED = 1000
"""How many networks are modelled at most."""
_LEAST_USEFUL = 3
"""With fewer networks whose curves say more than the population does, all of them are used."""
_JUDGED, _CHANCE = 8, 0.2
"""From so many complete networks on, predictions mislead if their rank agreement (Kendall's tau) with the results is
surely below this."""


class Predicted(NamedTuple):
    """Normal distributions of final losses on the modelled scale, each `[networks, m]`."""

    means: Array
    deviations: Array

    def take(self, rows: Flags) -> Predicted:
        return Predicted(self.means[rows], self.deviations[rows])


@dataclass(frozen=True, eq=False)
class Outlook:
    """What networks are expected to come to."""

    rows: Rows
    """The rows of the progress that are modelled (`considered`)."""
    tried: Predicted
    """`[rows, m]`: of these; a complete network has no deviation."""
    pool: Sequence[Params]
    """The new networks."""
    new: Predicted
    """`[pool, m]`: of the new networks."""
    tried_costs: Array
    """`[rows]`: the cost of a step of each, as a ratio."""
    new_costs: Array
    """`[pool]`"""
    living: Array
    """`[pool]`: the probability that each of them learns anything."""
    front: Array
    """`[points, m]`, on the measured scale: complete networks, and what running ones are expected to come to."""
    reference: Array
    """`[m]`, on the measured scale: chance level for an accuracy, the worst that is known or expected for others."""
    misleads: bool
    """Whether the predictions have been no better than chance so far."""

    def with_new(self, chosen: Flags) -> Outlook:
        """The same with some of the new networks."""
        return replace(
            self,
            pool=[params for params, wanted in zip(self.pool, chosen, strict=True) if wanted],
            new=self.new.take(chosen),
            new_costs=self.new_costs[chosen],
            living=self.living[chosen],
        )


def look_ahead(
    progress: Progress,
    scales: Scales,
    dead: Flags,
    chance: Chance | None,
    pool: Sequence[Params],
    predictions: Mapping[Key, Array],
    rng: np.random.Generator,
    *,
    by_seconds: bool = True,
) -> Outlook:
    """The outlook of a study.

    dead: `[n]`: networks to leave out of the models. pool: new networks. predictions: what was predicted for networks
    before any was trained; a line in it is the mean of the models. rng: chooses among rows if there are
    too many. by_seconds: whether steps cost what they are expected to take; otherwise all cost the same.
    """
    rows = considered(progress, ~dead)
    at, done = progress.at[rows], progress.complete[rows]
    losses = _winsorised(scales.losses(progress.values[rows]), at)
    curves = Curves(losses, at, scales.priors)
    pending = [progress.params[int(row)] for row in np.flatnonzero(progress.running & (progress.at < 0))]
    own = [progress.params[int(row)] for row in rows]
    latest = progress.reported[-_CONSIDERED:]
    seen = [progress.params[int(row)] for row in latest]
    encoding = Encoding([*seen, *pool, *pending])
    encoded, new = encoding.rows(own), encoding.rows([*pool, *pending])
    means, variances = curves.final(_last(losses, at), at)
    early, _ = curves.final(losses[done, progress.first], np.full(int(done.sum()), progress.first))
    behind = _behind(means)
    of_tried, of_new, misleads = [], [], False
    for place in range(len(scales.kinds)):
        known = _known_before(predictions, [*own, *pool, *pending], scales, place)
        model = _Model(encoding, encoded, new, known, means[:, place], variances[:, place], behind, rng)
        of_tried.append(model.tried)
        of_new.append(model.new)
        misleads = misleads or _misleads(early[:, place], losses[done, -1, place], model.left_out[done])
    seconds = progress.seconds[rows] if by_seconds else np.full(len(rows), np.nan)
    tried_costs, new_costs = step_costs(encoded, seconds, new[: len(pool)])
    tried, fresh = (_joined(parts) for parts in (of_tried, of_new))
    tried.means[done], tried.deviations[done] = losses[done, -1], 0.0
    running = progress.running[rows]
    expected = scales.measured(tried.means)
    front = [scales.measured(losses[done, -1]), expected[running], scales.measured(fresh.means[len(pool) :])]
    first = np.arange(len(new)) < len(pool)
    return Outlook(
        rows=rows,
        tried=tried,
        pool=pool,
        new=fresh.take(first),
        tried_costs=tried_costs,
        new_costs=new_costs,
        living=_living(encoding, new[first], encoding.rows(seen), dead[latest]),
        front=np.vstack(front),
        reference=_reference(progress, scales, chance, np.vstack([scales.measured(_last(losses, at)), expected])),
        misleads=misleads,
    )


class Look(NamedTuple):
    """An outlook, and the study at that time."""

    outlook: Outlook
    progress: Progress

    def carried_over(self, progress: Progress, scales: Scales, most: int) -> Outlook | None:
        """The outlook for the same study a little later; None after more than `most` changes.

        A change is a network that began or that reached a rung. The models stay; networks that began or went on since
        then belong to the front with what was expected of them, and those that reached a rung wait for the next look.
        """
        before, then = self.outlook, self.progress
        if not 0 <= _changes(progress) - _changes(then) <= most or then.params[0] is not progress.params[0]:
            return None
        numbers = then.numbers[before.rows]
        rows = np.minimum(np.searchsorted(progress.numbers, numbers), len(progress) - 1)
        same = (progress.numbers[rows] == numbers) & (progress.at[rows] == then.at[before.rows])
        begun = np.array([key_of(params) in progress.seen for params in before.pool], dtype=np.bool_)
        on = same & progress.running[rows] & ~then.running[before.rows]
        expected = [scales.measured(before.tried.means[on]), scales.measured(before.new.means[begun])]
        return replace(
            before,
            rows=rows[same],
            tried=before.tried.take(same),
            tried_costs=before.tried_costs[same],
            front=np.vstack([before.front, *expected]),
        ).with_new(~begun)


def _changes(progress: Progress) -> int:
    return int((progress.at + 1).sum()) + len(progress)


def considered(progress: Progress, alive: Flags) -> Rows:
    """The rows that are modelled: alive and beyond their first rung, at most `_CONSIDERED`.

    Running networks come first, as many as half of them, then those that fewest others dominate at their rung, so that
    decisions take as long in a study of any size.
    """
    rows = np.flatnonzero(alive & (progress.at >= 0))
    if len(rows) <= _CONSIDERED:
        return rows
    rank = np.zeros(len(progress))
    for rung in range(len(progress.rungs)):
        here = rows[progress.at[rows] == rung]
        losses = progress.values[here, rung] * progress.signs
        if len(here):
            rank[here] = ranks(np.where(np.isnan(losses), np.inf, losses))
    running = rows[progress.running[rows]]
    running = running[np.argsort(rank[running], kind="stable")]
    rank[running[: _CONSIDERED // 2]], rank[running[_CONSIDERED // 2 :]] = -1, np.inf
    return np.sort(rows[np.argsort(rank[rows], kind="stable")[:_CONSIDERED]])


def expected_ranks(progress: Progress, scales: Scales, rows: Rows) -> Array:
    """The non-dominated rank of what these rows would come to by their learning curves alone, from 0."""
    at = progress.at[rows]
    losses = _winsorised(scales.losses(progress.values[rows]), at)
    ends, _ = Curves(losses, at, scales.priors).final(_last(losses, at), at)
    return ranks(ends).astype(np.float64)


class _Model:
    """The model of one objective: learning curves, and a process on the configurations."""

    def __init__(
        self,
        encoding: Encoding,
        encoded: Array,
        new: Array,
        known: Array,
        means: Array,
        variances: Array,
        behind: Array,
        rng: np.random.Generator,
    ) -> None:
        """encoded: of the networks that were tried; new: of others. known: what was predicted for both, NaN if nothing.

        means, variances: what the tried ones would come to by their curves. behind: how far they are from the front.
        """
        count = len(means)
        middle, population = means.mean(), means.var() + variances.mean() + 1e-9
        inverse = 1 / np.maximum(variances, 1e-7)
        precision = inverse - 1 / population  # what a curve says beyond what the population says
        useful = precision > 0.05 / population
        divisor = np.where(useful, precision, 1.0)
        targets, noise = (means * inverse - middle / population) / divisor, 1 / divisor
        if useful.sum() < _LEAST_USEFUL:
            useful, targets, noise = np.ones(count, dtype=np.bool_), means, variances + population
        used = _nearest(useful, behind, rng)
        trend = _trend(known, targets[used], noise[used], np.flatnonzero(used))
        process = Process(encoding, encoded[used], targets[used] - trend[:count][used], noise[used])
        self.left_out = np.full(count, np.nan)
        """What the process says of each tried network without its own curve; NaN where it was not fitted to it."""
        mean, variance = process.left_out()
        self.left_out[used] = mean + trend[:count][used]
        own = 1 / (1 / variance + 1 / noise[used])
        tried_mean, tried_variance = np.empty(count), np.empty(count)
        tried_mean[used] = own * (self.left_out[used] / variance + targets[used] / noise[used])
        tried_variance[used] = own
        if not used.all():
            mean, variance = process.predict(encoded[~used])
            tried_mean[~used], tried_variance[~used] = mean + trend[:count][~used], variance
        self.tried = tried_mean, tried_variance
        mean, variance = process.predict(new) if len(new) else (np.zeros(0), np.zeros(0))
        self.new = mean + trend[count:], variance


def _trend(known: Array, targets: Array, noise: Array, used: Rows) -> Array:
    """A line in what was predicted before, `[networks]`; where nothing was predicted, its value at the mean."""
    at = known[used]
    has = np.isfinite(at)
    if has.sum() < _LEAST_USEFUL or not at[has].std() > 0:
        return np.zeros(len(known))
    weights = 1 / (noise[has] + targets[has].var() + 1e-12)
    middle, mean = (float(np.average(each, weights=weights)) for each in (at[has], targets[has]))
    spread = (weights * (at[has] - middle) ** 2).sum()
    slope = max(float((weights * (at[has] - middle) * (targets[has] - mean)).sum() / spread), 0.0)
    return np.where(np.isfinite(known), mean + slope * (known - middle), mean)


def _known_before(predictions: Mapping[Key, Array], networks: Sequence[Params], scales: Scales, place: int) -> Array:
    """What was predicted for each network, `[networks]`, as losses; NaN where nothing was."""
    if not predictions:
        return np.full(len(networks), np.nan)
    nothing = np.full(len(scales.kinds), np.nan)
    values = np.array([predictions.get(key_of(params), nothing) for params in networks])
    known: Array = scales.losses(values)[:, place]
    return known


def _misleads(early: Array, results: Array, left_out: Array) -> bool:
    """Whether what was expected of the complete networks, `[complete]`, surely has nothing to do with the results.

    Expected by the curves at their first rung (early) and, without the network itself, by the process (left_out).
    """
    if len(results) < _JUDGED:
        return False
    return all(agreement(expected, results).high < _CHANCE for expected in (early, left_out))


def _living(encoding: Encoding, new: Array, seen: Array, dead: Flags) -> Array:
    """The probability that each new network is alive: a vote of those that were tried, by their distance."""
    near = np.exp(-distances(new, seen, encoding.shares))
    rate = ((~dead).sum() + 1) / (len(dead) + 1)
    living: Array = (rate + near @ (~dead).astype(np.float64)) / (1 + near.sum(axis=1))
    return living


def _reference(progress: Progress, scales: Scales, chance: Chance | None, points: Array) -> Array:
    reference: Array = points.max(axis=0)
    if chance is not None:
        level = chance.found(progress.values[:, :, chance.place]) / scales.unit(chance)
        reference[chance.place] = scales.signs[chance.place] * level
    return reference


def _joined(parts: Sequence[tuple[Array, Array]]) -> Predicted:
    means, variances = (np.stack(each, axis=1) for each in zip(*parts, strict=True))
    return Predicted(means, np.sqrt(np.maximum(variances, 0.0)))


def _last(losses: Array, at: Rows) -> Array:
    last: Array = losses[np.arange(len(losses)), at]
    return last


def _winsorised(losses: Array, at: Rows) -> Array:
    """Losses no further than two ranges outside of the middle 80 % of the last ones."""
    low, high = np.percentile(_last(losses, at), [10, 90], axis=0)
    reach = 2 * np.maximum(high - low, 0.05)
    clipped: Array = np.clip(losses, low - reach, high + reach)
    return clipped


def _behind(means: Array) -> Array:
    """How far each network is behind the front of the expected finals, in standard deviations."""
    front = means[ranks(means) == 0]
    behind: Array = ((means[:, None] - front) / (means.std(axis=0) + 1e-9)).max(axis=2).min(axis=1)
    return behind


def _nearest(useful: Flags, behind: Array, rng: np.random.Generator) -> Flags:
    """At most `_MODELLED` of the useful rows: two thirds of them those nearest to the front, the others at random."""
    rows = np.flatnonzero(useful)
    if len(rows) <= _MODELLED:
        return useful
    near = rows[np.argsort(behind[rows], kind="stable")[: 2 * _MODELLED // 3]]
    rest = rng.choice(np.setdiff1d(rows, near), _MODELLED - len(near), replace=False)
    kept = np.zeros(len(useful), dtype=np.bool_)
    kept[near] = kept[rest] = True
    return kept
