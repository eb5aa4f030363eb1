"""The progress of trials: a line per trial that has ended, and on a terminal a picture that is redrawn."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from types import TracebackType
from typing import Generic, Self, TypeVar

from optuna.trial import FrozenTrial
from rich.console import Group, RenderableType
from rich.live import Live
from rich.progress_bar import ProgressBar
from rich.segment import SegmentLines
from rich.table import Table

from xoresnet.measures.metrics import duration
from xoresnet.search.execution.bridge import TrialBridge
from xoresnet.search.views.console import live_console
from xoresnet.search.views.messages import say
from xoresnet.search.views.running import RunningRows

__all__ = ["LiveView", "Sparing", "lines_of"]

_SHARE = 20
"""A redraw takes at most this part of the time."""
_LEAST_ROWS = 3
"""Rows of running trials, on a terminal that is too low for everything."""
_SETTLED_SECONDS = 3.0
T = TypeVar("T")


class Sparing(Generic[T]):
    """A value that is costly to compute: computed again only after a pause, and for a small share of the time."""

    def __init__(self, compute: Callable[[], T], pause: float) -> None:
        """pause: in seconds."""
        self._compute, self._pause = compute, pause
        self._value: T | None = None
        self._next = 0.0

    def __call__(self) -> T:
        """The value, which may be old."""
        began = time.monotonic()
        if self._value is None or began >= self._next:
            self._value = self._compute()
            done = time.monotonic()
            self._next = done + max(self._pause, _SHARE * (done - began))
        return self._value


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
        self._next = 0.0
        self._seen: dict[str, float] = {}
        self.printed: list[str] = []
        """Notices that were printed."""

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

    def print_notices(self, notices: Sequence[str]) -> None:
        """Print each notice once, after it has stood for some seconds: one that counts trials may soon be replaced."""
        now = time.monotonic()
        self._seen = {notice: self._seen.get(notice, now) for notice in notices}
        for notice, since in self._seen.items():
            if self._lines and now - since >= _SETTLED_SECONDS and notice not in self.printed:
                self.printed.append(notice)
                self.print(f"note: {notice}")

    def draw(self, picture: Callable[[], RenderableType]) -> None:
        """Redraw, at most twice a second, and more seldom where that takes more than a twentieth of the time."""
        began = time.monotonic()
        if not self._moves or began < self._next:
            return
        self._next = began + 0.5  # also after an exception
        self._live.update(picture(), refresh=True)
        self._next = max(self._next, began + _SHARE * (time.monotonic() - began))

    def page(self, above: Sequence[RenderableType], rows: RunningRows, below: Sequence[RenderableType]) -> Group:
        """A picture with as many rows of running trials as the terminal has room for; empty texts are left out.

        Its parts are laid out once, because the picture is printed anew below each line too.
        """
        first, last = ([self.laid_out(part) for part in parts if part] for parts in (above, below))
        room = max(_LEAST_ROWS, self._console.height - 1 - sum(map(lines_of, (*first, *last))))
        running = self.laid_out(rows.table(room))
        if lines_of(running) > room:
            running = self.laid_out(rows.table(room, wrap=False))
        return Group(*first, running, *last)

    def laid_out(self, part: RenderableType) -> SegmentLines:
        """A part of the picture as lines of the terminal's width."""
        if isinstance(part, SegmentLines):
            return part
        return SegmentLines(self._console.render_lines(part, pad=False), new_lines=True)

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


def lines_of(part: SegmentLines) -> int:
    """How many lines a part has that is laid out."""
    return len([*part.lines])


def _amount(value: float) -> str:
    return f"{value:g}" if float(value).is_integer() else f"{value:.1f}"
