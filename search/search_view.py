"""A search as one watches it: a line for each finished trial, and on a terminal what runs and the front so far."""

from __future__ import annotations

import time
from collections.abc import Sequence
from types import TracebackType
from typing import TYPE_CHECKING, Self

import click
from optuna.study import Study
from optuna.trial import FrozenTrial, TrialState
from rich.console import Group
from rich.live import Live
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from xoresnet.arch import Arch
from xoresnet.search.attributes import DRAWN, DUPLICATE, FAILURE, SOURCE
from xoresnet.search.bridge import LiveTrial
from xoresnet.search.console import count, live_console, percent
from xoresnet.search.front import front_of, volume_of
from xoresnet.search.pareto_pruner import reports
from xoresnet.search.train_view import duration

if TYPE_CHECKING:
    from xoresnet.search.run import SearchRun

__all__ = ["SearchView", "describe_arch", "front_table", "metric_text"]

_SHOWN = 8
"""Rows of the front while the search goes on."""


class SearchView:
    """Lines go to stdout unless it is wanted for something else; the rest is where nothing else is printed."""

    def __init__(self, *, lines: bool) -> None:
        self._lines = lines
        self._console = live_console()
        self._live = Live(console=self._console, transient=True, auto_refresh=False)
        self._moves = self._console.is_terminal
        self._began = time.monotonic()
        self._finished_before: int | None = None
        self._looked = 0.0

    def __enter__(self) -> Self:
        if self._moves:
            self._live.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._live.stop()

    def begin(self, run: SearchRun) -> None:
        """Print lines from now on."""
        self._finished_before = run.bridge.finished
        run.bridge.observers.append(lambda trial: self._ended(run, trial))

    def look(self, run: SearchRun) -> None:
        """Draw anew, twice a second at most."""
        if not self._moves or time.monotonic() - self._looked < 0.5:
            return
        self._looked = time.monotonic()
        self._live.update(self._picture(run), refresh=True)

    def _ended(self, run: SearchRun, trial: FrozenTrial) -> None:
        if not self._lines or DUPLICATE in trial.user_attrs:
            return
        line = trial_line(trial, [objective.metric for objective in run.config.objectives], run.bridge.finished, run)
        if self._moves and not self._console.stderr:
            self._console.print(line, markup=False, highlight=False, soft_wrap=True)
        else:
            click.echo(line)

    def _picture(self, run: SearchRun) -> Group:
        bridge, total = run.bridge, run.config.trials
        bar = Table.grid(padding=(0, 1))
        bar.add_row(
            f"{bridge.finished}/{total} trials",
            ProgressBar(total=total, completed=bridge.finished, width=30),
            self._time_left(run),
        )
        metrics = [objective.metric for objective in run.config.objectives]
        running = Table.grid(padding=(0, 2))
        for live in list(bridge.live.values()):
            running.add_row(*_running_row(live, metrics, run.recipe.epochs))
        return Group(bar, running, front_table(run.study, limit=_SHOWN), _volume_line(run.study))

    def _time_left(self, run: SearchRun) -> str:
        done = run.bridge.finished - (self._finished_before or 0)
        spent = time.monotonic() - self._began
        if done < 2:
            return f"{duration(spent)} so far"
        return f"about {duration(spent / done * (run.config.trials - run.bridge.finished))} left"


def trial_line(trial: FrozenTrial, metrics: list[str], finished: int, run: SearchRun) -> str:
    """One finished trial in one line."""
    arch = Arch.from_json(trial.user_attrs["arch"])
    said = reports(trial)
    last = said[max(said)] if said else []
    figures = "  ".join(_figure(name, value) for name, value in zip(metrics, last, strict=False))
    state = {TrialState.COMPLETE: "complete", TrialState.PRUNED: f"pruned at {max(said, default=0)}"}.get(trial.state)
    how = state or f"failed: {trial.user_attrs.get(FAILURE, 'unknown reason')}"
    source = trial.user_attrs.get(SOURCE)
    name = describe_arch(arch) + (f" ({source})" if source else "")
    return f"{finished:>4}/{run.config.trials}  #{trial.number:<4} {how:<12} {figures}  {name}"


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
        figures = [metric_text(name, value) for name, value in zip(metrics, trial.values, strict=True)]
        arch = Arch.from_json(trial.user_attrs["arch"])
        name = trial.user_attrs.get(SOURCE, "")
        what = describe_arch(arch) + (f" ({name})" if name and name != DRAWN else "")
        table.add_row(str(trial.number), trial.user_attrs["arch_id"], *figures, what)
    return table


def _volume_line(study: Study) -> str:
    volume = volume_of(study)
    if volume is None:
        return ""
    point = ", ".join(metric_text(name, value) for name, value in volume.reference.items())
    decades = f", {' and '.join(map(_short, volume.log))} in decades" if volume.log else ""
    return f"hypervolume {volume.hypervolume:.4f} up to ({point}){decades}"


def _spread(front: Sequence[FrozenTrial], limit: int | None) -> Sequence[FrozenTrial]:
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


def metric_text(name: str, value: float) -> str:
    """A figure as its metric wants it."""
    if name.endswith("accuracy") or name == "firing_rate":
        return percent(value)
    return count(value)


def _figure(metric: str, value: float) -> str:
    return f"{_short(metric)} {metric_text(metric, value)}"


def _short(metric: str) -> str:
    return metric.removeprefix("val_").removesuffix("_per_sample")


def _running_row(live: LiveTrial, metrics: list[str], epochs: int) -> list[str]:
    arch = Arch.from_json(live.config["arch"])
    figures = [_figure(name, float(live.metrics[name])) for name in metrics if name in live.metrics]
    return [f"#{live.trial.number}", f"epoch {live.epoch}/{epochs}", *figures, describe_arch(arch)]
