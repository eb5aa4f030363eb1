"""Interruption by SIGINT and SIGTERM."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

__all__ = ["Terminated", "signal_of", "termination_raises"]


class Terminated(KeyboardInterrupt):
    """SIGTERM has arrived: schedulers and container systems send it before they kill a process."""


@contextmanager
def termination_raises() -> Iterator[None]:
    """Within the block SIGTERM raises `Terminated` in the main thread, as SIGINT raises KeyboardInterrupt."""
    before = signal.signal(signal.SIGTERM, _raise_terminated)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


def signal_of(interrupt: BaseException | None) -> int:
    """The number of the signal behind an interruption; SIGINT unless the exception is `Terminated`."""
    return signal.SIGTERM if isinstance(interrupt, Terminated) else signal.SIGINT


def _raise_terminated(number: int, frame: FrameType | None) -> None:
    raise Terminated
