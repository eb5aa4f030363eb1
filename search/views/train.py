"""The progress of a training: a row per epoch, and on a terminal a bar below them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from types import TracebackType
from typing import TYPE_CHECKING, Self

from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

from xoresnet.measures.metrics import compact_number, percent
from xoresnet.measures.records import EpochRecord
from xoresnet.search.views.console import live_console

if TYPE_CHECKING:
    from xoresnet.training.fit import Step
from xoresnet.search.views.messages import say

__all__ = ["TrainingView"]

_COLUMNS = {
    "epoch": 5,
    "loss": 8,
    "train": 9,
    "val loss": 9,
    "val": 9,
    "spikes": 9,
    "synops": 9,
    "energy nJ": 10,
    "s": 7,
}
"""Heads and widths: 75 characters in all."""


class TrainingView:
    """Prints rows on stdout, and draws a bar below them if stdout or stderr is a terminal.

    rows: False for no rows, where stdout is used for something else.
    """

    def __init__(self, epochs: int, *, rows: bool) -> None:
        self._epochs, self._rows, self._last = epochs, rows, ""
        console = live_console()
        self._bar = Progress(
            TextColumn("epoch {task.fields[epoch]}"),
            BarColumn(bar_width=20),
            TextColumn("{task.fields[figures]}"),
            TimeRemainingColumn(),
            console=console,
            transient=True,
            disable=not console.is_terminal,
        )
        self._task = self._bar.add_task("", total=None, epoch="", figures="")

    def __enter__(self) -> Self:
        self._bar.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._bar.stop()

    def begin(self, records: Sequence[EpochRecord]) -> None:
        """Print the head of the table and the epochs of earlier sessions."""
        self._print(_row(_COLUMNS))
        for record in records:
            self.epoch_done(record)

    def step_done(self, step: Step) -> None:
        if self._bar.disable or not (step.step % 4 == 1 or step.step == step.steps):
            return
        self._bar.update(
            self._task,
            completed=(step.epoch - 1) * step.steps + step.step,
            total=self._epochs * step.steps,
            epoch=f"{step.epoch}/{self._epochs}",
            figures=f"train {percent(step.train_accuracy)}{self._last}",
        )

    def epoch_done(self, record: EpochRecord) -> None:
        self._last = f", val {percent(record.val_accuracy)}, {compact_number(record.spikes_per_sample)} spikes"
        cells = [
            str(record.epoch),
            _loss(record.train_loss),
            percent(record.train_accuracy),
            _loss(record.val_loss),
            percent(record.val_accuracy),
            compact_number(record.spikes_per_sample),
            compact_number(record.synops_per_sample),
            f"{record.energy_pj_per_sample / 1000:.4g}",
            f"{record.train_seconds + record.evaluation_seconds:.1f}",
        ]
        self._print(_row(cells))

    def _print(self, line: str) -> None:
        if not self._rows:
            return
        if self._bar.disable or self._bar.console.stderr:
            say(line)
        else:
            self._bar.console.print(line, markup=False, highlight=False)


def _loss(value: float) -> str:
    return f"{value:.4f}" if value < 100 else f"{value:.1e}"


def _row(cells: Iterable[str]) -> str:
    return "".join(f"{cell:>{width}}" for cell, width in zip(cells, _COLUMNS.values(), strict=True))
