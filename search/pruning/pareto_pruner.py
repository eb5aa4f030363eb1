"""`ParetoPruner`: successive halving for studies with several objectives; needs Optuna and NumPy only.

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

The rule is the stopping form of asynchronous successive halving (Li et al. 2020, arXiv 1810.05934): a trial that
reaches a rung is compared with all trials that reached it before, and goes on if it is among the best
1 / `reduction_factor` of them. Trials with several objectives are ordered as in MO-ASHA (Schmucker et al. 2021,
arXiv 2106.12639): feasible trials before infeasible ones, then by non-dominated rank, then by `ties`; in addition, a
trial that no other dominates at its rung always goes on. Halving on unfinished training loses part of the front;
`docs/pruning.md` says how much.

The pruner decides from the reports in the study alone (`reports.py`), so a study that is opened again is pruned as if
it had never been closed; all it keeps is what it has read (`reached.py`).
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import optuna
from numpy.typing import NDArray
from optuna.study import Study, StudyDirection
from optuna.trial import FrozenTrial

from xoresnet.search.pruning.ranking import Scale, Ties, goes_on
from xoresnet.search.pruning.reached import Reached
from xoresnet.search.pruning.reports import steps_of

__all__ = ["ParetoPruner"]

_Array = NDArray[np.float64]


class ParetoPruner(optuna.pruners.BasePruner):
    """Stops trials that are dominated at their rung; the head of this file states the rule.

    min_steps: the first rung, in steps; each further rung is `reduction_factor` times as far.
    max_steps: the number of steps of a full training; trials are not stopped from there on. None: unknown.
    reduction_factor: one of so many trials goes on at each rung, apart from those that are not dominated.
    min_trials: how many trials, the new one included, must have reached a rung before any is stopped there.
    ties: which trials go on where a front has more members than places. `epsilon-net` spreads them over the front
    (farthest point first, from the best in the first objective); `hypervolume` takes the largest contributions (two
    objectives only); `pass` lets all of them go on, which costs more and loses less.
    scale: how the first two choices make objectives comparable: by their rank among the trials of the rung, or by their
    range, linear or logarithmic; one scale for all objectives, or one for each. Ranks depend on the order only.
    Infinities, and zeros on a logarithmic range, lie a little outside; an objective with both signs is never
    logarithmic.
    brackets: into how many groups trials are divided; each group starts one rung later and is judged by itself.
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
        """Raises `ValueError` for values out of range."""
        lowest = {"min_steps": 1, "max_steps": 1, "reduction_factor": 2, "min_trials": 1, "brackets": 1}
        given = {
            "min_steps": min_steps,
            "max_steps": max_steps,
            "reduction_factor": reduction_factor,
            "min_trials": min_trials,
            "brackets": brackets,
        }
        for name, least in lowest.items():
            value = given[name]
            if value is None and name == "max_steps":
                continue
            if not isinstance(value, int) or isinstance(value, bool) or value < least:
                raise ValueError(f"{name} must be a whole number of at least {least}, got {value!r}")
        scales = (scale,) if isinstance(scale, str) else tuple(scale)
        if not scales:
            raise ValueError("scale must have at least one value")
        for name, value_, options in (("ties", (ties,), Ties), ("scale", scales, Scale)):
            known = options.__args__  # type: ignore[attr-defined]
            for choice in value_:
                if choice not in known:
                    raise ValueError(f"{name}: {choice!r} is not one of {', '.join(known)}")
        self._first, self._last, self._factor = min_steps, max_steps, reduction_factor
        self._min_trials, self._ties, self._scales, self._brackets = min_trials, ties, scales, brackets
        self._reached = Reached()

    def prune(self, study: Study, trial: FrozenTrial) -> bool:
        """Whether to stop a trial after its last `report`; True only if that report has just reached a rung."""
        self._check_fits(len(study.directions))
        rung = self._reached_rung(trial)
        if rung is None:
            return False
        values, violations = self._at_rung(study, trial, rung)
        if len(values) < self._min_trials:
            return False
        signs = np.array([-1.0 if d == StudyDirection.MAXIMIZE else 1.0 for d in study.directions])
        places = max(1, len(values) // self._factor)
        return not goes_on(values * signs, violations, places, self._ties, self._scales)

    def _check_fits(self, objectives: int) -> None:
        """Check the options that depend on the study. Raises `ValueError`."""
        if len(self._scales) not in (1, objectives):
            raise ValueError(f"scale: {len(self._scales)} values for {objectives} objectives")
        if self._ties == "hypervolume" and objectives != 2:
            raise ValueError(f"ties='hypervolume' requires two objectives, the study has {objectives}")

    def _at_rung(self, study: Study, trial: FrozenTrial, rung: int) -> tuple[_Array, _Array]:
        """The values that the trial, then all others of its bracket, reported at a rung, and their violations."""
        reached = self._reached.at(study, rung, rung * self._factor)
        own = reached.numbers == trial.number
        others = ~own & ((reached.numbers - trial.number) % self._brackets == 0)
        rows = np.concatenate([np.flatnonzero(own), np.flatnonzero(others)])
        return reached.values[rows], reached.violations[rows]

    def _reached_rung(self, trial: FrozenTrial) -> int | None:
        """The highest rung that the last report reached, unless an earlier report had reached it; else None."""
        steps = steps_of(trial.user_attrs)
        if not steps:
            return None
        rung = self._rung_below(steps[-1], trial.number)
        if rung is None or (len(steps) > 1 and steps[-2] >= rung):
            return None
        return rung

    def _rung_below(self, step: int, number: int) -> int | None:
        """The last rung up to this step for the trial with this number; None before the first and from the end on."""
        rung: int = self._first * self._factor ** (number % self._brackets)
        if step < rung or (self._last is not None and step >= self._last):
            return None
        while rung * self._factor <= step:
            rung *= self._factor
        return rung
