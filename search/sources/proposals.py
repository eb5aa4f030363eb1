"""`Proposals`: the trials of a search over networks that can be told apart, so that none is trained twice.

Enqueued networks come first. Then the study's sampler chooses: one that pauses trials says which goes on or which new
network begins; any other suggests parameters, and what was tried before is drawn anew.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections import deque
from collections.abc import Hashable, Mapping
from random import Random
from typing import Any, NamedTuple

from optuna.study import Study
from optuna.trial import Trial, TrialState, create_trial

from xoresnet.search.sources.base import Proposal
from xoresnet.search.strategy.lifecycle import pause, resume
from xoresnet.search.strategy.progress import Params
from xoresnet.search.strategy.sampler import PausingSampler
from xoresnet.search.study.attributes import DRAWN, FAILURE
from xoresnet.search.study.trials import (
    Attributes,
    TrialRecord,
    source_attributes,
    trials_of,
    write_duplicate,
    write_excluded,
    write_failure,
)

__all__ = ["Proposals", "Recognised"]

_TRIES = 5
"""After so many duplicates in a row, an untried network is drawn at random instead of asking the sampler."""
_MANY, _FEWER_TRIES = 64, 2
"""With more networks than this running, after so many: decisions come fast there, and each proposal takes a while."""
_DRAWS = 200
"""After so many draws that were all tried before, the space counts as exhausted."""
_KNOWN_EVERY = 5
"""Every so many-th network is a known one, while there are any and a sampler chooses that pauses nothing."""


class Recognised(NamedTuple):
    """The network of a trial."""

    key: Hashable
    """Equal for equal trainings."""
    excluded: str = ""
    """Why it must not be trained; empty if it may."""


class Proposals(ABC):
    """A `TrialSource` of networks."""

    def __init__(
        self, study: Study, *, seed: int, ask_sampler: bool = True, known: Mapping[str, Params] | None = None
    ) -> None:
        """ask_sampler: if False, untried networks are drawn uniformly at random. known: parameters of known networks by
        name; a sampler that pauses trials has them among its candidates.
        """
        self._study, self._rng = study, Random(seed)
        self._tries = _TRIES if ask_sampler else 0
        self._known = dict(known or {})
        self._tried: dict[Hashable, int] = {}
        """The number of the trial that trained each network."""
        for trial in trials_of(study):
            if trial.has_own_network and (not trial.is_running or trial.reports):
                self._tried[self._key(trial)] = trial.number
        self._failed = deque(self._failed_trials())
        self._rng.seed(f"{seed} {len(self._tried)}")  # a resumed search must draw other networks

    # what a kind of networks has to say

    @abstractmethod
    def _key(self, trial: TrialRecord) -> Hashable:
        """Equal for trials that train the same network in the same way."""

    @abstractmethod
    def _recognise(self, trial: Trial) -> Recognised:
        """Suggest the parameters of a trial, and write which network they are into its attributes."""

    @abstractmethod
    def _untried(self) -> Params | None:
        """The parameters of an untried network, at random; None if there are none."""

    @abstractmethod
    def config(self, trial: Trial) -> dict[str, Any]:
        """The configuration for the trainable."""

    @abstractmethod
    def last_step(self, trial: Trial) -> int | None:
        """The step with which a trial is complete."""

    def _failed_trials(self) -> list[TrialRecord]:
        """Failed trials of an earlier session that should be tried again."""
        return []

    def _repeat_attributes(self, failed: TrialRecord) -> Attributes:
        """The attributes of a trial that tries again what a failed one did."""
        raise NotImplementedError

    # the trials

    def next(self) -> Proposal | None:
        if self._failed and self._affords_new():  # in an earlier session, for a reason that may be gone
            return self._repeat(self._failed.popleft())
        while self._is_waiting():
            proposal = self._consider(self._ask())
            if proposal is not None:
                return proposal
        sampler = self._study.sampler
        return self._chosen(sampler) if isinstance(sampler, PausingSampler) else self._suggested()

    def has_more(self, sampler: PausingSampler) -> bool:
        """Whether `next` would have a trial within the budget of the study's sampler."""
        repeats = bool(self._failed) and self._affords_new()
        return repeats or self._is_waiting() or sampler.choose(self._study) is not None

    def _is_waiting(self) -> bool:
        """Whether an enqueued network waits that could be completed within the budget."""
        return bool(self._study.get_trials(deepcopy=False, states=(TrialState.WAITING,))) and self._affords_new()

    def _affords_new(self) -> bool:
        """Whether a sampler that pauses trials has budget for another network; others leave that to the bridge."""
        sampler = self._study.sampler
        return not isinstance(sampler, PausingSampler) or sampler.affords_new(self._study)

    def _chosen(self, sampler: PausingSampler) -> Proposal | None:
        """What a sampler that pauses trials has chosen."""
        for _ in range(_DRAWS):
            choice = sampler.choose(self._study)
            if choice is None:
                return None
            if choice.resume is not None:
                trial = resume(self._study, choice.resume)
                try:
                    return self._proposal(trial, goes_on=True)
                except Exception:  # its folder cannot be made, for example
                    pause(trial)
                    raise
            proposal = self._try(choice.open or {}, self._name_of(choice.open or {}))
            if proposal is not None:
                return proposal
        return None

    def _suggested(self) -> Proposal | None:
        """What any other sampler suggests, and an untried network at random after several duplicates in a row."""
        while self._known and len(self._tried) % _KNOWN_EVERY == _KNOWN_EVERY - 1:
            name, params = next(iter(self._known.items()))
            del self._known[name]
            proposal = self._try(params, name)
            if proposal is not None:
                return proposal
        crowded = len(trials_of(self._study, TrialState.RUNNING)) > _MANY
        for _ in range(min(self._tries, _FEWER_TRIES) if crowded else self._tries):
            proposal = self._consider(self._ask())
            if proposal is not None:
                return proposal
        for _ in range(_DRAWS):
            drawn = self._untried()
            if drawn is None:
                return None
            proposal = self._try(drawn, DRAWN)
            if proposal is not None:
                return proposal
        return None

    def _name_of(self, params: Params) -> str | None:
        return next((name for name, known in self._known.items() if known == params), None)

    def _try(self, params: Params, source: str | None) -> Proposal | None:
        """A trial of this network; None if it was tried before. Parameters that are missing are sampled."""
        self._study.enqueue_trial(dict(params), source_attributes(source) if source is not None else None)
        return self._consider(self._ask())

    def _repeat(self, failed: TrialRecord) -> Proposal:
        """A trial of the same network as a failed one."""
        trial = create_trial(
            state=TrialState.RUNNING,
            params=failed.trial.params,
            distributions=failed.trial.distributions,
            user_attrs=dict(self._repeat_attributes(failed)),
        )
        self._study.add_trial(trial)  # not enqueued: known networks may be waiting
        return self._proposal(Trial(self._study, self._study.get_trials(deepcopy=False)[-1]._trial_id))

    def again(self, trial: Trial) -> Proposal | None:
        """Continue an interrupted trial, whichever of its attributes the driver had written when it died."""
        record = TrialRecord.of(trial)
        if record.is_excluded:
            self._exclude(trial)
            return None
        if record.duplicate_of is not None:
            self._answer(trial, record.duplicate_of)
            return None
        if not record.reports and record.rescues is None:
            return self._consider(trial)
        return self._proposal(trial)

    def _proposal(self, trial: Trial, *, goes_on: bool = False) -> Proposal:
        record = TrialRecord.of(trial)
        self._tried[self._key(record)] = record.number
        return Proposal(trial, self.config(trial), goes_on)

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
        """A proposal; None if the network is excluded or was tried: then the trial ends at once.

        A sampler that raises has failed this trial; the exception is passed on.
        """
        try:
            network = self._recognise(trial)
        except Exception as error:
            self._fail(trial.number, error)
            raise
        if network.excluded:
            write_failure(trial, network.excluded)
            self._exclude(trial)
            return None
        known = self._tried.get(network.key)
        if known is None or known == trial.number:
            return self._proposal(trial)
        self._answer(trial, known)
        return None

    def _exclude(self, trial: Trial) -> None:
        write_excluded(trial)
        self._study.tell(trial, state=TrialState.FAIL)

    def _answer(self, trial: Trial, number: int) -> None:
        """End a duplicate. It is told FAIL, which samplers ignore: its answer is known and must not count twice."""
        write_duplicate(trial, number)
        self._study.tell(trial, state=TrialState.FAIL)
