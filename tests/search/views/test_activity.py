"""Nodes, rates and failures in words."""

from __future__ import annotations

import pytest

from xoresnet.results.analysis.activity import Activity, NodeActivity
from xoresnet.search.views.activity import activity_lines, live_pace, nodes_line, pace, reasons_line

NOW = 1_800_000_000.0


def node(name: str, workers: int = 4, ago: float = 12.0, busy: float = 0.5, node_id: str = "") -> NodeActivity:
    """A node whose workers were there for 100 s each."""
    return NodeActivity(node_id or f"id of {name}", name, workers, NOW - ago, 100 * workers * busy, 100.0 * workers)


def seen(*nodes: NodeActivity, seconds: float = 600.0, epochs: int = 0, trials: int = 0) -> Activity:
    return Activity(NOW - seconds, NOW, nodes, epochs, trials)


@pytest.mark.parametrize(
    ("nodes", "line"),
    [
        ([node("a", 2, 3)], "1 node: a (2 workers, last report 3 s ago)"),
        ([node("a", 0, 1500)], "1 node: a (last report 25 min ago)"),
        (
            [node("a"), node("b", 1, 0.5)],
            "2 nodes, 5 workers: a (4 workers, last report 12 s ago), b (1 worker, last report 0.5 s ago)",
        ),
        (  # a clock that is ahead
            [node("a", 1, -3)],
            "1 node: a (1 worker, last report 0 s ago)",
        ),
        (  # containers may all have the same name
            [node("b", 1, node_id="3f9c2a1b"), node("b", 1, 9, node_id="77aa01cc")],
            "2 nodes, 2 workers: b 3f9c2a (1 worker, last report 12 s ago), b 77aa01 (1 worker, last report 9 s ago)",
        ),
        (
            [node(f"n{place}", 1, ago=10.0 + 7 * place % 8) for place in range(8)],
            "8 nodes, 8 workers; the longest without a report: "
            + ", ".join(f"n{place} (1 worker, last report {18 - place} s ago)" for place in range(1, 6)),
        ),
    ],
)
def test_nodes(nodes: list[NodeActivity], line: str) -> None:
    assert nodes_line(seen(*nodes), NOW) == line


@pytest.mark.parametrize(
    ("activity", "text"),
    [
        (seen(node("a", busy=0.936), epochs=68, trials=6), "busy 94 % of the day; 36 trials and 408 epochs an hour"),
        (seen(node("a"), epochs=4000, trials=1), "busy 50 % of the day; 6 trials and 24,000 epochs an hour"),
        (seen(node("a"), seconds=3600.0, epochs=2, trials=1), "busy 50 % of the day; 1 trial and 2 epochs an hour"),
        (seen(epochs=60), "0 trials and 360 epochs an hour in the day"),
        (seen(node("a", 0)), "no epoch was reported in the day"),
    ],
)
def test_rates(activity: Activity, text: str) -> None:
    assert pace(activity, "the day") == text


def test_of_a_search_that_is_over_the_nodes_are_only_counted() -> None:
    activity = seen(node("a"), node("b"), epochs=68, trials=6)
    rates = "36 trials and 408 epochs an hour"
    assert activity_lines(activity, NOW, is_over=True) == [
        f"busy 50 % of its last 10 min (2 nodes, 8 workers); {rates}"
    ]
    assert activity_lines(activity, NOW, is_over=False) == [
        "2 nodes, 8 workers: a (4 workers, last report 12 s ago), b (4 workers, last report 12 s ago)",
        f"busy 50 % of the last 10 min; {rates}",
    ]


def test_of_a_few_seconds_nothing_is_told() -> None:
    short = seen(node("a"), seconds=5.0, epochs=3)
    assert activity_lines(short, NOW, is_over=False) == []
    assert live_pace(short) == ""
    assert live_pace(seen(seconds=300.0)) == ""
    assert live_pace(seen(node("a"), seconds=20.0, epochs=3)).startswith("busy 50 % of the last 20 s; ")
    assert live_pace(seen()) == "no epoch was reported in the last 10 min"


@pytest.mark.parametrize(
    ("kinds", "line"),
    [
        ({}, ""),
        ({"its worker died": 2, "boom": 1}, "failed: 2 x its worker died, 1 x boom"),
        (
            dict.fromkeys("abcdefg", 2000),
            "failed: 2,000 x a, 2,000 x b, 2,000 x c, 2,000 x d, 2,000 x e, 4,000 x for 2 other reasons",
        ),
        ({"a" * 101: 1}, f"failed: 1 x {'a' * 25} ... (51 characters) ... {'a' * 25}"),
    ],
)
def test_reasons(kinds: dict[str, int], line: str) -> None:
    assert reasons_line("failed", kinds) == line
