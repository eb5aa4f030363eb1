"""Trials that are known in advance: a list of jobs, each completed once, however often it is interrupted."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Hashable, Iterable
from typing import Any

from optuna.study import Study
from optuna.trial import Trial, TrialState, create_trial

from xoresnet.search.sources.base import Proposal
from xoresnet.search.study.trials import Attributes, trials_of

__all__ = ["JobSource"]


class JobSource:
    """A `TrialSource` of jobs; a job is given by the user attributes of its trial."""

    def __init__(
        self,
        study: Study,
        jobs: Iterable[Attributes],
        *,
        key: Callable[[Attributes], Hashable],
        config: Callable[[Trial], dict[str, Any]],
        last_step: Callable[[Trial], int],
    ) -> None:
        """key: equal for attributes of the same job. config: the configuration for a trial's trainable. last_step: the
        step with which a trial is complete.

        Jobs that are COMPLETE in the study are skipped; failed jobs are tried again. RUNNING trials that belong to none
        of these jobs are left alone, so that they can be continued when their jobs are requested again.
        """
        self._study, self._key, self._config, self._last_step = study, key, config, last_step
        wanted = {key(job): job for job in jobs}
        trials = trials_of(study, TrialState.COMPLETE, TrialState.RUNNING)
        begun = {key(trial.attributes): trial.state for trial in trials}
        self.finished = sum(trial.is_complete for trial in trials)
        """How many trials of the study are complete."""
        self._interrupted = {name for name in wanted if begun.get(name) == TrialState.RUNNING}
        self._wanted = frozenset(wanted)
        self._waiting = deque(job for name, job in wanted.items() if name not in begun)

    @property
    def to_do(self) -> int:
        """How many jobs have not been handed out yet."""
        return len(self._waiting) + len(self._interrupted)

    def next(self) -> Proposal | None:
        if not self._waiting:
            return None
        attrs = dict(self._waiting.popleft())
        # one record with all attributes: a crash leaves the whole trial or nothing
        self._study.add_trial(create_trial(state=TrialState.RUNNING, user_attrs=attrs))
        trial = Trial(self._study, self._study.get_trials(deepcopy=False)[-1]._trial_id)
        return Proposal(trial, self._config(trial))

    def again(self, trial: Trial) -> Proposal | None:
        if self._key(trial.user_attrs) not in self._wanted:
            return None
        self._interrupted.discard(self._key(trial.user_attrs))
        return Proposal(trial, self._config(trial))

    def last_step(self, trial: Trial) -> int:
        return self._last_step(trial)
