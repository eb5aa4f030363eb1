"""Being told to stop."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from types import FrameType

__all__ = ["Stopped", "Terminated", "exit_code", "termination_interrupts", "termination_raises"]


class Terminated(KeyboardInterrupt):
    """SIGTERM has come: what schedulers and container systems send before they kill."""


@dataclass
class Stopped:
    """By which signal, if it was not SIGINT."""

    by: int = signal.SIGINT


@contextmanager
def termination_raises() -> Iterator[None]:
    """Within the block SIGTERM raises `Terminated` in the main thread, as SIGINT raises KeyboardInterrupt."""
    before = signal.signal(signal.SIGTERM, _raise)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


@contextmanager
def termination_interrupts() -> Iterator[Stopped]:
    """Within the block SIGTERM does what SIGINT does, and is noted: whoever catches SIGINT need not know of it."""
    found = Stopped()

    def note(number: int, frame: FrameType | None) -> None:
        found.by = number
        signal.raise_signal(signal.SIGINT)

    before = signal.signal(signal.SIGTERM, note)
    try:
        yield found
    finally:
        signal.signal(signal.SIGTERM, before)


def exit_code(interrupt: BaseException | None) -> int:
    """By the shell's convention: 128 and the number of the signal."""
    return 128 + (signal.SIGTERM if isinstance(interrupt, Terminated) else signal.SIGINT)


def _raise(number: int, frame: FrameType | None) -> None:
    raise Terminated
