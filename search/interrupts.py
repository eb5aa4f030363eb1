"""Interruption by SIGINT and SIGTERM."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from types import FrameType

__all__ = ["Stopped", "Terminated", "signal_of", "termination_interrupts", "termination_raises"]


class Terminated(KeyboardInterrupt):
    """SIGTERM has arrived: schedulers and container systems send it before they kill a process."""


@dataclass
class Stopped:
    """Which signal stopped the block, once one has."""

    by: int = signal.SIGINT


@contextmanager
def termination_raises() -> Iterator[None]:
    """Within the block SIGTERM raises `Terminated` in the main thread, as SIGINT raises KeyboardInterrupt."""
    before = signal.signal(signal.SIGTERM, _raise_terminated)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


@contextmanager
def termination_interrupts() -> Iterator[Stopped]:
    """Within the block SIGTERM is recorded and then handled as SIGINT, for code that handles SIGINT alone."""
    stopped = Stopped()

    def interrupt(number: int, frame: FrameType | None) -> None:
        stopped.by = number
        signal.raise_signal(signal.SIGINT)

    before = signal.signal(signal.SIGTERM, interrupt)
    try:
        yield stopped
    finally:
        signal.signal(signal.SIGTERM, before)


def signal_of(interrupt: BaseException | None) -> int:
    """The number of the signal behind an interruption; SIGINT unless the exception is `Terminated`."""
    return signal.SIGTERM if isinstance(interrupt, Terminated) else signal.SIGINT


def _raise_terminated(number: int, frame: FrameType | None) -> None:
    raise Terminated
