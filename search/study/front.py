"""The front of a study: complete trials that no other dominates, and the hypervolume that they dominate."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import pandas as pd
from optuna.study import Study, StudyDirection
from optuna.trial import TrialState

from xoresnet.measures.metrics import Direction, metric_of
from xoresnet.results.fronts.hypervolume import hypervolume, reference_point
from xoresnet.results.fronts.pareto import nondominated
from xoresnet.search.study.trials import TrialRecord, own_trials

__all__ = ["Volume", "front_of", "volume_of"]


class Volume(NamedTuple):
    """A hypervolume and the reference point up to which it is measured."""

    hypervolume: float
    reference: dict[str, float]
    log: tuple[str, ...]
    """Objectives that are measured in decades."""


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
    """The hypervolume of all complete trials, up to a point slightly worse than all of them; None if there are none.

    Metrics with a logarithmic scale, such as spikes, are measured in decades, unless one of their values is zero.
    """
    trials, metrics = own_trials(study, TrialState.COMPLETE), study.metric_names or []
    if not trials:
        return None
    table = pd.DataFrame([trial.values for trial in trials], columns=metrics)
    directions: dict[str, Direction] = {
        metric: "max" if direction == StudyDirection.MAXIMIZE else "min"
        for metric, direction in zip(metrics, study.directions, strict=True)
    }
    log = tuple(metric for metric in metrics if metric_of(metric).log and (table[metric] > 0).all())
    reference = reference_point(table, directions, log)
    return Volume(hypervolume(table, directions, reference, log), reference, log)
