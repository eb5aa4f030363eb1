"""What a cluster did within a window, from reports that are written down by hand."""

from __future__ import annotations

import math

import pytest

from xoresnet.results.analysis.activity import Activity, Report, activity, report_of

BEGIN, END = 1000.0, 1600.0
"""Ten minutes."""


def epochs(
    trial: int, *ends: float, seconds: float = 60.0, node: str = "a", name: str = "", process: int = 1
) -> list[Report]:
    """Reports of a trial at these moments, counted from the begin of the window."""
    return [Report(trial, BEGIN + end, seconds, node, name or f"node-{node}", process) for end in ends]


def seen(*trials: list[Report], running: tuple[int, ...] = ()) -> Activity:
    return activity([report for trial in trials for report in trial], BEGIN, END, running)


def test_a_worker_that_never_waits() -> None:
    found = seen(epochs(0, *range(60, 301, 60)), epochs(1, *range(360, 601, 60)))
    assert found.utilisation == 1.0
    assert (found.seconds, found.epochs, found.trials, found.workers) == (600.0, 10, 2, 1)
    assert (found.epochs_per_hour, found.trials_per_hour) == (60.0, 12.0)


@pytest.mark.parametrize(
    ("reports", "utilisation"),
    [
        # an epoch of 60 s every 100 s, the first one begins at 40 s
        ([epochs(0, *range(100, 601, 100))], 360 / 560),
        # of an epoch that had begun before the window, what is within it counts
        ([epochs(0, 20, 600)], 80 / 600),
        # the last 60 s may be an epoch that is not reported yet, what is longer is idle
        ([epochs(0, 60, 120, 540)], 180 / 540),
        ([epochs(0, 60, 120, 300)], 180 / 540),
        # two workers, one of which has nothing to do any more
        ([epochs(0, *range(60, 601, 60)), epochs(1, 60, process=2)], (600 + 60) / (600 + 540)),
        # a process that was replaced is not missed, a second one that is still there is
        ([epochs(0, 60, process=1), epochs(1, 130, 600, process=2)], (60 + 60 + 60) / (60 + 530)),
        # processes of two nodes with the same number are two workers
        ([epochs(0, 300, 600, seconds=300), epochs(1, 600, seconds=150, node="b")], 1.0),
    ],
)
def test_utilisation(reports: list[list[Report]], utilisation: float) -> None:
    assert seen(*reports).utilisation == pytest.approx(utilisation)


def test_without_workers_nothing_is_known_of_it() -> None:
    found = seen([Report(0, BEGIN + 60, 60.0), Report(0, BEGIN + 120, 60.0)])
    assert (found.utilisation, found.nodes, found.epochs, found.trials) == (None, (), 2, 1)
    assert seen().utilisation is None
    assert seen() == Activity(BEGIN, END, (), 0, 0)


def test_trials_count_when_they_stop() -> None:
    before, stopped, going_on, later = epochs(0, -5), epochs(1, 10, 70), epochs(2, 20, 80), epochs(3, 200)
    found = seen(before, stopped, going_on, later, running=(2,))
    assert (found.trials, found.epochs) == (2, 5)


def test_nodes_by_name_with_their_workers() -> None:
    found = seen(
        epochs(0, 60, 120, node="y", name="beta", process=7),
        epochs(1, 100, 160, node="y", name="beta", process=8),
        epochs(2, 300, node="x", name="beta"),
        epochs(3, 30, node="z", name="alpha"),
        epochs(4, -700, node="gone"),
    )
    assert [(node.node, node.name, node.workers, node.last_report - BEGIN) for node in found.nodes] == [
        ("z", "alpha", 1, 30),
        ("x", "beta", 1, 300),
        ("y", "beta", 2, 160),
    ]


def test_a_node_that_is_silent_is_shown_while_a_trial_runs_on_it() -> None:
    silent = epochs(5, -900, -800, node="far")
    found = seen(epochs(0, 60), silent, running=(5,))
    assert [(node.node, node.workers, node.last_report - BEGIN) for node in found.nodes] == [
        ("a", 1, 60),
        ("far", 0, -800),
    ]
    assert found.epochs == 1
    assert [node.node for node in seen(epochs(0, 60), silent).nodes] == ["a"]


def test_a_trial_that_moved_is_shown_where_it_is() -> None:
    moved = [*epochs(5, -900, node="old"), *epochs(5, 100, node="new")]
    assert [node.node for node in seen(moved, running=(5,)).nodes] == ["new"]


def test_a_clock_that_is_ahead() -> None:
    found = seen(epochs(0, 560, 700))
    assert found.epochs == 2
    assert found.nodes[0].last_report == END


def test_epochs_that_took_no_time() -> None:
    found = seen(epochs(0, 60, 60, seconds=0.0), epochs(1, 60, seconds=0.0, process=2))
    assert found.workers == 2
    assert found.utilisation == 0.0


def test_a_window_without_length() -> None:
    found = activity(epochs(0, 600), END, END)
    assert (found.epochs_per_hour, found.trials_per_hour) == (0.0, 0.0)


@pytest.mark.parametrize(
    ("record", "report"),
    [
        ({"timestamp": 1700, "train_seconds": 1.5, "evaluation_seconds": 0.5}, Report(3, 1700.0, 2.0)),
        (
            {"timestamp": 1700, "train_seconds": 2.0, "node_id": "3f", "hostname": "node-a", "pid": 12},
            Report(3, 1700.0, 2.0, "3f", "node-a", 12),
        ),
        ({"timestamp": 1700, "hostname": "node-a"}, Report(3, 1700.0, 0.0, "node-a", "node-a", 0)),
        ({"timestamp": 1700, "node_id": "3f"}, Report(3, 1700.0, 0.0, "3f", "3f", 0)),
        # what nobody reports
        (
            {"timestamp": 1700, "train_seconds": "a", "evaluation_seconds": math.inf, "pid": None},
            Report(3, 1700.0, 0.0),
        ),
        ({"timestamp": 1700, "train_seconds": math.nan, "pid": 10**400}, Report(3, 1700.0, 0.0)),
        ({"timestamp": "now"}, None),
        ({"timestamp": math.nan}, None),
        ({"timestamp": 1e300}, None),
        ({"train_seconds": 2.0}, None),
        ({}, None),
    ],
)
def test_the_report_in_a_record(record: dict[str, object], report: Report | None) -> None:
    assert report_of(3, record) == report
