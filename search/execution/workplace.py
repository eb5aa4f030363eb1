"""`Workplace`: Ray, and the nodes on which the trials of one run work, from its first trial to its last."""

from __future__ import annotations

from contextlib import ExitStack
from types import TracebackType
from typing import Self

from xoresnet.data.load import DataSet
from xoresnet.search.config import SearchConfig
from xoresnet.search.execution.lifeline import Lifeline
from xoresnet.search.execution.places import Places, find_places
from xoresnet.search.execution.session import ray_session

__all__ = ["Workplace"]


class Workplace:
    """Opened when something is to run for the first time, and left at the end of the block."""

    def __init__(self, config: SearchConfig, data: DataSet, lifeline: Lifeline) -> None:
        """data: as this process has read it. lifeline: of the run."""
        self._config, self._data, self.lifeline = config, data, lifeline
        self._stack = ExitStack()
        self._is_ours: bool | None = None
        self._places: Places | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stack.close()

    def open(self) -> None:
        """Start or join Ray, if that was not done yet. Raises as `ray_session` does."""
        if self._is_ours is None:
            self._is_ours = self._stack.enter_context(ray_session(self._config.address))

    def find_places(self) -> Places:
        """Where trials can run; nodes are examined once. It must be open. Raises as `find_places` does."""
        if self._places is None:
            self._places = find_places(self._config, self._data, self.lifeline.folder, is_ours=bool(self._is_ours))
        return self._places
