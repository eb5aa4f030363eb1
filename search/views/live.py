"""Trials as one watches them: a line for each that has ended, and on a terminal a picture that is drawn anew."""

from __future__ import annotations

import time
from collections.abc import Callable
from types import TracebackType
from typing import Self

import click
from optuna.trial import FrozenTrial
from rich.console import RenderableType
from rich.live import Live
from rich.progress_bar import ProgressBar
from rich.table import Table

from xoresnet.measures.metrics import duration
from xoresnet.search.execution.bridge import TrialBridge
from xoresnet.search.views.console import live_console

__all__ = ["LiveView"]


class LiveView:
    """Lines go to stdout unless it is wanted for something else; the rest is where nothing else is printed."""

    def __init__(self, *, lines: bool) -> None:
        self._lines = lines
        self._console = live_console()
        self._live = Live(console=self._console, transient=True, auto_refresh=False)
        self._moves = self._console.is_terminal
        self._began = time.monotonic()
        self._began_at = 0
        self._looked = 0.0

    def __enter__(self) -> Self:
        if self._moves:
            self._live.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._live.stop()

    def watch(self, bridge: TrialBridge, line: Callable[[FrozenTrial], str | None], began_at: int = 0) -> None:
        """Print the lines of trials that end from now on; began_at: how many had finished, as `progress` counts."""
        self._began_at = began_at
        bridge.observers.append(lambda trial: self.print(line(trial)))

    def draw(self, picture: Callable[[], RenderableType]) -> None:
        """Draw anew, twice a second at most."""
        if not self._moves or time.monotonic() - self._looked < 0.5:
            return
        self._looked = time.monotonic()
        self._live.update(picture(), refresh=True)

    def progress(self, finished: int, total: int) -> Table:
        """How far it is, and how long it will take."""
        bar = Table.grid(padding=(0, 1))
        bar.add_row(
            f"{finished}/{total} trials",
            ProgressBar(total=total, completed=finished, width=30),
            self._time_left(finished, total),
        )
        return bar

    def _time_left(self, finished: int, total: int) -> str:
        done = finished - self._began_at
        spent = time.monotonic() - self._began
        if done < 2:
            return f"{duration(spent)} so far"
        return f"about {duration(spent / done * (total - finished))} left"

    def print(self, line: str | None) -> None:
        """A line for good, if lines are wanted; None for nothing."""
        if line is None or not self._lines:
            return
        if self._moves and not self._console.stderr:
            self._console.print(line, markup=False, highlight=False, soft_wrap=True)
        else:
            click.echo(line)
