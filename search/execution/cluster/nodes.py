"""The nodes of the cluster as Ray has them: which are there, which are about to leave, and which do not answer."""

from __future__ import annotations

import socket
import time
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import ray
from ray._private import state as ray_state

__all__ = ["Node", "amounts", "answers", "is_lost", "leaving", "node_of_actor", "nodes"]

_KNOCK_SECONDS = 2.0
_DYING_SECONDS = 1.0
"""So long after the death of a worker the whole node may turn out to have died, when it is shut down."""
_LIVES_SECONDS = 10.0
"""For so long a node that was found alive is not waited for again."""


class Node(NamedTuple):
    """A machine of the cluster."""

    node_id: str
    name: str
    resources: Mapping[str, float]
    """Whole amounts by Ray's names: CPU, GPU."""
    address: tuple[str, int] | None = None
    """Where its raylet listens; None if that is not known."""

    def __str__(self) -> str:
        return f"{self.name} has {amounts({name: self.resources.get(name, 0) for name in ('CPU', 'GPU')})}"


def amounts(resources: Mapping[str, float]) -> str:
    """Resources as a message has them, as `1 CPU and 0.25 GPU`."""
    return " and ".join(f"{amount:g} {name}" for name, amount in resources.items() if amount or name == "CPU")


def nodes() -> list[Node]:
    """The nodes of the cluster that are alive, as far as Ray knows: after a power failure it takes some seconds."""
    listed: list[dict[str, Any]] = ray.nodes()  # type: ignore[no-untyped-call]
    return [
        Node(
            node["NodeID"],
            node["NodeManagerHostname"],
            node["Resources"],
            (node["NodeManagerAddress"], node["NodeManagerPort"]),
        )
        for node in listed
        if node["Alive"]
    ]


def leaving() -> frozenset[str]:
    """The ids of the nodes that were announced to leave, as by a preemption, and are still there.

    There is no public way to ask for them.
    """
    return frozenset(ray_state.state.get_draining_nodes())


def node_of_actor(actor: Any) -> str:
    """The id of the node on which an actor runs; empty if Ray does not know it."""
    facts: dict[str, Any] = ray_state.actors(actor._actor_id.hex())
    return str(facts.get("Address", {}).get("NodeID", ""))


def answers(node: Node) -> bool:
    """Whether somebody listens where the node's raylet does. It takes up to two seconds if the machine is gone."""
    if node.address is None:
        return True
    try:
        socket.create_connection(node.address, timeout=_KNOCK_SECONDS).close()
    except OSError:
        return False
    return True


def is_lost(node_id: str, lives: dict[str, float], is_over: Callable[[], bool] = lambda: False) -> bool:
    """Whether the node on which a worker has just died is lost or about to leave, so that it is no fault of the worker.

    Ray notices a node that died without a word only 10 seconds later, so the node itself is asked; and for a second
    again and again, because a machine that is shut down may end its workers first. lives: when each node was last
    found alive, on the monotonic clock; is updated. is_over: whether nobody needs the answer any more.
    """
    waits = time.monotonic() - lives.get(node_id, -_LIVES_SECONDS) >= _LIVES_SECONDS
    until = time.monotonic() + (_DYING_SECONDS if waits else 0.0)
    while True:
        node = next((node for node in nodes() if node.node_id == node_id), None)
        if node is None or node_id in leaving() or not answers(node):
            return True
        if time.monotonic() >= until or is_over():
            lives[node_id] = time.monotonic()
            return False
        time.sleep(0.1)
