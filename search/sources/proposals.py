"""The trials of a search: known networks first, then a guide or the sampler; no network is trained twice."""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping
from random import Random
from typing import Any

from optuna.study import Study
from optuna.trial import Trial, TrialState, create_trial

from xoresnet.description.arch import Arch
from xoresnet.description.recipe import Recipe
from xoresnet.errors import SpecError
from xoresnet.search.sources.base import Proposal
from xoresnet.search.sources.guide import Guide
from xoresnet.search.study.attributes import DRAWN, FAILURE, GUIDED
from xoresnet.search.study.near_front import near_front, rescued
from xoresnet.search.study.trials import (
    Attributes,
    TrainingKey,
    TrialRecord,
    failed_trials,
    repeat_attributes,
    rescue_attributes,
    source_attributes,
    trials_of,
    write_duplicate,
    write_excluded,
    write_failure,
    write_network,
)
from xoresnet.space.optuna_adapter import suggest
from xoresnet.space.search_space import SearchSpace
from xoresnet.space.walk import parameters_of

__all__ = ["ArchProposals"]

_TRIES = 5
"""After so many duplicates in a row, an untried network is drawn at random instead of asking the sampler."""
_ENUMERABLE = 50_000
"""Spaces of up to so many networks are enumerated to find the untried ones."""
_DRAWS = 200
"""If the recipe varies: after so many draws that were all tried before, the space counts as exhausted."""


