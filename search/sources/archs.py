"""Where a search's trials come from: the sampler, without ever training one network twice."""

from __future__ import annotations

import json
from collections.abc import Mapping
from random import Random
from typing import Any

from optuna.study import Study
from optuna.trial import FrozenTrial, Trial, TrialState, create_trial

from xoresnet.description.arch import Arch
from xoresnet.description.recipe import Recipe
from xoresnet.errors import SpecError
from xoresnet.search.execution.bridge import Proposal
from xoresnet.search.pruning.pareto_pruner import reports
from xoresnet.search.sources.guide import Guide
from xoresnet.search.study.attributes import ARCH, ARCH_ID, DRAWN, DUPLICATE, FAILURE, GUIDED, RECIPE, RESCUES, SOURCE
from xoresnet.search.study.near_front import near_front, rescued
from xoresnet.space.optuna_adapter import suggest
from xoresnet.space.search_space import SearchSpace
from xoresnet.space.walk import parameters_of

__all__ = ["ArchProposals"]

_TRIES = 5
"""Duplicates in a row after which the sampler is left alone and a network is drawn that was not tried."""
_EXCLUDED = -1
"""In place of the number of the trial that one was answered from: its network exceeds a constraint."""
_ENUMERABLE = 50_000
_DRAWS = 200
"""Networks drawn in vain, with recipes that vary, after which everything counts as tried."""


