"""What is printed while a search or a confirmation waits for nodes of a cluster."""

from __future__ import annotations

from xoresnet.search.execution.cluster.wait_for_nodes import NodesHere, WaitForNodes
from xoresnet.search.views.live import LiveView
from xoresnet.search.views.words import counted

__all__ = ["nodes_line", "wait_for"]


def wait_for(nodes: int | None, view: LiveView) -> WaitForNodes | None:
    """A wait for so many nodes that prints its lines in a view; None for no wait."""
    return None if nodes is None else WaitForNodes(nodes, on_change=lambda state: view.print(nodes_line(state)))


def nodes_line(state: NodesHere) -> str | None:
    """How far a wait for nodes has come.

    >>> nodes_line(NodesHere(here=1, wanted=4, is_late=False, fault=""))
    'Waiting for 4 nodes that can run trials: 1 is there.'
    >>> nodes_line(NodesHere(here=3, wanted=4, is_late=True, fault=""))
    'Only 3 of 4 nodes have come: it begins with them, and nodes that come later join it.'
    """
    if state.fault:
        return f"note: {state.fault}"
    if state.is_late:
        begins = "it begins with them, and nodes that come later join it"
        return f"Only {state.here} of {counted(state.wanted, 'node')} have come: {begins}." if state.here else None
    if state.here >= state.wanted:
        return f"{counted(state.here, 'node')} can run trials."
    there = {0: "none is", 1: "1 is"}.get(state.here, f"{state.here} are")
    return f"Waiting for {counted(state.wanted, 'node')} that can run trials: {there} there."
