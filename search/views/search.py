"""The progress of a search: a line per finished trial, and on a terminal the running trials and the front so far."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import Any

from optuna.study import Study
from optuna.trial import FrozenTrial, TrialState
from rich.console import Group
from rich.segment import SegmentLines

from xoresnet.measures.metrics import duration, metric_of
from xoresnet.search.execution.bridge import TrialBridge
from xoresnet.search.run import SearchRun
from xoresnet.search.strategy.lifecycle import last_step, paused_trials
from xoresnet.search.study.front import volume_of
from xoresnet.search.study.spending import prior_of
from xoresnet.search.study.trials import TrialRecord
from xoresnet.search.views.cluster import ClusterLines
from xoresnet.search.views.front import front_table
from xoresnet.search.views.live import LiveView, Sparing, lines_of
from xoresnet.search.views.running import RunningRows
from xoresnet.search.views.words import counted, describe_arch, figure_text

__all__ = ["SearchView", "trial_line"]

_SHOWN = 8
"""Rows of the front while the search is running."""
_PAUSE = 2.0
"""Seconds until the front is computed again, at least."""


class SearchView(LiveView):
    """The view of a search: its progress, its running trials and the front so far."""

    def begin(self, run: SearchRun) -> None:
        """Start printing lines."""
        self._prior_shown = bool(prior_of(run.study))
        self._cluster = ClusterLines(run.bridge)
        self._rows = RunningRows(run.bridge, [objective.metric for objective in run.config.objectives])
        self._results = Sparing(lambda: self._results_of(run.study), _PAUSE)
        self.watch(run.bridge, partial(_line, run), run.bridge.spent)

    def look(self, run: SearchRun) -> None:
        """Redraw, at most twice a second."""
        if not self._prior_shown and prior_of(run.study).get("networks"):
            self._prior_shown = True
            self.print(_prior_line(prior_of(run.study)))
        self.print_notices(run.bridge.notices)
        self.draw(lambda: self.picture(run))

    def picture(self, run: SearchRun) -> Group:
        """What is drawn on a terminal while the search is running."""
        bridge = run.bridge
        if run.preparing is not None:
            return Group(f"Shared weights: {run.preparing.finished} of {run.preparing.budget:g} jobs are done.")
        bar = self.progress(bridge.spent, bridge.budget, "full trainings")
        return self.page([bar, *self._cluster.lines()], self._rows, self._results())

    def _results_of(self, study: Study) -> list[SegmentLines]:
        """What is paused and the front so far, which takes at most half of the terminal."""
        most = self._console.height // 2
        tables = (self.laid_out(front_table(study, limit=limit)) for limit in (_SHOWN, _SHOWN // 2, 2))
        front = next((table for table in tables if lines_of(table) <= most), None)
        parts = [*_paused_lines(study), _volume_line(study)]
        first, last = ([self.laid_out(part) for part in some if part] for some in (parts[:-1], parts[-1:]))
        return [*first, *([front] if front is not None else []), *last]


def _line(run: SearchRun, trial: FrozenTrial) -> str | None:
    record = TrialRecord(trial)
    if record.is_answered or (record.is_pruned and run.bridge.pauses):  # which is said once for all of them
        return None
    return trial_line(record, [objective.metric for objective in run.config.objectives], run.bridge)


def _prior_line(prior: Mapping[str, Any]) -> str:
    ranked = f"Shared weights have ranked {counted(prior['networks'], 'network')} in {duration(prior['seconds'])}"
    return f"{ranked}; the budget has paid {prior['epochs_charged']:,.0f} epochs for them."


def _paused_lines(study: Study) -> list[str]:
    """How many networks are paused; empty where none is."""
    paused = paused_trials(study)
    if not paused:
        return []
    return [f"{counted(len(paused), 'network')} paused, the longest after epoch {max(map(last_step, paused))}"]


def trial_line(trial: TrialRecord, metrics: list[str], bridge: TrialBridge) -> str:
    """A trial that has paused or ended in one line, with what had been spent of the budget by then."""
    last = trial.reports.get(trial.last_step, [])
    figures = "  ".join(figure_text(name, value) for name, value in zip(metrics, last, strict=False))
    state = {TrialState.COMPLETE: "complete", TrialState.PRUNED: f"pruned at {trial.last_step}"}.get(trial.state)
    if trial.paused_at:
        state = f"paused at {trial.paused_at}"
    how = state or f"failed: {trial.failure or 'unknown reason'}"
    source = trial.source if trial.rescues is None else f"continues #{trial.rescues}"
    name = describe_arch(trial.arch) + (f" ({source})" if source else "")
    return f"{bridge.spent:5.1f}/{bridge.budget:g}  #{trial.number:<4} {how:<12} {figures}  {name}"


def _volume_line(study: Study) -> str:
    volume = volume_of(study)
    if volume is None:
        return ""
    point = ", ".join(metric_of(name).compact_text(value) for name, value in volume.reference.items())
    decades = f", {' and '.join(metric_of(name).heading for name in volume.log)} in decades" if volume.log else ""
    return f"hypervolume {volume.hypervolume:.4f} up to ({point}){decades}"
