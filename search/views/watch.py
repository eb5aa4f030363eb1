"""What a bridge's trials do while a view watches it, kept in memory: reports of the last minutes, and failures."""

from __future__ import annotations

import time
from itertools import chain

from optuna.trial import FrozenTrial

from xoresnet.results.analysis.activity import Activity, Report, activity, report_of
from xoresnet.search.execution.bridge import TrialBridge
from xoresnet.search.strategy.lifecycle import last_step
from xoresnet.search.study.activity import WINDOW_SECONDS, failure_reasons, reports_since
from xoresnet.search.study.trials import TrialRecord, trials_of

__all__ = ["BridgeWatch"]


class BridgeWatch:
    """Follows a bridge from now on. A look costs what was reported since the last one, however large the study is."""

    def __init__(self, bridge: TrialBridge) -> None:
        self._bridge = bridge
        self._began = float(int(time.time()))  # records have whole seconds
        self._reports: list[Report] = []
        self._steps: dict[int, int] = {}
        """The last step of each trial that was read."""
        trials = trials_of(bridge.study)
        self.failed = failure_reasons(trials).failed
        """Why trials have failed, in earlier sessions too."""
        self._retried = {trial.number: trial.retried for trial in trials if trial.retried}
        self._stopped: list[FrozenTrial] = []
        self.stopped = 0
        """How many trials have ended or paused since."""
        bridge.observers.append(self._on_stop)

    @property
    def retried(self) -> list[str]:
        """Why trials were tried again, as far as they run again or have ended."""
        return [*chain.from_iterable(self._retried.values())]

    def activity(self) -> Activity:
        """What was reported in the last ten minutes, or since this watch began."""
        now = time.time()
        begin = max(self._began, now - WINDOW_SECONDS)
        self._read()
        self._reports = [report for report in self._reports if report.reported >= begin]
        live = [*self._bridge.live.values()]
        latest = (report_of(each.trial.number, each.metrics) for each in live)
        silent = [report for report in latest if report is not None and report.reported < begin]
        return activity([*self._reports, *silent], begin, now, {each.trial.number for each in live})

    def _on_stop(self, trial: FrozenTrial) -> None:
        self._stopped.append(trial)
        self.stopped += 1
        self.failed += failure_reasons([TrialRecord(trial)]).failed

    def _read(self) -> None:
        """Take over what was reported since the last time."""
        trials = self._bridge.study.get_trials(deepcopy=False)
        live = [(trials[each.trial.number], each.epoch) for each in self._bridge.live.values()]
        stopped, self._stopped = self._stopped, []
        grown = [trial for trial, epoch in live if epoch > self._steps.get(trial.number, 0)]
        for trial in (*stopped, *grown):
            found = reports_since(TrialRecord(trial), self._steps.get(trial.number, 0))
            self._reports += [report for report in found if report.reported >= self._began]
            self._steps[trial.number] = last_step(trial)
        for trial in (*stopped, *(trial for trial, _ in live)):
            if reasons := TrialRecord(trial).retried:
                self._retried[trial.number] = reasons
