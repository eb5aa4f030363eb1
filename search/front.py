"""The front of a study: finished trials that no other dominates, one for each network."""

from __future__ import annotations

from collections.abc import Sequence

from optuna.study import Study, StudyDirection
from optuna.trial import FrozenTrial, TrialState

from xoresnet.search.attributes import DUPLICATE

__all__ = ["front_of"]


def front_of(study: Study) -> list[FrozenTrial]:
    """Complete trials, best in the last objective first; answers from the record are left out."""
    trials = [
        trial
        for trial in study.get_trials(deepcopy=False, states=(TrialState.COMPLETE,))
        if DUPLICATE not in trial.user_attrs
    ]
    signs = [-1.0 if direction == StudyDirection.MAXIMIZE else 1.0 for direction in study.directions]
    losses = [[sign * value for sign, value in zip(signs, trial.values, strict=True)] for trial in trials]
    front = [trial for trial, mine in zip(trials, losses, strict=True) if not any(_dominates(o, mine) for o in losses)]
    return sorted(front, key=lambda trial: (signs[-1] * trial.values[-1], trial.number))


def _dominates(one: Sequence[float], other: Sequence[float]) -> bool:
    return all(a <= b for a, b in zip(one, other, strict=True)) and tuple(one) != tuple(other)
