"""A visit to Ray: to a node that is started on this machine for the purpose, or to the cluster at an address."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any, NamedTuple

from xoresnet.errors import ClusterError, UsageError
from xoresnet.search.checkup.faults import NodeFault
from xoresnet.search.checkup.reasons import in_few_words
from xoresnet.search.checkup.worker import Question

__all__ = ["Visit", "facts_of", "visit"]

_STRANGER_SECONDS = 90.0
"""How long a process without a token is given to be let in; nobody waits for it alone, because nodes take as long."""
Facts = dict[str, Any]


class Visit(NamedTuple):
    """What Ray has added."""

    cluster: Facts | None
    """Of a cluster that has let us in: `asks_for_token`, None if that is not known."""
    nodes: list[Facts]
    """The facts of each node of a cluster."""
    faults: list[NodeFault]


def facts_of(name: str, answer: Facts, node_id: str | None = None) -> Facts:
    """The facts of a machine, with what only Ray can add, not known yet; only `silent` of one that did not answer."""
    facts = {"name": name, "node_id": node_id, "is_driver": node_id is None, **answer}
    if "silent" not in facts:
        facts["cpus"]["ray"] = None
        facts["object_store"] = {"folder": None, "bytes": None}
        facts["clock_skew_seconds"] = None
    return facts


def visit(address: str | None, here: Facts, question: Question, begin: Callable[[str], None], remedy: str) -> Visit:
    """Ask the nodes of the cluster at an address; None starts Ray on this machine, which `here`, its facts, then tell.

    Whatever Ray does, there is an answer. begin: as of `check_up`. remedy: for a cluster that does not answer. Raises
    `UsageError` for an address that is none.
    """
    name = here["name"]
    try:
        # only here, because Ray may be what is broken
        from xoresnet.search.execution.session import ray_session

        begin(f"joining the cluster at {address}" if address else "starting Ray on this machine")
        with ray_session(address or "local"):
            return _ask_own(here) if address is None else _ask_cluster(address, here, question, begin)
    except UsageError:
        raise
    except ClusterError as error:
        fault = _of_cluster(name, str(error), remedy)
    except ImportError as error:
        fault = NodeFault(
            name, f"Ray cannot be used: {in_few_words(error)}", "install the packages that xoresnet requires"
        )
    except Exception as error:  # of Ray, where the cluster is lost meanwhile
        fault = NodeFault(name, f"Ray has failed: {in_few_words(error)}", remedy)
    return Visit(None, [], [fault])


def _of_cluster(name: str, sentence: str, remedy: str) -> NodeFault:
    """Why a cluster cannot be joined, with the remedy that the sentence itself may name."""
    from xoresnet.search.execution.session import VERSIONS_REMEDY, token_remedy

    for known in (token_remedy(), VERSIONS_REMEDY):
        if sentence.endswith(known):
            sentence, remedy = sentence.removesuffix(f": {known}"), known
    return NodeFault(name, sentence, remedy)


def _ask_own(here: Facts) -> Visit:
    """Let a task run on our own node, and add to the facts what Ray tells."""
    from xoresnet.search.checkup.cluster import glance_at, nodes_of_ray

    node = nodes_of_ray()[0]
    seen = glance_at(node)
    _add(here, node.resources, seen)
    here["clock_skew_seconds"] = None  # it is the same clock
    if "silent" not in seen:
        return Visit(None, [], [])
    remedy = "end other programs that take CPUs or memory, and try again"
    return Visit(None, [], [NodeFault(here["name"], f"Ray starts, but runs no task: {seen['silent']}", remedy)])


def _ask_cluster(address: str, here: Facts, question: Question, begin: Callable[[str], None]) -> Visit:
    from xoresnet.search.checkup.cluster import ask_all, glance_at, nodes_of_ray
    from xoresnet.search.execution.session import lets_in_strangers

    present = nodes_of_ray()
    begin(f"asking {len(present)} nodes")
    with ThreadPoolExecutor(1) as beside:
        stranger = beside.submit(lets_in_strangers, address, _STRANGER_SECONDS)
        answers = ask_all(present, question)
        nodes = [facts_of(node.name, answers[node.node_id], node.node_id) for node in present]
        for node, facts in zip(present, nodes, strict=True):
            if "silent" not in facts:
                _add(facts, node.resources, glance_at(node))
        lets_in = stranger.result()
    faults = []
    if lets_in:
        what = f"the cluster at {address} lets in everybody who reaches its port, and runs their code"
        remedy = (
            "start all its nodes anew with RAY_AUTH_MODE=token and one RAY_AUTH_TOKEN (ray get-auth-token --generate)"
        )
        faults.append(NodeFault("", what, remedy))
    return Visit({"asks_for_token": None if lets_in is None else not lets_in}, nodes, faults)


def _add(facts: Facts, resources: Any, seen: Facts) -> None:
    """Add to the facts of a machine what Ray counts, and what a task has seen."""
    facts["cpus"]["ray"] = resources.get("CPU", 0.0)
    if facts["gpus"] is not None:
        facts["gpus"]["ray"] = resources.get("GPU", 0.0)
    facts["object_store"] = {"folder": seen.get("object_store"), "bytes": resources.get("object_store_memory")}
    facts["clock_skew_seconds"], facts["inexact"] = seen.get("clock_skew_seconds"), seen.get("inexact", 0.0)