class ArchProposals:
    """A `TrialSource`; the configuration of a trial is its number, network and recipe, as JSON, with `common`."""

    def __init__(
        self,
        study: Study,
        space: SearchSpace,
        recipe: Recipe,
        *,
        seed: int,
        common: Mapping[str, Any],
        ask_sampler: bool = True,
        rescue: int = 0,
    ) -> None:
        """recipe: what holds for the fields of which the space says nothing. common: added to each configuration.

        ask_sampler: False to draw networks that were not tried, uniformly, and nothing else. rescue: how many pruned
        trials are finished in the end, at most.
        """
        self._rescue = rescue
        self.guide: Guide | None = None
        """That knows more of the networks than the sampler does."""
        self._tries = _TRIES if ask_sampler else 0
        self._study, self._space, self._recipe, self._common = study, space, recipe, dict(common)
        self._rng = Random(seed)
        self._tried: dict[str, FrozenTrial | Trial] = {}
        for trial in study.get_trials(deepcopy=False):
            begun = trial.state != TrialState.RUNNING or reports(trial)
            if begun and ARCH_ID in trial.user_attrs and DUPLICATE not in trial.user_attrs:
                self._tried[_key(trial)] = trial
        self._rng.seed(f"{seed} {len(self._tried)}")  # a search that goes on draws other networks

    def enqueue(self, name: str, arch: Arch, recipe: Recipe | None = None) -> None:
        """Try this network first; name: where it comes from; recipe: of which it is given what the space varies."""
        try:
            parameters = parameters_of(self._space, arch, recipe)
        except SpecError:  # trained in a way that this space does not have
            parameters = parameters_of(self._space, arch)
        self._study.enqueue_trial(parameters, {SOURCE: name}, skip_if_exists=True)

    def next(self) -> Proposal | None:
        while self._study.get_trials(deepcopy=False, states=(TrialState.WAITING,)):
            proposal = self._consider(self._study.ask())
            if proposal is not None:
                return proposal
        if self.guide is not None:
            choice = self.guide.choose(self._study, self._tried_ids(), self._rng)
            if isinstance(choice, FrozenTrial):
                return self._finish(choice, GUIDED)
            proposal = self._try(choice, GUIDED) if choice is not None else None
            if proposal is not None:
                return proposal
        for _ in range(self._tries):
            proposal = self._consider(self._study.ask())
            if proposal is not None:
                return proposal
        for _ in range(_DRAWS):
            arch = self._untried()
            if arch is None:
                return None
            proposal = self._try(arch, DRAWN)
            if proposal is not None:
                return proposal
        return None

    def _try(self, arch: Arch, source: str) -> Proposal | None:
        """A trial of this network, unless it was tried with the recipe that comes with it."""
        self._study.enqueue_trial(parameters_of(self._space, arch), {SOURCE: source})
        return self._consider(self._study.ask())

    def _tried_ids(self) -> set[str]:
        return {trial.user_attrs[ARCH_ID] for trial in self._tried.values()}

    def next_rescue(self) -> Proposal | None:
        if rescued(self._study) >= self._rescue:
            return None
        pruned = next(iter(near_front(self._study)), None)
        return self._finish(pruned, f"finishes #{pruned.number}") if pruned is not None else None

    def _finish(self, pruned: FrozenTrial, source: str) -> Proposal:
        attrs = {name: pruned.user_attrs[name] for name in (ARCH, ARCH_ID, RECIPE)}
        trial = create_trial(
            state=TrialState.RUNNING, params=pruned.params, distributions=pruned.distributions,
            user_attrs={**attrs, RESCUES: pruned.number, SOURCE: source},
        )  # fmt: skip
        self._study.add_trial(trial)  # not enqueued: baselines may be waiting for which the budget was too small
        begun = Trial(self._study, self._study.get_trials(deepcopy=False)[-1]._trial_id)
        return Proposal(begun, self.config(begun))

    def last_step(self, trial: Trial) -> int:
        return int(json.loads(trial.user_attrs[RECIPE])["epochs"])

    def again(self, trial: Trial) -> Proposal | None:
        """The driver may have died between any two writes."""
        attrs = trial.user_attrs
        if DUPLICATE in attrs:
            self._answer(trial, attrs[DUPLICATE])
            return None
        if RESCUES not in attrs and not reports(trial):
            return self._consider(trial)
        return Proposal(trial, self.config(trial))

    def config(self, trial: Trial) -> dict[str, Any]:
        """What the trainable is given."""
        attrs = trial.user_attrs
        self._tried[_key(trial)] = trial
        return {**self._common, "number": trial.number, "arch": attrs[ARCH], "recipe": attrs[RECIPE]}

    def _consider(self, trial: Trial) -> Proposal | None:
        """A proposal, unless the network is excluded or was tried: then the sampler gets its answer at once."""
        arch, _ = self._describe(trial)
        exceeded = self._space.exceeded(arch)
        if exceeded:
            reason = ", ".join(f"{name} exceeded by {excess:,}" for name, excess in exceeded.items())
            trial.set_user_attr(FAILURE, reason)
            self._answer(trial, _EXCLUDED)
            return None
        known = self._tried.get(_key(trial))
        if known is None or known.number == trial.number:
            return Proposal(trial, self.config(trial))
        self._answer(trial, known.number)
        return None

    def _answer(self, trial: Trial, number: int) -> None:
        trial.set_user_attr(DUPLICATE, number)
        if number == _EXCLUDED:
            self._study.tell(trial, state=TrialState.FAIL)
            return
        known = self._study.get_trials(deepcopy=False)[number]
        if known.state == TrialState.COMPLETE:
            self._study.tell(trial, known.values)
        else:
            self._study.tell(trial, state=TrialState.PRUNED if known.state == TrialState.PRUNED else TrialState.FAIL)

    def _describe(self, trial: Trial) -> tuple[Arch, Recipe]:
        arch, recipe = suggest(trial, self._space, self._recipe)
        trial.set_user_attr(RECIPE, recipe.model_dump_json())
        trial.set_user_attr(ARCH, arch.to_json(indent=None))
        trial.set_user_attr(ARCH_ID, arch.arch_id)  # last: who finds it finds the others
        return arch, recipe

    def _untried(self) -> Arch | None:
        """A network that was not tried; None where there is none (in spaces that can be enumerated)."""
        tried = self._tried_ids()
        size = self._space.size()
        varies = bool(self._space.recipe) or bool(size.continuous)
        if not varies and size.networks <= len(tried):
            return None
        if not varies and size.networks <= _ENUMERABLE:
            left = [arch for arch in self._space.enumerate() if arch.arch_id not in tried]
            return self._rng.choice(left) if left else None
        while True:
            arch = self._space.sample(self._rng)
            if varies or arch.arch_id not in tried:
                return arch


def _key(trial: FrozenTrial | Trial) -> str:
    """The same for trials that would train the same network with the same recipe."""
    return json.dumps([trial.user_attrs[ARCH_ID], json.loads(trial.user_attrs[RECIPE])])
