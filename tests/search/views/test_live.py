"""How often something costly is computed, and how often a picture is drawn; on a clock that the tests move."""

from __future__ import annotations

import io
import time
from collections.abc import Iterator
from contextlib import redirect_stdout

import pytest

from xoresnet.search.views.live import LiveView, Sparing


class Clock:
    """Moved by hand."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    monkeypatch.setattr(time, "monotonic", clock)
    return clock


@pytest.mark.parametrize(("seconds", "moments"), [(0.0, [0, 2, 4, 6, 8, 10]), (0.05, [0, 3, 6, 9]), (0.2, [0, 5, 10])])
def test_what_takes_long_is_computed_seldom(seconds: float, moments: list[int], clock: Clock) -> None:
    computed: list[float] = []

    def compute() -> int:
        computed.append(round(clock.now - 1000))
        clock.now += seconds
        return len(computed)

    value = Sparing(compute, 2.0)
    for second in range(11):
        clock.now = max(clock.now, 1000.0 + second)
        assert value() == len(computed)
    assert computed == moments


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.fixture
def view(monkeypatch: pytest.MonkeyPatch, clock: Clock) -> Iterator[LiveView]:
    monkeypatch.setenv("TERM", "xterm")
    with redirect_stdout(Terminal()), LiveView(lines=False) as view:
        yield view


@pytest.mark.parametrize(("seconds", "times"), [(0.001, 20), (0.05, 10), (0.25, 2)])
def test_a_redraw_takes_a_twentieth_of_the_time(seconds: float, times: int, clock: Clock, view: LiveView) -> None:
    drawn: list[float] = []

    def picture() -> str:
        drawn.append(clock.now)
        clock.now += seconds
        return "picture"

    while clock.now < 1010:
        view.draw(picture)
        clock.now += 0.001
    assert len(drawn) == times


def test_a_picture_that_raises_is_not_tried_again_at_once(clock: Clock, view: LiveView) -> None:
    tried = 0

    def picture() -> str:
        nonlocal tried
        tried += 1
        raise ValueError("no picture")

    with pytest.raises(ValueError, match="no picture"):
        view.draw(picture)
    view.draw(picture)
    assert tried == 1
    clock.now += 0.5
    with pytest.raises(ValueError, match="no picture"):
        view.draw(picture)


def test_a_notice_is_printed_once_it_stands(clock: Clock) -> None:
    view, printed = LiveView(lines=True), io.StringIO()
    with redirect_stdout(printed):
        for notices in (["1 trial goes"], ["2 trials go"], ["2 trials go", "no node is left"], ["2 trials go"]):
            view.print_notices(notices)
            clock.now += 2.0
    assert printed.getvalue() == "note: 2 trials go\n"
    assert view.printed == ["2 trials go"]
