"""The front of a search as a table on a terminal."""

from __future__ import annotations

from collections.abc import Sequence

from optuna.study import Study
from rich.text import Text

from xoresnet.measures.metrics import metric_of
from xoresnet.search.study.attributes import DRAWN
from xoresnet.search.study.front import front_of
from xoresnet.search.study.trials import TrialRecord
from xoresnet.search.views.network_table import NetworkTable
from xoresnet.search.views.words import counted, describe_arch

__all__ = ["front_table"]


def front_table(study: Study, limit: int | None = None) -> NetworkTable | Text:
    """The front so far; limit: the number of rows, spread evenly over the front."""
    front, metrics = front_of(study), study.metric_names or []
    if not front:
        return Text("No trial is complete yet.")
    rows = []
    for trial in _spread(front, limit):
        figures = [metric_of(name).compact_text(value) for name, value in zip(metrics, trial.values, strict=True)]
        source = f" ({trial.source})" if trial.source and trial.source != DRAWN else ""
        rows.append([str(trial.number), trial.arch_id, *figures, describe_arch(trial.arch) + source])
    names = ["trial", "arch_id", *metrics, "network"]
    some = f", {len(rows)} of them here" if len(rows) < len(front) else ""
    return NetworkTable(f"front: {counted(len(front), 'network')}{some}", names, rows, metrics)


def _spread(front: Sequence[TrialRecord], limit: int | None) -> Sequence[TrialRecord]:
    """Both ends of the front, and evenly spaced trials between them."""
    if limit is None or len(front) <= limit:
        return front
    return [front[round(place * (len(front) - 1) / max(1, limit - 1))] for place in range(limit)]
