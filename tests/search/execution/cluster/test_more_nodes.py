"""What is asked of an autoscaler, in a real Ray that has none; none was ever seen to act on it."""

from __future__ import annotations

from typing import Any

import optuna
import pytest
import ray
from ray.util import placement_group_table

from xoresnet.search.config import SearchConfig
from xoresnet.search.execution.bridge import TrialBridge
from xoresnet.search.execution.cluster.more_nodes import MoreNodes
from xoresnet.search.execution.cluster.places import Node, Places
from xoresnet.search.objective import Objective

pytestmark = [pytest.mark.usefixtures("ray"), pytest.mark.filterwarnings("ignore")]


def a_bridge() -> TrialBridge:
    objectives = [Objective(metric="score", direction="max")]
    return TrialBridge(optuna.create_study(direction="maximize"), lambda trial: {}, objectives, budget=100)


def places_for(config: SearchConfig) -> Places:
    """Our own node, with room for two trials."""
    places = Places(config, lambda: pytest.fail("nobody is examined"), is_ours=True)
    places.admit(Node(ray.get_runtime_context().get_node_id(), "here", {"CPU": 2}))
    return places


def waiting() -> list[dict[str, Any]]:
    """The bundles of the placement groups that wait, one in each."""
    return [group["bundles"][0] for group in placement_group_table().values() if group["state"] == "PENDING"]


def test_room_is_asked_for_while_all_there_is_is_used() -> None:
    config = SearchConfig.from_dict({"space": "digits", "max_concurrent": 5})
    bridge, more = a_bridge(), MoreNodes(config, places_for(config))
    more.ask(bridge)
    assert waiting() == []  # nothing runs here yet
    for run_id in ("a", "b"):
        bridge.next_config(run_id)
    more.ask(bridge)
    assert waiting() == [{"CPU": 1.0}] * 3  # and none has taken one of the two CPUs that are free
    bridge.on_end("b", "boom")
    more.ask(bridge)
    assert len(waiting()) == 3  # between two trials it keeps its place
    bridge.ended = "time is up"
    more.ask(bridge)
    assert waiting() == []


def test_without_a_number_nothing_is_asked_for_unless_all_are_gone() -> None:
    config = SearchConfig.from_dict({"space": "digits", "cpus_per_trial": 2})
    bridge = a_bridge()
    bridge.next_config("a")
    more = MoreNodes(config, places_for(config))
    more.ask(bridge)
    assert waiting() == []
    more = MoreNodes(config, Places(config, lambda: pytest.fail("nobody is examined")))
    more.ask(bridge)
    assert waiting() == [{"CPU": 2.0}]
    more.end()
    assert (waiting(), more.asked) == ([], 0)
