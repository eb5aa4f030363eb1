"""A search as one watches it: a line for each finished trial, and on a terminal what runs and the front so far."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any

from optuna.study import Study
from optuna.trial import FrozenTrial, TrialState
from rich.console import Group
from rich.table import Table
from rich.text import Text

from xoresnet.description.arch import Arch
from xoresnet.measures.metrics import duration, metric_of
from xoresnet.search.execution.bridge import LiveTrial, TrialBridge
from xoresnet.search.prior.guidance import prior_of
from xoresnet.search.study.attributes import DRAWN
from xoresnet.search.study.front import front_of, volume_of
from xoresnet.search.study.trials import TrialRecord
from xoresnet.search.views.live import LiveView

if TYPE_CHECKING:
    from xoresnet.search.run import SearchRun

__all__ = ["SearchView", "describe_arch", "figure_text", "front_table", "running_table"]

_SHOWN = 8
"""Rows of the front while the search goes on."""


class SearchView(LiveView):
    """Of a search: progress, what runs, the front so far."""

    def begin(self, run: SearchRun) -> None:
        """Print lines from now on."""
        self._told = bool(prior_of(run.study))
        self.watch(run.bridge, partial(_line, run), run.bridge.finished)

    def look(self, run: SearchRun) -> None:
        """Draw anew, twice a second at most."""
        if not self._told and prior_of(run.study).get("networks"):
            self._told = True
            self.print(_prior_line(prior_of(run.study)))
        self.draw(lambda: self._picture(run))

    def _picture(self, run: SearchRun) -> Group:
        bridge = run.bridge
        running = running_table(bridge, [objective.metric for objective in run.config.objectives])
        if run.preparing is not None:
            return Group(f"shared weights: {run.preparing.finished} of {run.preparing.budget} jobs done")
        front = front_table(run.study, limit=_SHOWN)
        return Group(self.progress(bridge.finished, bridge.budget), running, front, _volume_line(run.study))


def running_table(bridge: TrialBridge, metrics: list[str]) -> Table:
    """A row for each trial that runs."""
    running = Table.grid(padding=(0, 2))
    for live in list(bridge.live.values()):
        running.add_row(*_running_row(live, metrics, bridge.source.last_step(live.trial)))
    return running


def _line(run: SearchRun, trial: FrozenTrial) -> str | None:
    record = TrialRecord(trial)
    if record.is_answered:
        return None
    return trial_line(record, [objective.metric for objective in run.config.objectives], run.bridge.finished, run)


def _prior_line(prior: Mapping[str, Any]) -> str:
    cost = f"as much as {prior['epochs_charged']:,.0f} epochs, to be paid out of the trials: {prior['trials_charged']}"
    return f"shared weights have ranked {prior['networks']:,} networks in {duration(prior['seconds'])}: {cost}"


def trial_line(trial: TrialRecord, metrics: list[str], finished: int, run: SearchRun) -> str:
    """One finished trial in one line."""
    last = trial.reports.get(trial.last_step, [])
    figures = "  ".join(figure_text(name, value) for name, value in zip(metrics, last, strict=False))
    state = {TrialState.COMPLETE: "complete", TrialState.PRUNED: f"pruned at {trial.last_step}"}.get(trial.state)
    how = state or f"failed: {trial.failure or 'unknown reason'}"
    source = trial.source if trial.rescues is None else f"finishes #{trial.rescues}"
    name = describe_arch(trial.arch) + (f" ({source})" if source else "")
    return f"{finished:>4}/{run.bridge.budget}  #{trial.number:<4} {how:<12} {figures}  {name}"


def front_table(study: Study, limit: int | None = None) -> Table | Text:
    """The front so far; limit: rows, spread over it."""
    front, metrics = front_of(study), study.metric_names or []
    if not front:
        return Text("no trial is complete yet")
    table = Table(box=None, padding=(0, 2, 0, 0), title_justify="left", title=f"front: {len(front)} networks")
    for name in ("trial", "arch_id", *metrics):
        table.add_column(name, justify="right" if name in metrics else "left", no_wrap=True)
    table.add_column("network")  # where room is scarce this one gives way
    for trial in _spread(front, limit):
        figures = [metric_of(name).compact_text(value) for name, value in zip(metrics, trial.values, strict=True)]
        source = f" ({trial.source})" if trial.source and trial.source != DRAWN else ""
        table.add_row(str(trial.number), trial.arch_id, *figures, describe_arch(trial.arch) + source)
    return table


def _volume_line(study: Study) -> str:
    volume = volume_of(study)
    if volume is None:
        return ""
    point = ", ".join(metric_of(name).compact_text(value) for name, value in volume.reference.items())
    decades = f", {' and '.join(metric_of(name).heading for name in volume.log)} in decades" if volume.log else ""
    return f"hypervolume {volume.hypervolume:.4f} up to ({point}){decades}"


def _spread(front: Sequence[TrialRecord], limit: int | None) -> Sequence[TrialRecord]:
    """Both ends, and as many between them as there is room for."""
    if limit is None or len(front) <= limit:
        return front
    return [front[round(place * (len(front) - 1) / max(1, limit - 1))] for place in range(limit)]


def describe_arch(arch: Arch) -> str:
    """A network in a few words."""

    def stages(value: str | tuple[str, ...]) -> str:
        return value if isinstance(value, str) else "/".join(value)

    words = [
        f"{'' if arch.block == 'basic' else 'bottleneck '}depth {arch.depth}", f"width {arch.width}",
        f"T={arch.timesteps}", stages(arch.merge),
    ]  # fmt: skip
    if stages(arch.xor) != "none":
        words.append(f"xor {stages(arch.xor)}")
    if arch.neuron.kind != "lif":
        words.append(arch.neuron.kind)
    return " ".join(words)


def figure_text(metric: str, value: float) -> str:
    """A figure with its name in short."""
    return f"{metric_of(metric).heading} {metric_of(metric).compact_text(value)}"


def _running_row(live: LiveTrial, metrics: list[str], epochs: int | None) -> list[str]:
    arch = Arch.from_json(live.config["arch"])
    figures = [figure_text(name, float(live.metrics[name])) for name in metrics if name in live.metrics]
    return [f"#{live.trial.number}", f"epoch {live.epoch}/{epochs}", *figures, describe_arch(arch)]
