"""The progress of a confirmation."""

from __future__ import annotations

from functools import partial

from optuna.trial import FrozenTrial
from rich.console import Group

from xoresnet.search.confirmation.confirming import ConfirmRun
from xoresnet.search.study.trials import TrialRecord
from xoresnet.search.views.live import LiveView
from xoresnet.search.views.search import running_table
from xoresnet.search.views.words import describe_arch, figure_text

__all__ = ["ConfirmView"]


class ConfirmView(LiveView):
    """The view of a confirmation: its progress and its running trainings."""

    def begin(self, run: ConfirmRun) -> None:
        """Start printing lines."""
        self._before = run.bridge.finished
        self.watch(run.bridge, partial(self._line, run))

    def look(self, run: ConfirmRun) -> None:
        """Redraw, at most twice a second."""
        self.draw(lambda: self.picture(run))

    def picture(self, run: ConfirmRun) -> Group:
        """What is drawn on a terminal while the confirmation is running."""
        metrics = [objective.metric for objective in run.plan.config.objectives]
        finished = run.bridge.finished - self._before
        return Group(self.progress(finished, run.to_do, "trainings"), running_table(run.bridge, metrics))

    def _line(self, run: ConfirmRun, trial: FrozenTrial) -> str:
        record = TrialRecord(trial)
        what = f"#{record.confirms}" if record.confirms is not None else str(record.source)
        if record.is_complete:
            names = ("test_accuracy", "test_spikes_per_sample")
            how = "  ".join(figure_text(name, float(record.last_metrics[name])) for name in names)
        else:
            how = f"failed: {record.failure or 'unknown reason'}"
        done = run.bridge.finished - self._before
        return f"{done:>4}/{run.to_do}  {what:<6} seed {record.recipe.seed}  {how}  {describe_arch(record.arch)}"
