"""The front of a study: complete trials that no other dominates, and the hypervolume that they dominate."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from datetime import datetime
from typing import NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from optuna.study import Study, StudyDirection
from optuna.trial import FrozenTrial, TrialState

from xoresnet.measures.metrics import Direction, metric_of
from xoresnet.results.fronts.hypervolume import hypervolume
from xoresnet.results.fronts.objectives import losses
from xoresnet.results.fronts.pareto import nondominated
from xoresnet.search.study.trials import TrialRecord, own_trials

__all__ = ["Volume", "front", "front_of", "volume_of"]


_NEVER = datetime.max


class Volume(NamedTuple):
    """A hypervolume and the reference point up to which it is measured."""

    hypervolume: float
    reference: dict[str, float]
    log: tuple[str, ...]
    """Objectives that are measured in decades."""


def front(study: Study) -> list[FrozenTrial]:
    """The complete trials of a search that no other dominates, best in the last objective first.

    Optuna's `study.best_trials` also has the trials that were answered from the record because an earlier trial had
    trained their network: they are complete, so that the sampler learns from them, and have the same values.
    """
    return [record.trial for record in front_of(study)]


def front_of(study: Study) -> list[TrialRecord]:
    """Complete trials that no other dominates, best in the last objective first; duplicates are left out."""
    trials = own_trials(study, TrialState.COMPLETE)
    if not trials:
        return []
    signs = [-1.0 if direction == StudyDirection.MAXIMIZE else 1.0 for direction in study.directions]
    losses = np.array([trial.values for trial in trials]) * signs
    front = [trials[row] for row in np.flatnonzero(nondominated(losses))]
    return sorted(front, key=lambda trial: (signs[-1] * trial.values[-1], trial.number))


def volume_of(study: Study) -> Volume | None:
    """The hypervolume of the front so far, which never falls while the search runs; None if nothing is complete.

    Its reference point lies well beyond the first complete trial: at zero for accuracies and the like, at ten times the
    value for amounts such as spikes. It moves outwards only for a trial that joins the front beyond it. Amounts are
    measured in decades, and trials without any of them (a network that never spikes) are left out.
    """
    metrics = study.metric_names or []
    trials = sorted(own_trials(study, TrialState.COMPLETE), key=lambda trial: (trial.ended or _NEVER, trial.number))
    table = pd.DataFrame([trial.values for trial in trials], columns=metrics)
    directions: dict[str, Direction] = {
        metric: "max" if direction == StudyDirection.MAXIMIZE else "min"
        for metric, direction in zip(metrics, study.directions, strict=True)
    }
    log = tuple(metric for metric in metrics if metric_of(metric).log)
    table = table.loc[(table[[*log]] > 0).all(axis=1)]
    points = losses(table, directions, log)
    finite = pd.Series(np.isfinite(points).all(axis=1), table.index)
    table, points = table.loc[finite], points[finite.to_numpy()]
    if table.empty:
        return None
    reference = _reference(points, [_margin(metric, log) for metric in metrics])
    values = {
        metric: float((-1 if directions[metric] == "max" else 1) * value) + 0.0  # not -0.0
        for metric, value in zip(metrics, reference, strict=True)
    }
    values |= {metric: 10.0 ** values[metric] for metric in log}
    return Volume(hypervolume(table, directions, values, log), values, log)


Margin = Callable[[float], float]
"""How far beyond a loss the reference point lies."""


def _margin(metric: str, log: Collection[str]) -> Margin:
    if metric in log:
        return lambda loss: 1.0  # a decade
    if metric_of(metric).share:
        return abs  # leads to an accuracy of zero, because its loss is its negative
    return lambda loss: abs(loss) or 1.0


def _reference(points: NDArray[np.float64], margins: Sequence[Margin]) -> NDArray[np.float64]:
    """The reference point in the space of losses; points: of all trials in the order in which they ended."""

    def beyond(point: NDArray[np.float64]) -> NDArray[np.float64]:
        return np.array([loss + margin(loss) for loss, margin in zip(point.tolist(), margins, strict=True)])

    reference = beyond(points[0])
    for place in np.flatnonzero((points >= reference).any(axis=1)):
        point, earlier = points[place], points[:place]
        if (point >= reference).any() and not (earlier <= point).all(axis=1).any():
            reference = np.maximum(reference, beyond(point))
    return reference
