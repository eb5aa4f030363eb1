"""`MoreNodes`: asks an autoscaler for the nodes that a search could use beyond those that are there."""

from __future__ import annotations

from typing import Any

import ray
from ray.util.placement_group import placement_group, remove_placement_group

from xoresnet.search.config import SearchConfig
from xoresnet.search.execution.bridge import TrialBridge
from xoresnet.search.execution.cluster.nodes import nodes
from xoresnet.search.execution.cluster.places import NODE_ID, Places

__all__ = ["MoreNodes"]

_MOST = 64
"""So many trials at most are asked for at once; when nodes for them have come, the next ones are."""
_PATIENCE = 12
"""How many looks in a row a search must find itself with free room before it withdraws what it has asked for."""


class MoreNodes:
    """Placement groups that wait for nodes which are not there: an autoscaler counts them as demand.

    Trials themselves name the nodes that were found able to run them, so that no autoscaler would start others for
    them. Ray's `request_resources` would serve, too, but there is one request for the whole cluster, which searches
    would take from each other, and which stays when they have ended. These groups end with the process.
    """

    def __init__(self, config: SearchConfig, places: Places) -> None:
        self._config, self._places = config, places
        self._groups: list[tuple[Any, frozenset[str]]] = []
        """Each group, with the nodes on which it must not lie."""
        self._free_looks = 0

    @property
    def asked(self) -> int:
        """For how many trials room is asked for."""
        return len(self._groups)

    def ask(self, bridge: TrialBridge) -> None:
        """Ask for room for the trials between what fits now and `max_concurrent`, once all there is is used.

        Without `max_concurrent` nothing is asked for, unless all nodes are lost: then room for a single trial.
        """
        here = frozenset(node.node_id for node in nodes())
        for group, others in list(self._groups):  # those that lie on a node now, and those that may lie on a new one
            if others != here or group.wait(0):
                self._remove(group)
        wanted = min(_MOST, (self._config.max_concurrent or 1) - self._places.fit)
        is_full = len(bridge.live) >= self._places.slots and not bridge.ended
        self._free_looks = 0 if is_full else self._free_looks + 1
        if bridge.ended or wanted <= 0 or self._free_looks >= _PATIENCE:
            wanted = 0
        elif not is_full:
            wanted = min(wanted, self.asked)
        while self.asked > wanted:
            self._remove(self._groups[-1][0])
        while self.asked < wanted:
            self._groups.append((self._group(here), here))

    def end(self) -> None:
        """Withdraw everything."""
        while self._groups and ray.is_initialized():
            self._remove(self._groups[-1][0])

    def _group(self, here: frozenset[str]) -> Any:
        elsewhere = [{NODE_ID: f"!in({','.join(sorted(here))})"}]
        return placement_group([self._places.bundle], bundle_label_selector=elsewhere)

    def _remove(self, group: Any) -> None:
        remove_placement_group(group)
        self._groups = [(other, others) for other, others in self._groups if other is not group]
