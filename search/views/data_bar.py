"""A bar for what takes long before a training begins: decoding images, or reading recordings."""

from __future__ import annotations

from types import TracebackType
from typing import Self

from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

from xoresnet.search.views.console import live_console

__all__ = ["DecodingBar"]


class DecodingBar:
    """The `progress` of functions that read data: a bar on a terminal, from the first image to the last.

    Leaving the block removes the bar, also where an image cannot be decoded.
    """

    def __init__(self) -> None:
        console = live_console()
        self._bar = Progress(
            TextColumn("reading the data"),
            BarColumn(),
            TimeRemainingColumn(),
            console=console,
            transient=True,
            disable=not console.is_terminal,
        )
        self._task = self._bar.add_task("", total=None)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._bar.stop()

    def __call__(self, done: int, total: int) -> None:
        """Draw the bar with so many files read."""
        self._bar.start()
        self._bar.update(self._task, completed=done, total=total)
        if done >= total:
            self._bar.stop()  # whoever reads the data may draw next
