"""How long a search waits for nodes; the nodes themselves are in `test_cluster_examples.py`."""

from __future__ import annotations

import itertools
from collections.abc import Callable

import pytest

from tests.search.command_line import xoresnet
from xoresnet.errors import ClusterError, UsageError
from xoresnet.search.execution.cluster.wait_for_nodes import NodesHere, WaitForNodes
from xoresnet.search.execution.session import check_wait, ray_session
from xoresnet.search.views.nodes import nodes_line


@pytest.fixture(autouse=True)
def looks_often(monkeypatch: pytest.MonkeyPatch) -> None:
    for module, name in [("cluster.wait_for_nodes", "_LOOK_SECONDS"), ("session", "_RETRY_SECONDS")]:
        monkeypatch.setattr(f"xoresnet.search.execution.{module}.{name}", 0.01)


def looks(*numbers: int, fault: str = "") -> Callable[[], tuple[int, list[str]]]:
    """So many nodes at each look, and the last number for ever; the fault is found at the second look."""
    faults = itertools.chain([[], [fault] if fault else []], itertools.repeat([]))
    there = itertools.chain(numbers, itertools.repeat(numbers[-1]))
    return lambda: (next(there), next(faults))


@pytest.mark.parametrize(
    ("numbers", "lines"),
    [
        ((3,), ["3 nodes can run trials."]),
        ((5,), ["5 nodes can run trials."]),
        (
            (0, 0, 1, 1, 2, 3),
            [
                "Waiting for 3 nodes that can run trials: none is there.",
                "Waiting for 3 nodes that can run trials: 1 is there.",
                "Waiting for 3 nodes that can run trials: 2 are there.",
                "3 nodes can run trials.",
            ],
        ),
        (
            (2, 1, 3),
            [
                "Waiting for 3 nodes that can run trials: 2 are there.",
                "Waiting for 3 nodes that can run trials: 1 is there.",
                "3 nodes can run trials.",
            ],
        ),
    ],
)
def test_a_line_for_each_change(numbers: tuple[int, ...], lines: list[str]) -> None:
    seen: list[NodesHere] = []
    WaitForNodes(3, on_change=seen.append).wait(looks(*numbers))
    assert [nodes_line(state) for state in seen] == lines


def test_when_the_time_is_up_the_search_begins_with_what_is_there() -> None:
    seen: list[NodesHere] = []
    WaitForNodes(2, seconds=0.1, on_change=seen.append).wait(looks(0, 1, fault="lab7 runs no trial: no torch"))
    assert [nodes_line(state) for state in seen] == [
        "Waiting for 2 nodes that can run trials: none is there.",
        "note: lab7 runs no trial: no torch",
        "Waiting for 2 nodes that can run trials: 1 is there.",
        "Only 1 of 2 nodes have come: it begins with them, and nodes that come later join it.",
    ]


def test_without_any_node_the_error_speaks() -> None:
    assert nodes_line(NodesHere(0, 2, True, "")) is None


def test_a_cluster_that_is_not_there_yet_is_waited_for_too(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ray.is_initialized", lambda: False)  # other tests of this process may have started one
    wait = WaitForNodes(1, seconds=0.5)
    with (
        pytest.raises(ClusterError, match=r"^no Ray cluster answers at 127\.0\.0\.1:1: "),
        ray_session("127.0.0.1:1", wait),
    ):
        pass
    assert wait.is_over


def test_this_machine_alone_has_no_nodes_to_wait_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("RAY_ADDRESS", raising=False)
    result = xoresnet("search", "digits", "--wait-for-nodes", "2")
    assert result.is_refusal(2, "--wait-for-nodes has no effect without a Ray cluster; add --address HOST:PORT")
    with pytest.raises(UsageError, match=r"^waiting for nodes has no effect without a Ray cluster; add address="):
        check_wait(None, WaitForNodes(1))
    check_wait("head:6379", WaitForNodes(1))
    check_wait(None, None)
    monkeypatch.setenv("RAY_ADDRESS", "head:6379")
    check_wait(None, WaitForNodes(1))
