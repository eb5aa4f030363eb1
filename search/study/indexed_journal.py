"""`IndexedJournal`: Optuna's journal storage, where a question about trials takes no longer in a study of thousands."""

from __future__ import annotations

from collections.abc import Container, Iterator
from typing import Any

from optuna.storages import JournalStorage
from optuna.storages.journal import BaseJournalBackend
from optuna.trial import FrozenTrial, TrialState

__all__ = ["IndexedJournal"]

_FEW = 4
"""Trials in the wanted states are looked up if all trials are at least so many times as many."""


class _Index:
    """The trials of one study by number, and the numbers of those in each state."""

    def __init__(self) -> None:
        self.trials: list[FrozenTrial] = []
        self._numbers: dict[TrialState, set[int]] = {state: set() for state in TrialState}

    def put(self, trial: FrozenTrial) -> None:
        """Add the next trial, or replace one."""
        if trial.number == len(self.trials):
            self.trials.append(trial)
        else:
            self._numbers[self.trials[trial.number].state].discard(trial.number)
            self.trials[trial.number] = trial
        self._numbers[trial.state].add(trial.number)

    def having(self, states: Container[TrialState] | None) -> list[FrozenTrial]:
        if states is None:
            return self.trials.copy()
        wanted = [numbers for state, numbers in self._numbers.items() if state in states]
        if _FEW * sum(map(len, wanted)) > len(self.trials):
            return [trial for trial in self.trials if trial.state in states]
        return [self.trials[number] for number in sorted(set().union(*wanted))]


class IndexedJournal(JournalStorage):
    """The studies in a journal; Optuna's own storage goes through all trials whenever some are asked for.

    What was read is applied by Optuna's code; the trials are those that it has.
    """

    def __init__(self, log_storage: BaseJournalBackend) -> None:
        self._indexes: dict[int, _Index] = {}
        self._changed: set[int] = set()
        """The ids of trials that were changed since the indexes were brought up to date."""
        super().__init__(log_storage)

    def __getstate__(self) -> dict[Any, Any]:
        return {**super().__getstate__(), "_indexes": {}, "_changed": set()}

    def _sync_with_backend(self) -> None:
        entries = self._backend.read_logs(self._replay_result.log_number_read)
        self._replay_result.apply_logs(self._noted(entries))

    def _noted(self, entries: Any) -> Iterator[dict[str, Any]]:
        for entry in entries:
            if "trial_id" in entry:
                self._changed.add(entry["trial_id"])
            yield entry

    def get_all_trials(
        self, study_id: int, deepcopy: bool = True, states: Container[TrialState] | None = None
    ) -> list[FrozenTrial]:
        if deepcopy:
            return super().get_all_trials(study_id, deepcopy, states)
        with self._thread_lock:
            self._sync_with_backend()
            self._replay_result.get_study(study_id)  # raises KeyError
            self._bring_up_to_date(study_id)
            return self._indexes[study_id].having(states)

    def _bring_up_to_date(self, study_id: int) -> None:
        of_study = self._replay_result._study_id_to_trial_ids
        for trial_id in self._changed:
            index = self._indexes.get(self._replay_result._trial_id_to_study_id.get(trial_id, -1))
            if index is not None:
                trial = self._replay_result.get_trial(trial_id)
                if trial.number < len(index.trials):  # else it is added below, or when its study is asked for
                    index.put(trial)
        self._changed.clear()
        index = self._indexes.setdefault(study_id, _Index())
        for trial_id in of_study[study_id][len(index.trials) :]:
            index.put(self._replay_result.get_trial(trial_id))
