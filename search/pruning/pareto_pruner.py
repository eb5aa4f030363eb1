"""`ParetoPruner`: successive halving for studies with several objectives. Imports optuna and numpy alone.

    study = optuna.create_study(directions=["maximize", "minimize"], pruner=ParetoPruner())
    trial = study.ask()
    for epoch in range(1, 21):
        accuracy, spikes = train_one_epoch(...)
        report(trial, [accuracy, spikes], epoch)
        if should_prune(trial):
            study.tell(trial, state=optuna.trial.TrialState.PRUNED)
            break
    else:
        study.tell(trial, [accuracy, spikes])

The rule is that of asynchronous successive halving (Li et al. 2020, arXiv 1810.05934) in its stopping form: a trial
that reaches a rung is compared with all that reached it before, and goes on if it is among the best
1 / `reduction_factor` of them. What is best among several objectives is said as in MO-ASHA (Schmucker et al. 2021,
arXiv 2106.12639): trials that keep their constraints before others, then non-dominated rank, then `ties`; and a trial
that no other dominates at its rung always goes on. Halving on unfinished training loses part of the front;
`docs/pruning.md` says how much.

Reports are kept in the trials' user attributes, `report:<step>`, since Optuna's intermediate values take one objective.
The pruner itself keeps nothing: a study that is opened again prunes as if it had never been closed.
"""

from __future__ import annotations

import math
from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Mapping, Sequence
from typing import Literal, cast

import numpy as np
import optuna
from numpy.typing import NDArray
from optuna.study import Study, StudyDirection
from optuna.trial import FrozenTrial, Trial, TrialState

__all__ = ["ParetoPruner", "Scale", "Ties", "report", "reports", "should_prune"]

Ties = Literal["epsilon-net", "hypervolume", "pass"]
Scale = Literal["rank", "range", "log-range"]
_PREFIX = "report:"
_PEERS = (TrialState.COMPLETE, TrialState.PRUNED, TrialState.RUNNING)
_DIGITS = 9  # distances and areas that differ only by rounding are equal, and ties between them are not left to chance
_Array = NDArray[np.float64]


def report(trial: Trial, values: Sequence[float], step: int) -> None:
    """Write down a trial's objective values after a step (counted from 1), in the order of the study's directions.

    A step that was reported already keeps its first values. NaN may be reported: it is worse than any number. Raises
    ValueError for a wrong number of values or a step below 1, TypeError for what is no number.
    """
    expected = len(trial.study.directions)
    if not isinstance(values, Iterable) or not all(hasattr(value, "__float__") for value in values):
        raise TypeError(f"values must be numbers, one for each objective, got {values!r}")
    numbers = [float(value) for value in values]
    if len(numbers) != expected:
        raise ValueError(f"the study has {expected} objectives, got {len(numbers)} values")
    if isinstance(step, bool) or not hasattr(step, "__float__") or not float(step).is_integer() or step < 1:
        raise ValueError(f"a step is a whole number of at least 1, got {step!r}")
    key = f"{_PREFIX}{int(step)}"
    if key not in trial.user_attrs:
        trial.set_user_attr(key, numbers)


def should_prune(trial: Trial) -> bool:
    """Ask the study's pruner about a trial that has just reported."""
    frozen = trial.study.get_trials(deepcopy=False)[trial.number]
    return trial.study.pruner.prune(trial.study, frozen)


def reports(trial: Trial | FrozenTrial) -> dict[int, list[float]]:
    """All that a trial has reported, by step, in order."""
    attrs = trial.user_attrs
    return {step: attrs[f"{_PREFIX}{step}"] for step in _steps(attrs)}


def _steps(attrs: Mapping[str, object]) -> list[int]:
    """In order; attributes of other names are none of ours."""
    return sorted(_step(key) for key in attrs if key.startswith(_PREFIX) and key[len(_PREFIX) :].isdecimal())


def _step(key: str) -> int:
    return int(key[len(_PREFIX) :])


