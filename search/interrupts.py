"""Interruption by SIGINT and SIGTERM."""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

__all__ = ["Terminated", "interruption_waits", "signal_of", "termination_raises"]


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


@contextmanager
def interruption_waits() -> Iterator[None]:
    """Within the block SIGINT waits for the end of the block; a second one interrupts at once.

    For imports: a library that is interrupted while it is imported may go on without a part of it, and fail later.
    """
    before, has_come = signal.getsignal(signal.SIGINT), threading.Event()
    if before is not signal.default_int_handler or threading.current_thread() is not threading.main_thread():
        yield
        return

    def wait(number: int, frame: FrameType | None) -> None:
        if has_come.is_set():
            raise KeyboardInterrupt
        has_come.set()

    signal.signal(signal.SIGINT, wait)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)
        if has_come.is_set():
            raise KeyboardInterrupt


def signal_of(interrupt: BaseException | None) -> int:
    """The number of the signal behind an interruption; SIGINT unless the exception is `Terminated`."""
    return signal.SIGTERM if isinstance(interrupt, Terminated) else signal.SIGINT


def _raise_terminated(number: int, frame: FrameType | None) -> None:
    raise Terminated
