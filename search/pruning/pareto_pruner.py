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
from collections.abc import Sequence

import numpy as np
import optuna
from optuna.study import Study, StudyDirection
from optuna.trial import FrozenTrial, TrialState

from xoresnet.search.pruning.ranking import Scale, Ties, goes_on
from xoresnet.search.study.attributes import REPORT, report_step, reported_steps

__all__ = ["ParetoPruner"]

_PEERS = (TrialState.COMPLETE, TrialState.PRUNED, TrialState.RUNNING)


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
        return not goes_on(losses, np.array(violations), places, self._ties, self._scales)

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
        key = f"{REPORT}{rung}"
        later = frozenset(f"{REPORT}{step}" for step in range(rung + 1, rung * self._factor))
        trials = [trial, *study.get_trials(deepcopy=False, states=_PEERS)]
        values, violations = [], []
        for index, one in enumerate(trials):
            if index and (one.number == trial.number or (one.number - trial.number) % self._brackets):
                continue
            attrs = one.user_attrs
            found = attrs.get(key)
            if found is None and not later.isdisjoint(attrs):
                found = attrs[min(later.intersection(attrs), key=report_step)]
            if found is not None:
                values.append(found)
                violations.append(_violation(one))
        return values, violations

    def _reached_rung(self, trial: FrozenTrial) -> int | None:
        """The highest rung that the latest report reached and none before it did."""
        steps = reported_steps(trial.user_attrs)
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
