"""`Observer`: reads a study into a `Progress`. It keeps nothing but what it has read before."""

from __future__ import annotations

from collections.abc import Callable, Collection
from weakref import WeakKeyDictionary

import numpy as np
from optuna.study import Study, StudyDirection
from optuna.trial import TrialState

from xoresnet.search.strategy.marks import EVICTED_TRIALS
from xoresnet.search.strategy.progress import Key, Progress
from xoresnet.search.strategy.sight import Sight, is_paused, observed

__all__ = ["Observer", "is_paused"]


class Observer:
    """Reads studies whose full trainings have a known number of steps."""

    def __init__(self, rungs: tuple[int, ...], known: Callable[[], Collection[Key]] = tuple) -> None:
        """rungs: steps, the last of which is that of a full training. known: the keys of the known networks."""
        self.rungs, self._known = rungs, known
        self._read: WeakKeyDictionary[Study, Sight] = WeakKeyDictionary()

    def spent(self, study: Study) -> float:
        """What all trials of a study have cost, in steps."""
        return float(self._look(study).charged.sum())

    def progress(self, study: Study, *, stopped: int | None = None, without: int | None = None) -> Progress:
        """What a study knows.

        stopped: the number of a running trial that counts as stopped. without: the number of a trial that is left out,
        because its network is only being chosen.
        """
        sight = self._look(study)
        rows = sight.rows(without)
        numbers = rows.astype(np.int64)
        paused = sight.paused[rows] | (numbers == (-1 if stopped is None else stopped))
        complete, pruned = sight.complete[rows], sight.pruned[rows]
        return Progress(
            numbers=numbers,
            params=[sight.params[row] for row in rows.tolist()],
            values=sight.values[rows],
            at=sight.at[rows],
            running=~paused & ~complete & ~pruned,
            complete=complete,
            resumable=paused | pruned,
            feasible=sight.feasible[rows],
            known=sight.known(frozenset(self._known()))[rows],
            steps=sight.steps[rows],
            kept=~sight.evicted[rows],
            rungs=self.rungs,
            signs=np.array([-1.0 if each == StudyDirection.MAXIMIZE else 1.0 for each in study.directions]),
            metrics=tuple(study.metric_names) if study.metric_names else None,
            seen=sight.seen(without),
            spent=float(sight.charged.sum() - (0 if without is None else sight.charged[without])),
            seconds=sight.seconds[rows],
        )

    def _look(self, study: Study) -> Sight:
        """What is known of a study now; only trials that have changed are read again."""
        sight = self._read.get(study)
        if sight is None:
            sight = self._read[study] = Sight(len(self.rungs), len(study.directions))
        gone = frozenset(study.user_attrs.get(EVICTED_TRIALS, ()))
        try:
            for trial in sight.changed(study.get_trials(deepcopy=False), gone):
                if trial.state != TrialState.WAITING:
                    sight.put(observed(trial, self.rungs, trial.number in gone))
        except Exception:  # a trial that cannot be read must not be passed over the next time
            del self._read[study]
            raise
        return sight
