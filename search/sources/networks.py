"""`ArchProposals`: the trials of a search over spiking residual networks."""

from __future__ import annotations

from collections.abc import Hashable, Mapping
from typing import Any

from optuna.study import Study
from optuna.trial import Trial

from xoresnet.description.arch import Arch
from xoresnet.description.recipe import Recipe
from xoresnet.errors import SpecError
from xoresnet.search.sources.proposals import Proposals, Recognised
from xoresnet.search.strategy.progress import Params
from xoresnet.search.study.trials import (
    Attributes,
    TrialRecord,
    failed_trials,
    repeat_attributes,
    source_attributes,
    write_network,
)
from xoresnet.space.optuna_adapter import suggest
from xoresnet.space.search_space import SearchSpace
from xoresnet.space.walk import parameters_of

__all__ = ["ArchProposals"]

_ENUMERABLE = 50_000
"""Spaces of up to so many networks are enumerated to find the untried ones."""


class ArchProposals(Proposals):
    """A trial's configuration is its number, network and recipe, as JSON, together with `common`."""

    def __init__(
        self,
        study: Study,
        space: SearchSpace,
        recipe: Recipe,
        *,
        seed: int,
        common: Mapping[str, Any],
        ask_sampler: bool = True,
        known: Mapping[str, Params] | None = None,
    ) -> None:
        """recipe: values of the fields that the space does not vary. common: added to each configuration. The others
        as in `Proposals`.
        """
        self._space, self._recipe, self._common = space, recipe, dict(common)
        self._last_steps: dict[int, int] = {}
        """By trial; a bridge asks for those of all running trials at every decision."""
        super().__init__(study, seed=seed, ask_sampler=ask_sampler, known=known)

    def enqueue(self, name: str, arch: Arch, recipe: Recipe | None = None) -> None:
        """Try this network first. name: its source. recipe: sets the recipe fields that the space varies."""
        try:
            parameters = parameters_of(self._space, arch, recipe)
        except SpecError:  # the space does not contain this recipe
            parameters = parameters_of(self._space, arch)
        self._study.enqueue_trial(parameters, source_attributes(name), skip_if_exists=True)

    def _key(self, trial: TrialRecord) -> Hashable:
        return trial.training_key

    def _failed_trials(self) -> list[TrialRecord]:
        return failed_trials(self._study)

    def _repeat_attributes(self, failed: TrialRecord) -> Attributes:
        return repeat_attributes(failed)

    def last_step(self, trial: Trial) -> int:
        known = self._last_steps.get(trial.number)
        if known is None:
            known = self._last_steps[trial.number] = TrialRecord.of(trial).recipe.epochs
        return known

    def config(self, trial: Trial) -> dict[str, Any]:
        return {**self._common, **TrialRecord.of(trial).config}

    def _recognise(self, trial: Trial) -> Recognised:
        arch, recipe = suggest(trial, self._space, self._recipe)
        write_network(trial, arch, recipe)
        excluded = "; ".join(f"{excess.limit}: {excess}" for excess in self._space.exceeded(arch))
        return Recognised((arch.arch_id, recipe), excluded)

    def _untried(self) -> Params | None:
        """None if there is none left, which is only known of spaces that can be enumerated."""
        tried = {key[0] for key in self._tried if isinstance(key, tuple)}
        size = self._space.size()
        varies = bool(self._space.recipe) or bool(size.continuous)
        if not varies and size.networks <= len(tried):
            return None
        if not varies and size.networks <= _ENUMERABLE:
            left = [arch for arch in self._space.enumerate() if arch.arch_id not in tried]
            return parameters_of(self._space, self._rng.choice(left)) if left else None
        while True:
            arch = self._space.sample(self._rng)
            if varies or arch.arch_id not in tried:
                return parameters_of(self._space, arch)
