"""The progress of trials: a line per trial that has ended, and on a terminal a picture that is redrawn."""

from __future__ import annotations

import time
from collections.abc import Callable
from types import TracebackType
from typing import Self

from optuna.trial import FrozenTrial
from rich.console import RenderableType
from rich.live import Live
from rich.progress_bar import ProgressBar
from rich.table import Table

from xoresnet.measures.metrics import duration
from xoresnet.search.execution.bridge import TrialBridge
from xoresnet.search.views.console import live_console
from xoresnet.search.views.messages import say

__all__ = ["LiveView"]


class LiveView:
    """Prints lines on stdout, and draws a moving picture below them if stdout or stderr is a terminal.

    lines: False for no lines, where stdout is used for something else.
    """

    def __init__(self, *, lines: bool) -> None:
        self._lines = lines
        self._console = live_console()
        self._live = Live(console=self._console, transient=True, auto_refresh=False)
        self._moves = self._console.is_terminal
        self._began = time.monotonic()
        self._began_at = 0.0
        self._looked = 0.0

    def __enter__(self) -> Self:
        if self._moves:
            self._live.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._live.stop()

    def watch(self, bridge: TrialBridge, line: Callable[[FrozenTrial], str | None], began_at: float = 0.0) -> None:
        """Print a line for every trial that stops from now on; began_at: how much had been done before."""
        self._began_at = began_at
        bridge.observers.append(lambda trial: self.print(line(trial)))

    def draw(self, picture: Callable[[], RenderableType]) -> None:
        """Redraw, at most twice a second."""
        if not self._moves or time.monotonic() - self._looked < 0.5:
            return
        self._looked = time.monotonic()
        self._live.update(picture(), refresh=True)

    def progress(self, done: float, total: float, unit: str) -> Table:
        """A bar with how much of the total is done and the time left."""
        bar = Table.grid(padding=(0, 1))
        bar.add_row(
            f"{_amount(done)}/{_amount(total)} {unit}",
            ProgressBar(total=total, completed=done, width=30),
            self._time_left(done, total),
        )
        return bar

    def _time_left(self, finished: float, total: float) -> str:
        done = finished - self._began_at
        spent = time.monotonic() - self._began
        if done < 2:
            return f"{duration(spent)} so far"
        return f"about {duration(spent / done * (total - finished))} left"

    def print(self, line: str | None) -> None:
        """Print a line that stays, if lines are printed; None prints nothing."""
        if line is None or not self._lines:
            return
        if self._moves and not self._console.stderr:
            self._console.print(line, markup=False, highlight=False, soft_wrap=True)
        else:
            say(line)


def _amount(value: float) -> str:
    return f"{value:g}" if float(value).is_integer() else f"{value:.1f}"