class ParetoPruner(optuna.pruners.BasePruner):
    """Stops trials that are dominated at their rung; see the head of this file.

    min_steps: the first rung; the next ones are `reduction_factor` times as far.
    max_steps: with how many steps a trial is done; at none of these and later is anything stopped. None: unknown.
    min_trials: how many trials, the new one included, a rung must have seen before anything is stopped there.
    ties: who goes on where some of equal rank must be left: `epsilon-net` spreads over the front (farthest point first,
    from the best in the first objective), `hypervolume` prefers large contributions (two objectives only), `pass` lets
    all of them go on, which costs more and loses less.
    scale: how objectives are made comparable for the first two: by their rank among the trials of the rung, or by their
    range, linear or logarithmic; one for all, or one for each. Ranks heed nothing but order. Infinities, and in a
    logarithmic range zero, lie a little outside; an objective that takes both signs is never logarithmic.
    brackets: trials are dealt to so many groups, of which each begins a rung later and is judged by itself.
    """

    def __init__(
        self,
        min_steps: int = 1,
        *,
        max_steps: int | None = None,
        reduction_factor: int = 2,
        min_trials: int = 4,
        ties: Ties = "epsilon-net",
        scale: Scale | Sequence[Scale] = "rank",
        brackets: int = 1,
    ) -> None:
        """Raises ValueError for values out of range."""
        lowest = {"min_steps": 1, "max_steps": 1, "reduction_factor": 2, "min_trials": 1, "brackets": 1}
        given = {
            "min_steps": min_steps, "max_steps": max_steps, "reduction_factor": reduction_factor,
            "min_trials": min_trials, "brackets": brackets,
        }  # fmt: skip
        for name, least in lowest.items():
            value = given[name]
            if value is None and name == "max_steps":
                continue
            if not isinstance(value, int) or isinstance(value, bool) or value < least:
                raise ValueError(f"{name} must be a whole number of at least {least}, got {value!r}")
        scales = (scale,) if isinstance(scale, str) else tuple(scale)
        if not scales:
            raise ValueError("scale: no value")
        for name, value_, options in (("ties", (ties,), Ties), ("scale", scales, Scale)):
            known = options.__args__  # type: ignore[attr-defined]
            for one in value_:
                if one not in known:
                    raise ValueError(f"{name}: {one!r} is not one of {', '.join(known)}")
        self._first, self._last, self._factor = min_steps, max_steps, reduction_factor
        self._min_trials, self._ties, self._scales, self._brackets = min_trials, ties, scales, brackets

    def prune(self, study: Study, trial: FrozenTrial) -> bool:
        """Whether to stop a trial that has reported by `report`; decides only where it has just reached a rung."""
        self._check_fits(len(study.directions))
        rung = self._reached_rung(trial)
        if rung is None:
            return False
        values, violations = self._at_rung(study, trial, rung)
        if len(values) < self._min_trials:
            return False
        signs = np.array([-1.0 if d == StudyDirection.MAXIMIZE else 1.0 for d in study.directions])
        losses = np.array(values, dtype=np.float64) * signs
        places = max(1, len(values) // self._factor)
        return not _goes_on(losses, np.array(violations), places, self._ties, self._scales)

    def _check_fits(self, objectives: int) -> None:
        """What can be known only with a study at hand."""
        if len(self._scales) not in (1, objectives):
            raise ValueError(f"scale: {len(self._scales)} values for {objectives} objectives")
        if self._ties == "hypervolume" and objectives != 2:
            raise ValueError(f"ties='hypervolume' is for two objectives, the study has {objectives}")

    def _at_rung(self, study: Study, trial: FrozenTrial, rung: int) -> tuple[list[list[float]], list[float]]:
        """What the trial, then all others of its bracket, reported on reaching a rung, and how they break constraints.

        That is the first report from the rung on, before the next rung: they may have skipped the step itself.
        """
        key = f"{_PREFIX}{rung}"
        later = frozenset(f"{_PREFIX}{step}" for step in range(rung + 1, rung * self._factor))
        trials = [trial, *study.get_trials(deepcopy=False, states=_PEERS)]
        values, violations = [], []
        for index, one in enumerate(trials):
            if index and (one.number == trial.number or (one.number - trial.number) % self._brackets):
                continue
            attrs = one.user_attrs
            found = attrs.get(key)
            if found is None and not later.isdisjoint(attrs):
                found = attrs[min(later.intersection(attrs), key=_step)]
            if found is not None:
                values.append(found)
                violations.append(_violation(one))
        return values, violations

    def _reached_rung(self, trial: FrozenTrial) -> int | None:
        """The highest rung that the latest report reached and none before it did."""
        steps = _steps(trial.user_attrs)
        if not steps:
            return None
        rung = self._rung_below(steps[-1], trial.number)
        if rung is None or (len(steps) > 1 and steps[-2] >= rung):
            return None
        return rung

    def _rung_below(self, step: int, number: int) -> int | None:
        rung: int = self._first * self._factor ** (number % self._brackets)
        if step < rung or (self._last is not None and step >= self._last):
            return None
        while rung * self._factor <= step:
            rung *= self._factor
        return rung


def _violation(trial: FrozenTrial) -> float:
    """By how much constraints are broken in all; 0 where they are kept."""
    if not trial.system_attrs:  # where constraints are kept; asking each of thousands of trials for them takes a while
        return 0.0
    return math.fsum(max(0.0, value) for value in trial.constraints.values())


def _goes_on(losses: _Array, violations: _Array, places: int, ties: Ties, scales: Sequence[Scale]) -> bool:
    """Whether the first row is on the front, or among the best `places`. Lower is better."""
    broken: NDArray[np.bool_] = np.any(np.isnan(losses), axis=1)
    if broken[0]:  # worse than any number
        return int((~broken).sum()) < places
    losses, violations = losses[~broken], violations[~broken]
    if violations[0] > 0:
        better = violations < violations[0]
        return int(better.sum()) < places
    losses = losses[violations <= 0]
    dominating = int(_dominates(losses, losses[0]).sum())
    if not dominating:
        return True
    if dominating >= places:  # each of them has a better rank
        return False
    ahead, front = _front_of_first(losses)
    if ahead >= places:
        return False
    if ahead + len(front) <= places or ties == "pass":
        return True
    scaled = _scaled(losses, scales)[front]
    mine, left = int(np.flatnonzero(front == 0)[0]), places - ahead
    chosen = _by_contribution(scaled)[:left] if ties == "hypervolume" else _spread_out(scaled, left, until=mine)
    return mine in chosen


def _dominates(losses: _Array, one: _Array) -> NDArray[np.bool_]:
    """Which rows are nowhere worse than one, and somewhere better."""
    nowhere_worse: NDArray[np.bool_] = np.all(losses <= one, axis=1)
    somewhere_better: NDArray[np.bool_] = np.any(losses < one, axis=1)
    return nowhere_worse & somewhere_better


def _front_of_first(losses: _Array) -> tuple[int, NDArray[np.intp]]:
    """How many rows have a better rank than the first one, and which have its own, in lexicographic order."""
    order = np.lexsort(losses.T[::-1])  # stable: of equal rows the first one stays first
    ordered = losses[order]
    new = np.concatenate(([True], (ordered[1:] != ordered[:-1]).any(axis=1)))
    ranks = _ranks(ordered[new])[np.cumsum(new) - 1]  # equal rows have one rank
    own = ranks[order == 0]
    return int((ranks < own).sum()), order[ranks == own]


def _ranks(losses: _Array) -> NDArray[np.intp]:
    """Non-dominated ranks, from 0, of distinct rows in lexicographic order: none is dominated by one behind it."""
    if losses.shape[1] == 1:
        return np.arange(len(losses))
    if losses.shape[1] == 2:
        return _ranks_of_two(losses[:, 1])
    if losses.shape[1] == 3:
        return _ranks_of_three(losses[:, 1:])
    ranks = np.zeros(len(losses), dtype=np.intp)
    for row in range(1, len(losses)):
        dominating = np.all(losses[:row] <= losses[row], axis=1)
        ranks[row] = ranks[:row].max(initial=-1, where=dominating) + 1
    return ranks


def _ranks_of_two(second: _Array) -> NDArray[np.intp]:
    """A row belongs to the first front whose lowest second objective it undercuts."""
    lowest: list[float] = []  # of each front; ascending
    ranks = []
    for value in second.tolist():
        rank = bisect_right(lowest, value)
        lowest[rank : rank + 1] = [value]
        ranks.append(rank)
    return np.array(ranks, dtype=np.intp)


def _ranks_of_three(others: _Array) -> NDArray[np.intp]:
    """A row belongs to the first front none of whose members is at least as good in the second and third objective.

    Of each front only those matter that no other member beats in both: seconds ascending, their thirds descending.
    """
    fronts: list[tuple[list[float], list[float]]] = []
    ranks = []
    for second, third in others.tolist():
        low, high = 0, len(fronts)
        while low < high:  # a row that a front dominates is dominated by all before it
            middle = (low + high) // 2
            seconds, thirds = fronts[middle]
            position = bisect_right(seconds, second)
            if position and thirds[position - 1] <= third:
                low = middle + 1
            else:
                high = middle
        if low == len(fronts):
            fronts.append(([], []))
        seconds, thirds = fronts[low]
        start = end = bisect_left(seconds, second)
        while end < len(thirds) and thirds[end] >= third:
            end += 1
        seconds[start:end], thirds[start:end] = [second], [third]
        ranks.append(low)
    return np.array(ranks, dtype=np.intp)


def _scaled(losses: _Array, scales: Sequence[Scale]) -> _Array:
    """Each objective on a scale of 0 to 1 over all rows."""
    each = scales if len(scales) > 1 else tuple(scales) * losses.shape[1]
    return np.stack([_scaled_column(column, scale) for column, scale in zip(losses.T, each, strict=True)], axis=1)


def _scaled_column(column: _Array, scale: Scale) -> _Array:
    if scale == "rank":
        column = np.unique(column, return_inverse=True)[1].astype(np.float64)
    elif scale == "log-range" and ((column >= 0).all() or (column <= 0).all()):
        with np.errstate(divide="ignore"):
            logs = np.log(np.abs(column))  # of zero: infinite
        column = -logs if (column < 0).any() else logs  # negative: an objective to maximise
    finite = column[np.isfinite(column)]
    low, high = (finite.min(), finite.max()) if len(finite) else (0.0, 0.0)
    return cast(_Array, np.clip((column - low) / ((high - low) or 1.0), -0.05, 1.05))  # infinities lie a little outside


def _spread_out(points: _Array, wanted: int, until: int) -> list[int]:
    """The first so many, or up to one, in farthest-point order from the best in the first objective on.

    Of equally far ones the first is taken.
    """
    order = [int(np.lexsort(points.T[::-1])[0])]
    distance = np.full(len(points), np.inf)
    while len(order) < wanted and order[-1] != until:
        squares = ((points - points[order[-1]]) ** 2).sum(axis=1)
        distance = np.minimum(distance, np.round(squares, _DIGITS))
        distance[order[-1]] = -1.0
        order.append(int(distance.argmax()))
    return order


def _by_contribution(points: _Array) -> list[int]:
    """Largest exclusive hypervolume first, of points of one front, up to the corner (1.1, 1.1)."""
    order = np.lexsort(points.T[::-1])
    first, second = points[order].T
    widths = np.append(first[1:], 1.1) - first
    heights = np.insert(second[:-1], 0, 1.1) - second
    best_first = np.argsort(-np.round(widths * heights, _DIGITS), kind="stable")
    return cast("list[int]", order[best_first].tolist())
