"""`MetricPruner`: a single-objective pruner of Optuna in a study with several objectives, applied to one of them."""

from __future__ import annotations

import optuna
from optuna.pruners import BasePruner
from optuna.study import Study
from optuna.trial import FrozenTrial, Trial, TrialState

from xoresnet.search.pruning.reports import reports

__all__ = ["MetricPruner"]


class MetricPruner(BasePruner):
    """Lets another pruner judge trials by one objective of their reports, as if there were no other.

    The other pruner sees a study of its own in memory, which follows the real one. It is rebuilt from the real study
    after that is opened again.
    """

    def __init__(self, pruner: BasePruner, objective: int) -> None:
        """objective: the index among the study's directions, from 0."""
        self._pruner, self._objective = pruner, objective
        self._shadow: Study | None = None
        self._trials: dict[int, Trial] = {}
        self._open: set[int] = set()
        self._verdicts: dict[int, bool] = {}
        """The decision after each trial's last report. Pruners that record rungs must be asked once for each report."""

    def prune(self, study: Study, trial: FrozenTrial) -> bool:
        self._follow(study)
        return self._verdicts.get(trial.number, False)

    def _follow(self, study: Study) -> Study:
        if self._shadow is None:
            direction = study.directions[self._objective]
            # Hyperband assigns trials to brackets by the study's name
            self._shadow = optuna.create_study(study_name=study.study_name, direction=direction, pruner=self._pruner)
        trials = study.get_trials(deepcopy=False)
        for number in range(len(self._trials), len(trials)):
            self._trials[number] = self._shadow.ask()
            self._open.add(number)
        for number in sorted(self._open):
            self._update(self._shadow, trials[number])
        return self._shadow

    def _update(self, shadow: Study, trial: FrozenTrial) -> None:
        shadowed = self._trials[trial.number]
        known = shadow.get_trials(deepcopy=False)[trial.number].intermediate_values
        for step, values in reports(trial).items():
            if step not in known:
                shadowed.report(values[self._objective], step)
                frozen = shadow.get_trials(deepcopy=False)[trial.number]
                self._verdicts[trial.number] = bool(self._pruner.prune(shadow, frozen))  # some return numpy.bool
        if trial.state.is_finished():
            complete = trial.state == TrialState.COMPLETE
            shadow.tell(shadowed, trial.values[self._objective] if complete else None, trial.state)
            self._open.discard(trial.number)
