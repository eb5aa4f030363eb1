"""`Workplace`: Ray, and the nodes on which the trials of one run work, from its first trial to its last."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import ExitStack
from types import TracebackType
from typing import Self

from xoresnet.data.load import DataSet
from xoresnet.search.config import SearchConfig
from xoresnet.search.execution.cluster.places import Places, find_places
from xoresnet.search.execution.cluster.wait_for_nodes import WaitForNodes
from xoresnet.search.execution.lifeline import Lifeline
from xoresnet.search.execution.session import check_address, ray_session, wait_notice
from xoresnet.search.execution.worker.courier import carrying
from xoresnet.search.execution.worker.work_files import Reach

__all__ = ["Workplace"]


class Workplace:
    """Opened when something is to run for the first time, and left at the end of the block."""

    def __init__(
        self,
        config: SearchConfig,
        data: DataSet,
        lifeline: Lifeline,
        reach: Reach,
        wait: WaitForNodes | None = None,
        on_wait: Callable[[str], None] = lambda sentence: None,
    ) -> None:
        """data: as this process has read it. lifeline: of the run. reach: how workers reach its files. wait: for nodes
        of the cluster, at its beginning. on_wait: called with a sentence before Ray is started or joined.
        """
        self._config, self.data, self.lifeline, self.reach, self._wait = config, data, lifeline, reach, wait
        self._on_wait, self._stack = on_wait, ExitStack()
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
            check_address(self._config.address)
            self.reach.mark()
            notice = wait_notice(self._config.address)
            if notice:
                self._on_wait(notice)
            self._is_ours = self._stack.enter_context(ray_session(self._config.address, self._wait))
            if not self._is_ours:  # other nodes may not see the run's folder
                self._stack.enter_context(carrying(self.lifeline.folder, self.reach.courier))

    def find_places(self) -> Places:
        """Where trials can run; nodes are examined once. It must be open. Raises as `find_places` does."""
        if self._places is None:
            self._places = find_places(
                self._config, self.data, self.reach.url, is_ours=bool(self._is_ours), wait=self._wait
            )
        return self._places
