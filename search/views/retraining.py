"""The progress of a confirmation or an ablation."""

from __future__ import annotations

from functools import partial
from typing import Any

from optuna.trial import FrozenTrial
from rich.console import Group

from xoresnet.search.retraining.candidates import Candidate
from xoresnet.search.retraining.retraining import Retraining
from xoresnet.search.study.trials import TrialRecord
from xoresnet.search.views.cluster import ClusterLines
from xoresnet.search.views.live import LiveView
from xoresnet.search.views.running import RunningRows
from xoresnet.search.views.words import describe_arch, figure_text

__all__ = ["RetrainingView", "network_name"]


def network_name(network: Candidate) -> str:
    """The number of the trial that a network has in the search, else where it comes from."""
    return f"#{network.trial_id}" if network.trial_id is not None else network.source or network.arch.arch_id


class RetrainingView(LiveView):
    """The view of trainings that are known in advance: their progress, and those that are running."""

    def begin(self, run: Retraining[Any]) -> None:
        """Start printing lines."""
        self._before = run.bridge.finished
        self._width = max(len(network_name(job)) for job in run.plan.jobs)
        self._cluster = ClusterLines(run.bridge)
        self._rows = RunningRows(run.bridge, [objective.metric for objective in run.plan.config.objectives])
        self.watch(run.bridge, partial(self._line, run))

    def look(self, run: Retraining[Any]) -> None:
        """Redraw, at most twice a second."""
        self.print_notices(run.bridge.notices)
        self.draw(lambda: self.picture(run))

    def picture(self, run: Retraining[Any]) -> Group:
        """What is drawn on a terminal while trainings are running."""
        bar = self.progress(run.bridge.finished - self._before, run.to_do, "trainings")
        return self.page([bar, *self._cluster.lines()], self._rows, [])

    def _line(self, run: Retraining[Any], trial: FrozenTrial) -> str:
        record = TrialRecord(trial)
        what = network_name(Candidate(record.confirms, record.source, record.arch, record.recipe))
        if record.is_complete:
            names = ("test_accuracy", "test_spikes_per_sample")
            how = "  ".join(figure_text(name, float(record.last_metrics[name])) for name in names)
        else:
            how = f"failed: {record.failure or 'unknown reason'}"
        done = run.bridge.finished - self._before
        where = f"{done:>4}/{run.to_do}  {what:<{self._width}} seed {record.recipe.seed}"
        return f"{where}  {how}  {describe_arch(record.arch)}"
