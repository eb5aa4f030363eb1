"""`WaitForNodes`: how many nodes of a cluster a search waits for before its first trial."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import NamedTuple

__all__ = ["NodesHere", "WaitForNodes"]

_WAIT_SECONDS = 600.0
_LOOK_SECONDS = 1.0


class NodesHere(NamedTuple):
    """How far the wait for nodes has come."""

    here: int
    """Nodes that can run trials: a trial fits on each, and each has answered that it has what the driver has."""
    wanted: int
    is_late: bool
    """Whether the time is up, so that the search begins with the nodes that are there."""
    fault: str
    """Why a node that has joined runs no trial; empty unless that was found out just now."""


class WaitForNodes:
    """A wait, for a limited time, until so many nodes can run trials. It begins when Ray is joined."""

    def __init__(
        self,
        wanted: int,
        *,
        seconds: float = _WAIT_SECONDS,
        on_change: Callable[[NodesHere], None] | None = None,
    ) -> None:
        """wanted: 1 or more. seconds: how long to wait at most, also for the cluster itself. on_change: called when
        the wait begins, when the number of nodes changes, and when a node turns out to run no trial.
        """
        self._wanted, self._seconds, self._on_change = wanted, seconds, on_change
        self._until: float | None = None

    @property
    def is_over(self) -> bool:
        """Whether the time is up; it counts from the first look at this property."""
        if self._until is None:
            self._until = time.monotonic() + self._seconds
        return time.monotonic() > self._until

    def wait(self, look: Callable[[], tuple[int, list[str]]]) -> None:
        """Wait until enough nodes can run trials, or until the time is up; KeyboardInterrupt ends it.

        look: returns how many nodes can run trials now, and why others that have joined since the last call cannot.
        """
        last = -1
        while True:
            here, faults = look()
            is_late = here < self._wanted and self.is_over
            for fault in faults:
                self._tell(here, is_late, fault)
            if here != last or is_late:
                self._tell(here, is_late)
            if here >= self._wanted or is_late:
                return
            last = here
            time.sleep(_LOOK_SECONDS)

    def _tell(self, here: int, is_late: bool, fault: str = "") -> None:
        if self._on_change is not None:
            self._on_change(NodesHere(here, self._wanted, is_late, fault))
