"""`Reached`: what the trials of a study reported at each rung. Those that have ended are read only once."""

from __future__ import annotations

import math
from collections.abc import Sequence
from threading import Lock
from typing import Any, NamedTuple
from weakref import WeakKeyDictionary

import numpy as np
from numpy.typing import NDArray
from optuna.study import Study
from optuna.trial import FrozenTrial, TrialState

from xoresnet.search.pruning.reports import REPORT, report_step

__all__ = ["AtRung", "Reached"]

_PEERS = (TrialState.COMPLETE, TrialState.PRUNED, TrialState.RUNNING)


class AtRung(NamedTuple):
    """The trials that have reached a rung, by number."""

    numbers: NDArray[np.int64]
    values: NDArray[np.float64]
    """`[trials, objectives]`"""
    violations: NDArray[np.float64]
    """By how much each trial breaks its constraints in all; 0 for a feasible one."""


class Reached:
    """Any number of threads may ask; it is pickled without what it has read."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._read: WeakKeyDictionary[Study, dict[tuple[int, int], _Rung]] = WeakKeyDictionary()

    def __reduce__(self) -> tuple[type[Reached], tuple[()]]:
        return Reached, ()

    def at(self, study: Study, rung: int, following: int) -> AtRung:
        """The trials of a study that have reached a rung; failed ones do not count.

        A trial that skipped the step of the rung itself counts with its first report before the following rung.
        """
        with self._lock:
            rungs = self._read.setdefault(study, {})
            if (rung, following) not in rungs:
                rungs[rung, following] = _Rung(rung, following, len(study.directions))
            return rungs[rung, following].look(study.get_trials(deepcopy=False))


class _Rung:
    def __init__(self, rung: int, following: int, objectives: int) -> None:
        self._key = f"{REPORT}{rung}"
        self._later = frozenset(f"{REPORT}{step}" for step in range(rung + 1, following))
        self._count = 0
        self._open: set[int] = set()
        """The numbers of trials that may still change."""
        self._has = np.zeros(0, dtype=np.bool_)
        self._values = np.zeros((0, objectives))
        self._violations = np.zeros(0)

    def look(self, trials: Sequence[FrozenTrial]) -> AtRung:
        self._open.update(range(self._count, len(trials)))
        self._count = len(trials)
        more = len(trials) - len(self._has)
        if more > 0:
            more = max(more, len(self._has) // 2)  # seldom
            self._has = np.concatenate([self._has, np.zeros(more, dtype=np.bool_)])
            self._values = np.concatenate([self._values, np.zeros((more, self._values.shape[1]))])
            self._violations = np.concatenate([self._violations, np.zeros(more)])
        for number in list(self._open):
            self._put(trials[number])
        numbers = np.flatnonzero(self._has)
        return AtRung(numbers, self._values[numbers], self._violations[numbers])

    def _put(self, trial: FrozenTrial) -> None:
        number = trial.number
        values = self._of(trial.user_attrs) if trial.state in _PEERS else None
        self._has[number] = values is not None
        if values is not None:
            self._values[number], self._violations[number] = values, _violation(trial)
        if trial.state.is_finished():
            self._open.discard(number)

    def _of(self, attributes: dict[str, Any]) -> Any:
        values = attributes.get(self._key)
        if values is None and not self._later.isdisjoint(attributes):
            values = attributes[min(self._later.intersection(attributes), key=report_step)]
        return values


def _violation(trial: FrozenTrial) -> float:
    """The sum of all constraint violations; 0 for a feasible trial."""
    if not trial.system_attrs:  # Optuna keeps constraints there; reading them from thousands of trials takes a while
        return 0.0
    return math.fsum(max(0.0, value) for value in trial.constraints.values())
