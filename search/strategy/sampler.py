"""`FreezeThawSampler` and `PromotionSampler`: strategies as Optuna samplers (`lifecycle.py` has the loop around them).

The samplers have no state of their own: they decide from the reports in the study, so a study that is opened again
continues as if it had never been closed.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any
from weakref import WeakKeyDictionary

import numpy as np
from optuna.distributions import BaseDistribution
from optuna.samplers import BaseSampler, RandomSampler
from optuna.study import Study
from optuna.trial import FrozenTrial

from xoresnet.search.strategy.base import Candidates, Choice, Limits, Strategy, affordable
from xoresnet.search.strategy.dead import Chance
from xoresnet.search.strategy.freeze_thaw import Cost, FreezeThaw
from xoresnet.search.strategy.observing import Observer
from xoresnet.search.strategy.parameters import ParameterCandidates
from xoresnet.search.strategy.progress import Array, Key, Progress, key_of, rungs_of
from xoresnet.search.strategy.promotion import Promotion

__all__ = ["FreezeThawSampler", "PausingSampler", "PromotionSampler"]

_KNOWN_SHARE = 0.2
"""The share of the budget that known networks may use."""


class PausingSampler(BaseSampler):
    """A sampler that opens new networks and resumes paused ones, by a strategy."""

    def __init__(
        self,
        strategy: Strategy,
        *,
        max_steps: int,
        budget: float = math.inf,
        seed: int = 0,
        candidates: Callable[[Study], Candidates] = ParameterCandidates,
    ) -> None:
        """max_steps: the steps of a full training. budget: what all trials may cost, in full trainings. seed: seeds all
        that is random. candidates: is called with the study and returns where new networks come from, by default
        the parameters that earlier trials have suggested.

        Raises `ValueError` for values out of range.
        """
        if max_steps < 1:
            raise ValueError(f"max_steps must be at least 1, got {max_steps}")
        if not budget > 0:
            raise ValueError(f"budget must be positive, got {budget}")
        self.strategy, self.max_steps, self.budget = strategy, max_steps, budget
        self.spent_elsewhere = 0.0
        """What was spent outside of trials, in steps."""
        self._seed, self._candidates = seed, candidates
        self._observer = Observer(rungs_of(max_steps, strategy.factor), known=lambda: self._known)
        self._known: frozenset[Key] = frozenset()
        self._last: WeakKeyDictionary[Study, tuple[Any, Choice | None]] = WeakKeyDictionary()
        """The last question and its answer, because a pruner and a sampler ask the same one after the other."""

    @property
    def rungs(self) -> tuple[int, ...]:
        """The steps at which trials pause."""
        return self._observer.rungs

    def choose(
        self, study: Study, *, stopped: int | None = None, without: int | None = None, only_new: bool = False
    ) -> Choice | None:
        """What to train next; None if nothing is left that the budget could complete.

        stopped: the number of a running trial that counts as paused. without: the number of a trial to leave out.
        only_new: whether a paused trial is no answer.
        """
        candidates = self._candidates(study)
        progress = self._progress(study, candidates, stopped=stopped, without=without)
        limits = self._limits(progress)
        question = progress.fingerprint, limits, only_new
        last = self._last.get(study)
        if last is None or last[0] != question:
            choose = self.strategy.open if only_new else self.strategy.choose
            choice = choose(progress, candidates, limits)
            if choice is None and limits.known < limits.left:  # nothing but known networks is left
                choice = choose(progress, candidates, limits._replace(known=limits.left))
            last = self._last[study] = question, choice
        return last[1]

    def stops(self, study: Study, number: int) -> bool:
        """Whether a running trial that has reached a rung stops there, for another one or for lack of budget."""
        progress = self._progress(study, stopped=number)
        row = int(np.flatnonzero(progress.numbers == number)[0])
        if progress.at[row] < progress.first:  # nothing can be told yet
            return not affordable(progress, self._limits(progress))[row]
        choice = self.choose(study, stopped=number)
        return choice is None or choice.resume != number

    def _progress(
        self,
        study: Study,
        candidates: Candidates | None = None,
        *,
        stopped: int | None = None,
        without: int | None = None,
    ) -> Progress:
        known = (candidates or self._candidates(study)).known(frozenset())
        self._known = frozenset(key_of(params) for params in known.values())
        progress = self._observer.progress(study, stopped=stopped, without=without)
        return replace(progress, first=self.strategy.first_rung(progress))

    def affords_new(self, study: Study) -> bool:
        """Whether the budget could complete another new network."""
        return self._limits(self._progress(study)).left >= self.max_steps

    def beyond(self, study: Study, most: int) -> list[int]:
        """The numbers of the stopped trials that have a checkpoint, without the `most` that promise most."""
        progress = self._progress(study)
        kept = progress.resumable & progress.kept
        if kept.sum() <= most:
            return []
        return [int(progress.numbers[row]) for row in self.strategy.by_promise(progress) if kept[row]][most:]

    def spent(self, study: Study) -> float:
        """What has been spent so far, in full trainings."""
        return (self._observer.spent(study) + self.spent_elsewhere) / self.max_steps

    def _limits(self, progress: Progress) -> Limits:
        """What is left without what running trials have been promised, each up to its next rung."""
        promised = (progress.next_rungs - progress.steps) * progress.running
        whole, known = self.budget * self.max_steps, progress.known
        spent_on_known = (progress.steps + promised)[known].sum()
        left = whole - self.spent_elsewhere - progress.spent - promised.sum()
        return Limits(float(left), float(_KNOWN_SHARE * whole - spent_on_known))

    def infer_relative_search_space(self, study: Study, trial: FrozenTrial) -> dict[str, BaseDistribution]:
        return {} if trial.params else ParameterCandidates(study).distributions

    def sample_relative(
        self, study: Study, trial: FrozenTrial, search_space: Mapping[str, BaseDistribution]
    ) -> dict[str, Any]:
        if not search_space:
            return {}
        choice = self.choose(study, without=trial.number, only_new=True)
        return dict(choice.open) if choice is not None and choice.open is not None else {}

    def sample_independent(
        self, study: Study, trial: FrozenTrial, param_name: str, param_distribution: BaseDistribution
    ) -> Any:
        rng = np.random.default_rng([self._seed, trial.number, *param_name.encode()])
        sampler = RandomSampler(seed=int(rng.integers(2**32)))
        return sampler.sample_independent(study, trial, param_name, param_distribution)


class FreezeThawSampler(PausingSampler):
    """Opens and resumes networks by expected hypervolume gain (`freeze_thaw.py`)."""

    def __init__(
        self,
        *,
        max_steps: int,
        budget: float = math.inf,
        seed: int = 0,
        candidates: Callable[[Study], Candidates] = ParameterCandidates,
        chance: Chance | float | None = None,
        cost: Cost = "seconds",
        stops: bool = False,
    ) -> None:
        """chance: the accuracy of guessing, where the first objective is an accuracy, or a `Chance`; None for no dead
        rule. cost: what a gain is divided by: the `seconds` that steps are expected to take, where their seconds are
        reported, or their number (`epochs`). stops: whether nothing is chosen any more once no network promises a gain
        that one training could show. The others as in `PausingSampler`.
        """
        self._freeze_thaw = FreezeThaw(seed, Chance.of(chance), cost=cost, stops=stops)
        super().__init__(self._freeze_thaw, max_steps=max_steps, budget=budget, seed=seed, candidates=candidates)

    def predict(self, predictions: Mapping[Key, Array]) -> None:
        """Take what was predicted for networks, `[objectives]` by their parameters, as the mean of the models."""
        self._freeze_thaw.predictions = dict(predictions)
        self._last.clear()


class PromotionSampler(PausingSampler):
    """Promotes the best half of each rung, without a model (`promotion.py`)."""

    def __init__(
        self,
        *,
        max_steps: int,
        budget: float = math.inf,
        seed: int = 0,
        candidates: Callable[[Study], Candidates] = ParameterCandidates,
        chance: Chance | float | None = None,
    ) -> None:
        """As in `FreezeThawSampler`."""
        super().__init__(
            Promotion(seed, Chance.of(chance)), max_steps=max_steps, budget=budget, seed=seed, candidates=candidates
        )