class ArchProposals:
    """A `TrialSource`; a trial's configuration is its number, network and recipe, as JSON, together with `common`."""

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
        """recipe: values of the fields that the space does not vary. common: added to each configuration.

        ask_sampler: if False, untried networks are drawn uniformly at random. rescue: how many pruned trials are
        finished at most when the budget is spent.
        """
        self._rescue = rescue
        self.guide: Guide | None = None
        """Chooses before the sampler does, where it has a choice."""
        self._tries = _TRIES if ask_sampler else 0
        self._study, self._space, self._recipe, self._common = study, space, recipe, dict(common)
        self._rng = Random(seed)
        self._tried: dict[TrainingKey, int] = {}
        """The number of the trial that trained each network and recipe."""
        for trial in trials_of(study):
            if trial.has_own_network and (not trial.is_running or trial.reports):
                self._tried[trial.training_key] = trial.number
        self._failed = deque(failed_trials(study))
        self._rng.seed(f"{seed} {len(self._tried)}")  # a resumed search must draw other networks

    def enqueue(self, name: str, arch: Arch, recipe: Recipe | None = None) -> None:
        """Try this network first. name: its source. recipe: sets the recipe fields that the space varies."""
        try:
            parameters = parameters_of(self._space, arch, recipe)
        except SpecError:  # the space does not contain this recipe
            parameters = parameters_of(self._space, arch)
        self._study.enqueue_trial(parameters, source_attributes(name), skip_if_exists=True)

    def next(self) -> Proposal | None:
        if self._failed:  # in an earlier session, for a reason that may be gone
            failed = self._failed.popleft()
            return self._repeat(failed, repeat_attributes(failed))
        while self._study.get_trials(deepcopy=False, states=(TrialState.WAITING,)):
            proposal = self._consider(self._ask())
            if proposal is not None:
                return proposal
        if self.guide is not None:
            choice = self.guide.choose(self._study, self._tried_ids(), self._rng)
            if isinstance(choice, TrialRecord):
                return self._finish(choice, GUIDED)
            proposal = self._try(choice, GUIDED) if choice is not None else None
            if proposal is not None:
                return proposal
        for _ in range(self._tries):
            proposal = self._consider(self._ask())
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
        """A trial of this network with the recipe that the sampler suggests for it; None if that pair was tried."""
        self._study.enqueue_trial(parameters_of(self._space, arch), source_attributes(source))
        return self._consider(self._ask())

    def _tried_ids(self) -> set[str]:
        return {arch_id for arch_id, _ in self._tried}

    def next_rescue(self) -> Proposal | None:
        if rescued(self._study) >= self._rescue:
            return None
        pruned = next(iter(near_front(self._study)), None)
        return self._finish(pruned, f"finishes #{pruned.number}") if pruned is not None else None

    def _finish(self, pruned: TrialRecord, source: str) -> Proposal:
        return self._repeat(pruned, rescue_attributes(pruned, source))

    def _repeat(self, earlier: TrialRecord, attributes: Attributes) -> Proposal:
        """A trial of the same network and recipe."""
        trial = create_trial(
            state=TrialState.RUNNING,
            params=earlier.trial.params,
            distributions=earlier.trial.distributions,
            user_attrs=dict(attributes),
        )
        self._study.add_trial(trial)  # not enqueued: baselines beyond the budget may be waiting
        begun = Trial(self._study, self._study.get_trials(deepcopy=False)[-1]._trial_id)
        return Proposal(begun, self.config(begun))

    def last_step(self, trial: Trial) -> int:
        return TrialRecord.of(trial).recipe.epochs

    def again(self, trial: Trial) -> Proposal | None:
        """Continue an interrupted trial, whichever of its attributes the driver had written when it died."""
        record = TrialRecord.of(trial)
        if record.is_excluded:
            self._exclude(trial)
            return None
        if record.duplicate_of is not None:
            self._answer(trial, record.duplicate_of)
            return None
        if record.rescues is None and not record.reports:
            return self._consider(trial)
        return Proposal(trial, self.config(trial))

    def config(self, trial: Trial) -> dict[str, Any]:
        """The configuration for the trainable."""
        record = TrialRecord.of(trial)
        self._tried[record.training_key] = record.number
        return {**self._common, **record.config}

    def _ask(self) -> Trial:
        """Optuna's next trial; a sampler that raises at once would leave it running for ever."""
        running = {trial.number for trial in trials_of(self._study, TrialState.RUNNING)}
        try:
            return self._study.ask()
        except Exception as error:
            for trial in trials_of(self._study, TrialState.RUNNING):
                if trial.number not in running:
                    self._fail(trial.number, error)
            raise

    def _fail(self, number: int, error: Exception) -> None:
        """End a trial whose sampler has raised."""
        trial_id = self._study.get_trials(deepcopy=False)[number]._trial_id
        self._study._storage.set_trial_user_attr(trial_id, FAILURE, f"{type(error).__name__}: {error}")
        self._study.tell(number, state=TrialState.FAIL)

    def _consider(self, trial: Trial) -> Proposal | None:
        """A proposal; None if the network is excluded or was tried: then the sampler gets its answer at once.

        A sampler that raises has failed this trial; the exception is passed on.
        """
        try:
            arch, recipe = suggest(trial, self._space, self._recipe)
        except Exception as error:
            self._fail(trial.number, error)
            raise
        write_network(trial, arch, recipe)
        exceeded = self._space.exceeded(arch)
        if exceeded:
            reason = ", ".join(f"{name} exceeded by {excess:,}" for name, excess in exceeded.items())
            write_failure(trial, reason)
            self._exclude(trial)
            return None
        known = self._tried.get((arch.arch_id, recipe))
        if known is None or known == trial.number:
            return Proposal(trial, self.config(trial))
        self._answer(trial, known)
        return None

    def _exclude(self, trial: Trial) -> None:
        write_excluded(trial)
        self._study.tell(trial, state=TrialState.FAIL)

    def _answer(self, trial: Trial, number: int) -> None:
        write_duplicate(trial, number)
        known = self._study.get_trials(deepcopy=False)[number]
        if known.state == TrialState.COMPLETE:
            self._study.tell(trial, known.values)
        else:
            self._study.tell(trial, state=TrialState.PRUNED if known.state == TrialState.PRUNED else TrialState.FAIL)

    def _untried(self) -> Arch | None:
        """An untried network; None if there is none, which is only known of spaces that can be enumerated."""
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
