"""`Observer`: reads a study into a `Progress`. It keeps nothing but a cache of trials that it has read before."""

from __future__ import annotations

import math
from collections.abc import Callable, Collection, Mapping, Sequence
from statistics import median
from typing import Any, NamedTuple
from weakref import WeakKeyDictionary

import numpy as np
from optuna.study import Study, StudyDirection
from optuna.trial import FrozenTrial, TrialState

from xoresnet.search.pruning.reports import RECORD, REPORT, SECONDS, steps_of
from xoresnet.search.strategy.marks import (
    DUPLICATE,
    EVICTED,
    EVICTED_TRIALS,
    PAUSED,
    RESCUES,
    charged_steps,
    is_evicted,
)
from xoresnet.search.strategy.progress import Key, Params, Progress, key_of

__all__ = ["Observed", "Observer", "is_paused"]


class Observed(NamedTuple):
    """One trial as strategies see it."""

    number: int
    state: TrialState
    params: Params
    key: Key
    steps: int
    """The last step that it has reported."""
    at: int
    values: tuple[tuple[float, ...], ...]
    """What it reported at each rung that it has reached."""
    paused: bool
    evicted: bool
    charged: int
    """The steps that it has cost."""
    feasible: bool
    continues: int | None
    """The number of the pruned trial that this one continues."""
    answered: bool
    seconds: float
    """How long a step takes; NaN if that was not measured."""


class Observer:
    """Reads studies whose full trainings have a known number of steps."""

    def __init__(self, rungs: tuple[int, ...], known: Callable[[], Collection[Key]] = tuple) -> None:
        """rungs: steps, the last of which is that of a full training. known: the keys of the known networks."""
        self.rungs, self._known = rungs, known
        self._read: WeakKeyDictionary[Study, dict[int, tuple[tuple[Any, ...], Observed]]] = WeakKeyDictionary()

    def trials(self, study: Study) -> list[Observed]:
        """All trials of a study that were handed out, by number."""
        read = self._read.setdefault(study, {})
        gone = frozenset(study.user_attrs.get(EVICTED_TRIALS, ()))
        return [
            self._observed(trial, read, trial.number in gone)
            for trial in study.get_trials(deepcopy=False)
            if trial.state != TrialState.WAITING
        ]

    def progress(self, study: Study, *, stopped: int | None = None, without: int | None = None) -> Progress:
        """What a study knows.

        stopped: the number of a running trial that counts as stopped. without: the number of a trial that is left out,
        because its network is only being chosen.
        """
        observed = [trial for trial in self.trials(study) if trial.number != without]
        spent = sum(trial.charged for trial in observed)
        continued = {trial.continues for trial in observed if trial.continues is not None}
        rows = [
            trial
            for trial in observed
            if trial.state != TrialState.FAIL and not trial.answered and trial.number not in continued
        ]
        known = set(self._known())
        count, rungs = len(rows), len(self.rungs)
        values = np.full((count, rungs, len(study.directions)), np.nan)
        for row, trial in enumerate(rows):
            if trial.values:
                values[row, : len(trial.values)] = trial.values
        numbers = np.array([trial.number for trial in rows], dtype=np.int64)
        states = [trial.state for trial in rows]
        paused = np.array([trial.paused for trial in rows], dtype=np.bool_) | (
            numbers == (-1 if stopped is None else stopped)
        )
        complete = np.array([state == TrialState.COMPLETE for state in states], dtype=np.bool_)
        pruned = np.array([state == TrialState.PRUNED for state in states], dtype=np.bool_)
        running = ~paused & ~complete & ~pruned
        return Progress(
            numbers=numbers,
            params=[trial.params for trial in rows],
            values=values,
            at=np.array([trial.at for trial in rows], dtype=np.int64),
            running=running,
            complete=complete,
            resumable=paused | pruned,
            feasible=np.array([trial.feasible for trial in rows], dtype=np.bool_),
            known=np.array([trial.key in known for trial in rows], dtype=np.bool_),
            steps=np.array([trial.steps for trial in rows], dtype=np.int64),
            kept=np.array([not trial.evicted for trial in rows], dtype=np.bool_),
            rungs=self.rungs,
            signs=np.array([-1.0 if each == StudyDirection.MAXIMIZE else 1.0 for each in study.directions]),
            metrics=tuple(study.metric_names) if study.metric_names else None,
            seen=frozenset(trial.key for trial in observed),
            spent=float(spent),
            seconds=np.array([trial.seconds for trial in rows], dtype=np.float64),
        )

    def _observed(self, trial: FrozenTrial, read: dict[int, tuple[tuple[Any, ...], Observed]], gone: bool) -> Observed:
        attributes = trial.user_attrs
        marks = attributes.get(PAUSED), len(attributes.get(EVICTED, ())), gone
        version = len(attributes), len(trial.params), len(trial.system_attrs), trial.state, *marks
        known = read.get(trial.number)
        if known is not None and known[0] == version:
            return known[1]
        observed = self._fresh(trial, gone)
        read[trial.number] = version, observed
        return observed

    def _fresh(self, trial: FrozenTrial, gone: bool) -> Observed:
        attributes = trial.user_attrs
        steps = steps_of(attributes)
        last = steps[-1] if steps else 0
        values = _at_rungs(attributes, steps, self.rungs)
        complete = trial.state == TrialState.COMPLETE
        if complete and steps:  # a recipe may have fewer epochs than the longest
            final = tuple(map(float, attributes[f"{REPORT}{last}"]))
            values += (final,) * (len(self.rungs) - len(values))
        return Observed(
            number=trial.number,
            state=trial.state,
            params=trial.params,
            key=key_of(trial.params),
            steps=last,
            at=len(values) - 1,
            values=values,
            paused=is_paused(trial),
            evicted=gone or is_evicted(attributes),
            charged=charged_steps(attributes),
            feasible=all(value <= 0 for value in trial.constraints.values()) if trial.system_attrs else True,
            continues=attributes.get(RESCUES),
            answered=DUPLICATE in attributes,
            seconds=_seconds(attributes, steps),
        )


def is_paused(trial: FrozenTrial) -> bool:
    """Whether a trial is stopped at a rung and may go on; in Optuna's terms it is running."""
    return trial.state == TrialState.RUNNING and bool(trial.user_attrs.get(PAUSED))


def _seconds(attributes: Mapping[str, Any], steps: Sequence[int]) -> float:
    """How long one step takes, the median over the steps; NaN if none was measured."""
    records = [attributes.get(f"{RECORD}{step}") for step in steps]
    taken = [_taken(record) for record in records if isinstance(record, Mapping) and SECONDS[0] in record]
    return median([value for value in taken if math.isfinite(value)] or [math.nan])


def _taken(record: Mapping[str, Any]) -> float:
    """The seconds of a step; NaN if they are no numbers, because the metrics may be a user's own."""
    values = [record.get(name, 0.0) for name in SECONDS]
    return float(sum(values)) if all(isinstance(value, int | float) for value in values) else math.nan


def _at_rungs(attributes: Any, steps: list[int], rungs: tuple[int, ...]) -> tuple[tuple[float, ...], ...]:
    """The report at each rung, or the first one after it, up to the last rung that was reached."""
    values = []
    for rung in rungs:
        if not steps or steps[-1] < rung:
            break
        step = rung if f"{REPORT}{rung}" in attributes else min(step for step in steps if step >= rung)
        values.append(tuple(map(float, attributes[f"{REPORT}{step}"])))
    return tuple(values)
