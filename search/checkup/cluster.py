"""The nodes of a Ray cluster: each is asked by a task of its own, all at once, and none is waited for for ever."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import ray
from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy

from xoresnet.search.checkup.node import examine_node, glance
from xoresnet.search.checkup.reasons import in_few_words
from xoresnet.search.checkup.worker import Question

__all__ = ["NodeOfRay", "ask_all", "clock_skew", "glance_at", "nodes_of_ray"]

_START_SECONDS = 60.0
"""How long a node may take to start a process that takes tasks, into which our code is loaded."""
_GLANCE_SECONDS = 20.0
_GLANCES = 3
"""Of the answers about a clock, the one that took the shortest time is the most exact."""


class NodeOfRay(NamedTuple):
    """A node that is alive, as the cluster knows it."""

    node_id: str
    name: str
    """Its host's; with the beginning of its id, where several nodes have one host."""
    resources: Mapping[str, float]
    """By Ray's names: CPU, GPU, object_store_memory (bytes)."""
    folder: str
    """The folder of its temporary files."""


def nodes_of_ray() -> list[NodeOfRay]:
    """The nodes of the cluster that this process has joined."""
    listed: list[dict[str, Any]] = [node for node in ray.nodes() if node["Alive"]]  # type: ignore[no-untyped-call]
    hosts = [str(node["NodeManagerHostname"]) for node in listed]
    return [
        NodeOfRay(
            node["NodeID"],
            host if hosts.count(host) == 1 else f"{host} ({node['NodeID'][:8]})",
            node["Resources"],
            str(Path(node["RayletSocketName"]).parents[2]),  # within its session's folder
        )
        for node, host in zip(listed, hosts, strict=True)
    ]


def ask_all(nodes: Sequence[NodeOfRay], question: Question) -> dict[str, dict[str, Any]]:
    """The facts of each node by its id; of one that has not answered, only `silent`, the reason."""
    asked = {_ask(node, examine_node, question._replace(temp_folder=node.folder)): node for node in nodes}
    ray.wait(list(asked), num_returns=len(asked), timeout=question.seconds + _START_SECONDS)
    return {node.node_id: _take(answer, question.seconds + _START_SECONDS) for answer, node in asked.items()}


def glance_at(node: NodeOfRay, seconds: float = _START_SECONDS) -> dict[str, Any]:
    """`object_store` and `clock_skew_seconds` of a node; only `silent`, the reason, if it has not answered in time."""
    best: dict[str, Any] = {}
    for number in range(_GLANCES):
        limit = seconds if number == 0 else _GLANCE_SECONDS
        sent, began = time.time(), time.monotonic()
        answer = _ask(node, glance)
        ray.wait([answer], timeout=limit)
        took = time.monotonic() - began
        facts = _take(answer, limit)
        if "silent" in facts:
            return best or facts
        skew, inexact = clock_skew(sent, took, facts.pop("time"))
        if not best or inexact < best["inexact"]:
            best = {**facts, "clock_skew_seconds": skew, "inexact": inexact}
    return best


def clock_skew(sent: float, took: float, answered: float) -> tuple[float, float]:
    """By how many seconds another clock is ahead of ours, and how inexact that is.

    sent: our time at the question. took: seconds until the answer was here. answered: the other clock's time between.

    >>> clock_skew(1000.0, 0.5, 1010.25)
    (10.0, 0.25)
    """
    return answered - (sent + took / 2), took / 2


def _ask(node: NodeOfRay, function: Callable[..., dict[str, Any]], *arguments: Any) -> Any:
    where = NodeAffinitySchedulingStrategy(node.node_id, soft=False)
    task = ray.remote(function).options(num_cpus=0, max_retries=0, scheduling_strategy=where)
    return task.remote(*arguments)


def _take(answer: Any, seconds: float) -> dict[str, Any]:
    """An answer if it is there; otherwise nobody waits for it any more."""
    ready, _ = ray.wait([answer], timeout=0)
    if not ready:
        ray.cancel(answer, force=True)
        return {"silent": f"it did not answer within {seconds:g} s"}
    try:
        facts: dict[str, Any] = ray.get(answer)
    except Exception as error:  # above all a module that is not there, and a node that is lost
        return {"silent": in_few_words(error)}
    return facts
