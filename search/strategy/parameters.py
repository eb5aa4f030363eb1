"""`ParameterCandidates`: new networks of any Optuna space, made of the parameters that earlier trials have had."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from random import Random
from typing import Any

from optuna.distributions import BaseDistribution, CategoricalDistribution, FloatDistribution, IntDistribution
from optuna.study import Study

from xoresnet.search.strategy.base import distinct
from xoresnet.search.strategy.progress import Key, Params

__all__ = ["ParameterCandidates"]

_TRIES = 8
"""How many are drawn for each one that is wanted, because some were seen before."""
_STEP = 0.2
"""Standard deviation of a mutated number, as a share of its range."""


class ParameterCandidates:
    """Draws and mutates parameters one by one; conditional ones only where trials had them beside such values."""

    def __init__(self, study: Study) -> None:
        self.distributions: dict[str, BaseDistribution] = {}
        """Of all parameters that were ever suggested; the first one of a name counts."""
        self._beside: dict[tuple[str, Any], set[str]] = {}
        for trial in study.get_trials(deepcopy=False):
            for name, distribution in trial.distributions.items():
                self.distributions.setdefault(name, distribution)
                if not isinstance(distribution, FloatDistribution):
                    self._beside.setdefault((name, trial.params[name]), set()).update(trial.params)

    def random(self, seen: frozenset[Key], count: int, seed: int) -> Sequence[Params]:
        if not self.distributions:  # the first trial is left to the sampler's independent draws
            return [{}]
        rng = Random(seed)
        return self._distinct(
            seen,
            count,
            lambda: {name: _drawn(distribution, rng) for name, distribution in self.distributions.items()},
        )

    def mutants(self, parents: Sequence[Params], seen: frozenset[Key], count: int, seed: int) -> Sequence[Params]:
        rng = Random(seed)

        def mutant() -> dict[str, Any]:
            params = dict(rng.choice(parents))
            names = list(params)
            for name in rng.choices(names, k=1 + (rng.random() < 0.5)) if names else ():
                params[name] = _changed(self.distributions[name], params[name], rng)
            return params

        return self._distinct(seen, count, mutant)

    def known(self, seen: frozenset[Key]) -> Mapping[str, Params]:
        return {}

    def _distinct(self, seen: frozenset[Key], count: int, draw: Callable[[], dict[str, Any]]) -> list[Params]:
        return distinct(lambda: self._without_strangers(draw()), seen, count, _TRIES * count)

    def _without_strangers(self, params: dict[str, Any]) -> dict[str, Any]:
        """Parameters without those that no trial has had beside one of the others' values."""
        kept = dict(params)
        for pair in params.items():
            beside = self._beside.get(pair)
            if beside is not None and pair[0] in kept:
                kept = {name: value for name, value in kept.items() if name in beside}
        return kept


def _drawn(distribution: BaseDistribution, rng: Random) -> Any:
    if isinstance(distribution, CategoricalDistribution):
        return rng.choice(distribution.choices)
    return _at(distribution, rng.random())


def _changed(distribution: BaseDistribution, value: Any, rng: Random) -> Any:
    """Another value: any other choice, or a number nearby."""
    if isinstance(distribution, CategoricalDistribution):
        others = [choice for choice in distribution.choices if choice != value]
        return rng.choice(others) if others else value
    if rng.random() < 0.3:
        return _drawn(distribution, rng)
    return _at(distribution, min(max(_place(distribution, value) + rng.gauss(0, _STEP), 0.0), 1.0))


def _at(distribution: BaseDistribution, place: float) -> int | float:
    """The number at a place, from 0 to 1, of its range."""
    assert isinstance(distribution, IntDistribution | FloatDistribution)
    low, high, step = distribution.low, distribution.high, distribution.step
    if distribution.log:
        value = math.exp(math.log(low) + place * (math.log(high) - math.log(low)))
    else:
        value = low + place * (high - low)
    if step is not None:
        value = min(low + round((value - low) / step) * step, high)
    return round(value) if isinstance(distribution, IntDistribution) else min(max(float(value), low), high)


def _place(distribution: BaseDistribution, value: float) -> float:
    assert isinstance(distribution, IntDistribution | FloatDistribution)
    low, high = distribution.low, distribution.high
    if distribution.log:
        low, high, value = math.log(low), math.log(high), math.log(value)
    return (value - low) / (high - low) if high > low else 0.0
