"""`History`: the trials that stand for all trials of a study, so that a model of them costs the same in any study.

The best complete trials are kept as they are: by non-dominated rank, and spread over the last front that does not fit.
All others are represented by an even sample over their numbers, in which their states have the share that they have in
the study. What is kept is brought up to date with each trial; its size does not grow.
"""

from __future__ import annotations

import heapq
from collections.abc import Sequence

import numpy as np
from optuna.study import StudyDirection
from optuna.trial import FrozenTrial, TrialState

from xoresnet.search.pruning.ranking import best_rows

__all__ = ["History"]

_GOLDEN = 2654435769
"""2^32 divided by the golden ratio: multiples of it fill the numbers below 2^32 evenly, however many there are."""
_RESERVE = 4
"""So many times the best trials that are wanted are remembered, before they are ranked again."""
_SURE = 0.1
"""Up to this share of the representatives are the running trials that began last."""


class History:
    """Follows a study."""

    def __init__(self, directions: Sequence[StudyDirection], most: int, best: int) -> None:
        """most: representatives of a study in all. best: how many of them are the best complete trials."""
        self._signs = np.array([-1.0 if each == StudyDirection.MAXIMIZE else 1.0 for each in directions])
        self._most, self._best = most, best
        self._count = 0
        self._finished = 0
        self._open: dict[int, None] = {}
        """The numbers of trials that may still change."""
        self._elite: list[FrozenTrial] = []
        self._sample: list[tuple[int, int, FrozenTrial]] = []
        """A heap of those with the smallest places, each with minus its place and its number."""

    def follow(self, trials: Sequence[FrozenTrial]) -> None:
        """Take over what has changed. trials: all of the study, by number."""
        self._open.update(dict.fromkeys(range(self._count, len(trials))))
        self._count = len(trials)
        for number in [number for number in self._open if trials[number].state.is_finished()]:
            del self._open[number]
            if trials[number].state != TrialState.FAIL:
                self._finished += 1
                self._add(trials[number])

    def representatives(self, trials: Sequence[FrozenTrial], without: int) -> list[FrozenTrial] | None:
        """Complete, pruned and running trials but one, by number; None if all of them are few enough."""
        running = [number for number in self._open if number != without and trials[number].state == TrialState.RUNNING]
        if self._finished + len(running) <= self._most:
            return None
        chosen = {trial.number: trial for trial in self._cut(self._best)}
        sure = max(1, int(_SURE * self._most))
        chosen |= {number: trials[number] for number in running[-sure:]}
        others = [(_place(number), number, trials[number]) for number in running[:-sure]]
        others += [(-place, number, trial) for place, number, trial in self._sample]
        for _, number, trial in sorted(others, key=lambda other: other[0]):
            if len(chosen) == self._most:
                break
            chosen.setdefault(number, trial)
        return [chosen[number] for number in sorted(chosen)]

    def _add(self, trial: FrozenTrial) -> None:
        if trial.state == TrialState.COMPLETE and _is_feasible(trial):
            self._elite.append(trial)
            if len(self._elite) > 2 * _RESERVE * self._best:
                self._elite = self._cut(_RESERVE * self._best)
        heapq.heappush(self._sample, (-_place(trial.number), trial.number, trial))
        if len(self._sample) > self._most:
            heapq.heappop(self._sample)

    def _cut(self, count: int) -> list[FrozenTrial]:
        """The best complete trials."""
        if len(self._elite) <= count:
            return self._elite
        losses = np.array([trial.values for trial in self._elite]) * self._signs
        return [self._elite[row] for row in sorted(best_rows(losses, count))]


def _place(number: int) -> int:
    return number * _GOLDEN % 2**32


def _is_feasible(trial: FrozenTrial) -> bool:
    return not trial.system_attrs or all(value <= 0 for value in trial.constraints.values())
