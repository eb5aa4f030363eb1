"""`Sight`: what was read of a study's trials, as arrays that grow with it. Only trials that change are read again."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from itertools import compress
from operator import is_not
from statistics import median
from typing import Any, NamedTuple

import numpy as np
from optuna.trial import FrozenTrial, TrialState

from xoresnet.search.pruning.reports import RECORD, REPORT, SECONDS, steps_of
from xoresnet.search.strategy.marks import DUPLICATE, EVICTED, PAUSED, RESCUES, charged_steps, is_evicted
from xoresnet.search.strategy.progress import Array, Flags, Key, Params, Rows, key_of

__all__ = ["Observed", "Sight", "is_paused", "observed"]


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


class Sight:
    """The trials of one study, each in the row of its number; rows of trials that wait are empty."""

    def __init__(self, rungs: int, objectives: int) -> None:
        self.params: list[Params] = []
        self.values: Array = np.full((0, rungs, objectives), np.nan)
        """`[n, rungs, objectives]`; the other arrays are as in `Progress`."""
        self.at: Rows = np.zeros(0, dtype=np.int64)
        self.steps: Rows = np.zeros(0, dtype=np.int64)
        self.charged: Rows = np.zeros(0, dtype=np.int64)
        self.seconds: Array = np.zeros(0)
        self.paused: Flags = np.zeros(0, dtype=np.bool_)
        self.complete, self.pruned, self.feasible = (np.zeros(0, dtype=np.bool_) for _ in range(3))
        self.evicted: Flags = np.zeros(0, dtype=np.bool_)
        self._counts: Flags = np.zeros(0, dtype=np.bool_)
        """Rows of networks: neither failed nor answered."""
        self._continues: dict[int, int] = {}
        """For each trial that continues a pruned one, the number of that one."""
        self._last: list[FrozenTrial] = []
        self._versions: list[tuple[Any, ...] | None] = []
        self._gone: frozenset[int] = frozenset()
        self._keys: list[Key | None] = []
        self._times: dict[Key, int] = {}
        """How many trials have each key."""
        self._seen: frozenset[Key] | None = None
        self._known: tuple[frozenset[Key], int, Flags] | None = None

    def changed(self, trials: list[FrozenTrial], gone: frozenset[int]) -> Iterator[FrozenTrial]:
        """The trials that differ from those of the last time. gone: the numbers of those without a checkpoint.

        Optuna replaces the object of a trial that changes; storages that make new objects all the time are told by
        what a trial has.
        """
        self._grow(len(trials))
        differ = list(compress(trials, map(is_not, trials, self._last)))
        differ += trials[len(self._last) :]
        differ += [trials[number] for number in gone ^ self._gone if number < len(trials)]
        self._last, self._gone = trials, gone
        for trial in differ:
            version = _version(trial, trial.number in gone)
            if self._versions[trial.number] != version:
                self._versions[trial.number] = version
                yield trial

    def _grow(self, count: int) -> None:
        self._versions += [None] * (count - len(self._versions))
        self._keys += [None] * (count - len(self._keys))
        self.params += [{}] * (count - len(self.params))
        more = count - len(self.at)
        if more <= 0:
            return
        more = max(more, len(self.at) // 2)  # seldom
        for name, array in list(vars(self).items()):
            if isinstance(array, np.ndarray):
                filling = np.full((more, *array.shape[1:]), np.nan if array.dtype.kind == "f" else 0, dtype=array.dtype)
                setattr(self, name, np.concatenate([array, filling]))

    def put(self, trial: Observed) -> None:
        """Take over a trial."""
        row = trial.number
        self.params[row] = trial.params
        self.values[row] = np.nan
        if trial.values:
            self.values[row, : len(trial.values)] = trial.values
        self.at[row], self.steps[row], self.charged[row] = trial.at, trial.steps, trial.charged
        self.seconds[row], self.paused[row], self.evicted[row] = trial.seconds, trial.paused, trial.evicted
        self.complete[row], self.pruned[row] = trial.state == TrialState.COMPLETE, trial.state == TrialState.PRUNED
        self.feasible[row] = trial.feasible
        self._counts[row] = trial.state != TrialState.FAIL and not trial.answered
        if trial.continues is not None:
            self._continues[row] = trial.continues
        before = self._keys[row]
        if before != trial.key:
            self._forget(before)
            self._keys[row] = trial.key
            self._times[trial.key] = self._times.get(trial.key, 0) + 1
            self._seen = self._known = None

    def _forget(self, key: Key | None) -> None:
        if key is not None:
            self._times[key] -= 1
            if not self._times[key]:
                del self._times[key]

    def rows(self, without: int | None = None) -> Rows:
        """The rows of networks, without one."""
        counts = self._counts.copy()
        counts[[number for row, number in self._continues.items() if row != without]] = False
        if without is not None:
            counts[without] = False
        return np.flatnonzero(counts)

    def seen(self, without: int | None = None) -> frozenset[Key]:
        """The keys of all trials but one."""
        if self._seen is None:
            self._seen = frozenset(self._times)
        key = None if without is None else self._keys[without]
        return self._seen - {key} if key is not None and self._times[key] == 1 else self._seen

    def known(self, keys: frozenset[Key]) -> Flags:
        """Which rows have one of these keys."""
        if self._known is None or self._known[:2] != (keys, len(self.at)):
            flags: Flags = np.zeros(len(self.at), dtype=np.bool_)
            if keys:
                flags[[row for row, key in enumerate(self._keys) if key in keys]] = True
            self._known = keys, len(self.at), flags
        return self._known[2]


def _version(trial: FrozenTrial, gone: bool) -> tuple[Any, ...]:
    """Differs for trials in which anything differs that is observed."""
    attributes = trial.user_attrs
    marks = attributes.get(PAUSED), len(attributes.get(EVICTED, ())), gone
    return len(attributes), len(trial.params), len(trial.system_attrs), trial.state, *marks


def observed(trial: FrozenTrial, rungs: tuple[int, ...], gone: bool) -> Observed:
    """Read a trial. gone: whether it has lost its checkpoint since it was told PRUNED."""
    attributes = trial.user_attrs
    steps = steps_of(attributes)
    last = steps[-1] if steps else 0
    values = _at_rungs(attributes, steps, rungs)
    complete = trial.state == TrialState.COMPLETE
    if complete and steps:  # a recipe may have fewer epochs than the longest
        final = tuple(map(float, attributes[f"{REPORT}{last}"]))
        values += (final,) * (len(rungs) - len(values))
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
