from __future__ import annotations

import signal
from collections.abc import Iterator

import pytest

from xoresnet.search.interrupts import Terminated, interruption_waits, signal_of, termination_raises


@pytest.fixture(autouse=True)
def as_at_a_terminal() -> Iterator[None]:
    """What a shell starts in the background is deaf to SIGINT."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


def send(number: signal.Signals) -> None:
    """To this thread, in which handlers run: it is there at once, whatever other threads do."""
    signal.raise_signal(number)


def test_sigterm_raises_within_the_block_and_nowhere_else() -> None:
    before = signal.getsignal(signal.SIGTERM)
    with pytest.raises(Terminated) as caught, termination_raises():
        send(signal.SIGTERM)
    assert signal.getsignal(signal.SIGTERM) == before
    assert isinstance(caught.value, KeyboardInterrupt)  # what stops for Ctrl-C stops for this too


def test_an_interruption_waits_for_the_end_of_the_block() -> None:
    steps = []

    def import_libraries() -> None:
        with interruption_waits():
            send(signal.SIGINT)
            steps.append("imported")

    with pytest.raises(KeyboardInterrupt):
        import_libraries()
    assert steps == ["imported"]
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


def test_the_second_interruption_does_not_wait() -> None:
    steps = []

    def import_libraries() -> None:
        with interruption_waits():
            send(signal.SIGINT)
            steps.append("waits")
            send(signal.SIGINT)
            steps.append("waits on")

    with pytest.raises(KeyboardInterrupt):
        import_libraries()
    assert steps == ["waits"]


def test_who_is_deaf_to_interruptions_stays_deaf() -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    with interruption_waits():
        send(signal.SIGINT)


@pytest.mark.parametrize(
    ("interrupt", "number"),
    [(KeyboardInterrupt(), signal.SIGINT), (Terminated(), signal.SIGTERM), (None, signal.SIGINT)],
)
def test_an_interruption_tells_its_signal(interrupt: BaseException | None, number: int) -> None:
    assert signal_of(interrupt) == number
