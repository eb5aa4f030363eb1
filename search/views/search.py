"""The progress of a search: a line per finished trial, and on a terminal the running trials and the front so far."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import Any

from optuna.study import Study
from optuna.trial import FrozenTrial, TrialState
from rich.console import Group
from rich.table import Table

from xoresnet.description.arch import Arch
from xoresnet.measures.metrics import duration, metric_of
from xoresnet.search.execution.bridge import LiveTrial, TrialBridge
from xoresnet.search.run import SearchRun
from xoresnet.search.strategy.lifecycle import last_step, paused_trials
from xoresnet.search.study.front import volume_of
from xoresnet.search.study.spending import prior_of
from xoresnet.search.study.trials import TrialRecord
from xoresnet.search.views.front import front_table
from xoresnet.search.views.live import LiveView
from xoresnet.search.views.words import counted, describe_arch, figure_text

__all__ = ["SearchView", "running_table", "trial_line"]

_SHOWN = 8
"""Rows of the front while the search is running."""


class SearchView(LiveView):
    """The view of a search: its progress, its running trials and the front so far."""

    def begin(self, run: SearchRun) -> None:
        """Start printing lines."""
        self._prior_shown = bool(prior_of(run.study))
        self.watch(run.bridge, partial(_line, run), run.bridge.spent)

    def look(self, run: SearchRun) -> None:
        """Redraw, at most twice a second."""
        if not self._prior_shown and prior_of(run.study).get("networks"):
            self._prior_shown = True
            self.print(_prior_line(prior_of(run.study)))
        self.draw(lambda: self.picture(run))

    def picture(self, run: SearchRun) -> Group:
        """What is drawn on a terminal while the search is running."""
        bridge = run.bridge
        running = running_table(bridge, [objective.metric for objective in run.config.objectives])
        if run.preparing is not None:
            return Group(f"Shared weights: {run.preparing.finished} of {run.preparing.budget:g} jobs are done.")
        front = front_table(run.study, limit=_SHOWN)
        bar = self.progress(bridge.spent, bridge.budget, "full trainings")
        return Group(bar, running, *_paused_lines(run.study), front, _volume_line(run.study))


def running_table(bridge: TrialBridge, metrics: list[str]) -> Table:
    """A row per running trial: its number, its epoch, its latest values and its network."""
    running = Table.grid(padding=(0, 2))
    for live in list(bridge.live.values()):
        running.add_row(*_running_row(live, metrics, bridge.source.last_step(live.trial)))
    return running


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


def _running_row(live: LiveTrial, metrics: list[str], epochs: int | None) -> list[str]:
    arch = Arch.from_json(live.config["arch"])
    figures = [figure_text(name, float(live.metrics[name])) for name in metrics if name in live.metrics]
    return [f"#{live.trial.number}", f"epoch {live.epoch}/{epochs}", *figures, describe_arch(arch)]
