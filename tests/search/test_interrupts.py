from __future__ import annotations

import os
import signal
import time
from collections.abc import Iterator

import pytest

from xoresnet.search.interrupts import Stopped, Terminated, signal_of, termination_interrupts, termination_raises


@pytest.fixture(autouse=True)
def as_at_a_terminal() -> Iterator[None]:
    """What a shell starts in the background is deaf to SIGINT."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


def send(number: signal.Signals) -> None:
    """To this process, and wait for it: another thread may be woken by it, and handlers run in this one."""
    os.kill(os.getpid(), number)
    time.sleep(0.2)


def test_sigterm_raises_within_the_block_and_nowhere_else() -> None:
    before = signal.getsignal(signal.SIGTERM)
    with pytest.raises(Terminated) as caught, termination_raises():
        send(signal.SIGTERM)
    assert signal.getsignal(signal.SIGTERM) == before
    assert isinstance(caught.value, KeyboardInterrupt)  # what stops for Ctrl-C stops for this too


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_sigterm_does_what_sigint_does_and_is_noted(number: signal.Signals) -> None:
    """Whoever catches SIGINT, with a handler of its own or without one, need not know of SIGTERM."""
    before = signal.getsignal(signal.SIGTERM)
    seen: list[int] = []
    with termination_interrupts() as found:
        assert found == Stopped(signal.SIGINT)
        own = signal.signal(signal.SIGINT, lambda received, frame: seen.append(received))
        send(number)
        signal.signal(signal.SIGINT, own)
        assert (seen, found.by) == ([signal.SIGINT], number)
        with pytest.raises(KeyboardInterrupt):
            send(number)
    assert signal.getsignal(signal.SIGTERM) == before


@pytest.mark.parametrize(
    ("interrupt", "number"),
    [(KeyboardInterrupt(), signal.SIGINT), (Terminated(), signal.SIGTERM), (None, signal.SIGINT)],
)
def test_an_interruption_tells_its_signal(interrupt: BaseException | None, number: int) -> None:
    assert signal_of(interrupt) == number
