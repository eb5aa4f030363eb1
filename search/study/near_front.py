"""The pruned trials nearest to the front: successive halving stops some that would have ended on it."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from optuna.study import Study, StudyDirection

from xoresnet.search.study.attributes import GUIDED
from xoresnet.search.study.trials import TrialRecord, own_trials, trials_of

__all__ = ["FINISHABLE", "near_front", "rescued"]

FINISHABLE = 20
"""How many pruned trials of a guided search keep their checkpoints: those nearest to the front."""


def near_front(study: Study) -> list[TrialRecord]:
    """Pruned trials without a rescue, nearest to the front first, and by number at equal distance.

    Each trial is compared with what all trials reported at the step at which it was stopped. Its distance is the
    smallest amount by which all its objectives would have to improve at once for no trial to dominate it there (the
    additive epsilon indicator). Each objective is scaled to 0 to 1 over everything that was ever reported,
    logarithmically if all values are positive, because spikes span decades.
    """
    trials = own_trials(study)
    rescued_numbers = {trial.rescues for trial in trials}
    reports = {trial.number: trial.reports for trial in trials if trial.rescues is None}
    stopped: dict[int, list[TrialRecord]] = {}
    for trial in trials:
        if trial.is_pruned and trial.number not in rescued_numbers and reports.get(trial.number):
            stopped.setdefault(trial.last_step, []).append(trial)
    keys = [(number, step) for number, values in reports.items() for step in values]
    if not keys:
        return []
    scaled = dict(zip(keys, _scaled([reports[number][step] for number, step in keys], study.directions), strict=True))
    distances: list[tuple[float, int, TrialRecord]] = []
    for step, candidates in stopped.items():
        peers = np.array([scaled[number, step] for number in reports if (number, step) in scaled])
        distances += [(_distance(scaled[trial.number, step], peers), trial.number, trial) for trial in candidates]
    return [trial for *_, trial in sorted(distances, key=lambda row: row[:2])]


def rescued(study: Study) -> int:
    """How many rescues have begun, in whatever state, without those that a guide has chosen."""
    return sum(trial.rescues is not None and trial.source != GUIDED for trial in trials_of(study))


def _scaled(values: Sequence[Sequence[float]], directions: Sequence[StudyDirection]) -> NDArray[np.float64]:
    """Each objective from 0 (best) to 1, `[reports, objectives]`."""
    table = np.array(values, dtype=np.float64)
    positive = (table > 0).all(axis=0)
    table[:, positive] = np.log(table[:, positive])
    table *= [-1.0 if direction == StudyDirection.MAXIMIZE else 1.0 for direction in directions]
    lowest, highest = table.min(axis=0), table.max(axis=0)
    scaled: NDArray[np.float64] = (table - lowest) / np.where(highest > lowest, highest - lowest, 1.0)
    return scaled


def _distance(point: NDArray[np.float64], peers: NDArray[np.float64]) -> float:
    """The additive epsilon indicator of a point `[objectives]` among its peers `[peers, objectives]`."""
    excess = point - peers
    dominating = (excess >= 0).all(axis=1) & (excess > 0).any(axis=1)
    return float(excess[dominating].min(axis=1).max()) if dominating.any() else 0.0
