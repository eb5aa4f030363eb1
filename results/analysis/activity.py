"""What a cluster did within a window of time, from the records of epochs: nodes, utilisation, trials an hour.

A record says when an epoch was reported, by the clock of its worker, how long it trained and evaluated, and in which
process of which node. That is all that is used here, so that a process that reads a run knows as much as the one that
searches.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from itertools import groupby
from operator import attrgetter
from typing import Any, NamedTuple

__all__ = ["Activity", "NodeActivity", "Report", "activity", "report_of"]

_LAST_MOMENT = 2.0**33
"""Seconds since 1970: in the year 2242."""
_INSTANT = 1e-6
"""Seconds that a worker is there at least: an epoch may take none by its record."""


class Report(NamedTuple):
    """One epoch of a trial."""

    trial: int
    reported: float
    """Seconds since 1970, by the clock of the worker."""
    seconds: float
    """How long the epoch trained and evaluated."""
    node: str = ""
    """The id of the node; its name where it has none, and empty where neither is known."""
    name: str = ""
    """The name of the node."""
    process: int = 0
    """The number of the worker's process on the node."""

    @property
    def begun(self) -> float:
        """When the epoch began, in seconds since 1970."""
        return self.reported - self.seconds


class NodeActivity(NamedTuple):
    """One node within the window."""

    node: str
    """Its id."""
    name: str
    workers: int
    """The most of its processes that trained at the same time; 0 for a node that reported nothing in the window."""
    last_report: float
    """Seconds since 1970."""
    busy: float
    """Seconds of epochs, added up over its workers."""
    time: float
    """Seconds that its workers were there, added up over them."""


class Activity(NamedTuple):
    """What was reported within a window of time."""

    begin: float
    """Seconds since 1970; likewise `end`."""
    end: float
    nodes: tuple[NodeActivity, ...]
    """By name: those that reported in the window, and those on which a running trial reported before it."""
    epochs: int
    """How many epochs were reported."""
    trials: int
    """How many trials stopped, at their last report: those that are complete, pruned, paused or failed since."""

    @property
    def seconds(self) -> float:
        """The length of the window."""
        return self.end - self.begin

    @property
    def workers(self) -> int:
        """The workers of all nodes."""
        return sum(node.workers for node in self.nodes)

    @property
    def utilisation(self) -> float | None:
        """The share of the time of all workers in which they trained or evaluated, from 0 to 1; None if unknown.

        The time of a worker begins with its first epoch in the window and ends with its last report. What came after
        that report counts as idle only as far as it is longer than the longest epoch of the worker, because an epoch
        that is not reported yet cannot be told from none; it is not counted for a worker whose place on its node was
        taken by a later process. Within that time all is idle that is not a recorded epoch: waiting for the next trial,
        opening a network and its checkpoint, writing it, the way of a report, and epochs that are trained again, of
        which there is no second record. Left out are a worker before its first epoch (the start of the process, reading
        the data), slots in which no worker trained in the window, and how busy a GPU is during an epoch.
        """
        time = sum(node.time for node in self.nodes)
        return min(1.0, sum(node.busy for node in self.nodes) / time) if time > 0 else None

    @property
    def epochs_per_hour(self) -> float:
        return _per_hour(self.epochs, self.seconds)

    @property
    def trials_per_hour(self) -> float:
        return _per_hour(self.trials, self.seconds)


def report_of(trial: int, record: Mapping[str, Any]) -> Report | None:
    """The report in the record of an epoch; None for one that does not say when it was made, as in earlier versions.

    Records may be damaged or a stranger's: a value that cannot be one counts as missing.
    """
    reported = _number(record.get("timestamp"))
    if not 0 < reported < _LAST_MOMENT:
        return None
    seconds = sum(max(0.0, _number(record.get(name))) for name in ("train_seconds", "evaluation_seconds"))
    name = str(record.get("hostname") or "")
    node = str(record.get("node_id") or name)
    return Report(trial, reported, seconds, node, name or node, int(_number(record.get("pid"))))


def _number(value: Any) -> float:
    """A finite number; 0 for anything else."""
    return float(value) if isinstance(value, int | float) and abs(value) < _LAST_MOMENT else 0.0


def activity(reports: Iterable[Report], begin: float, end: float, running: Collection[int] = ()) -> Activity:
    """What was reported from `begin` to `end`, both in seconds since 1970.

    reports: in any order; of those before the window the last one of each running trial suffices, and nothing else is
    used of them. A clock that is ahead is taken for `end`. running: the numbers of the trials that have not stopped.
    """
    known = [report._replace(reported=min(report.reported, end)) for report in reports]
    inside = [report for report in known if report.reported >= begin]
    of_running = [report for report in known if report.trial in running]
    last: dict[int, float] = {}
    for report in of_running:
        last[report.trial] = max(report.reported, last.get(report.trial, 0.0))
    silent = [report for report in of_running if report.reported == last[report.trial] < begin]
    shown = sorted((report for report in (*inside, *silent) if report.node), key=attrgetter("node"))
    nodes = [_node([*of_node], begin, end) for _, of_node in groupby(shown, attrgetter("node"))]
    return Activity(
        begin,
        end,
        tuple(sorted(nodes, key=attrgetter("name", "node"))),
        len(inside),
        len({report.trial for report in inside if report.trial not in running}),
    )


def _node(reports: list[Report], begin: float, end: float) -> NodeActivity:
    latest = max(reports, key=attrgetter("reported"))
    inside = sorted((report for report in reports if report.reported >= begin), key=attrgetter("process"))
    workers = [_Worker.of([*each], begin) for _, each in groupby(inside, attrgetter("process"))]
    slots = _most_at_once(workers)
    workers.sort(key=attrgetter("last"), reverse=True)
    time = sum(worker.last - worker.first for worker in workers)
    time += sum(max(0.0, end - worker.last - worker.longest) for worker in workers[:slots])
    return NodeActivity(
        latest.node, latest.name, slots, latest.reported, min(time, sum(worker.busy for worker in workers)), time
    )


class _Worker(NamedTuple):
    first: float
    """When its first epoch began, or the window."""
    last: float
    """When its last one was reported."""
    busy: float
    longest: float
    """How long its longest epoch took, in seconds."""

    @classmethod
    def of(cls, reports: list[Report], begin: float) -> _Worker:
        busy = sum(report.reported - max(begin, report.begun) for report in reports)
        first = max(begin, min(report.begun for report in reports))
        last = max(report.reported for report in reports)
        return cls(first, last, busy, max(report.seconds for report in reports))


def _most_at_once(workers: Iterable[_Worker]) -> int:
    """How many workers there were at the same time, at most; one that ends as another begins makes room for it."""
    ends = [(worker.first, max(worker.last, worker.first + _INSTANT)) for worker in workers]
    events = sorted(event for first, last in ends for event in ((first, 1), (last, -1)))
    present = most = 0
    for _, change in events:
        present += change
        most = max(most, present)
    return most


def _per_hour(number: int, seconds: float) -> float:
    return 3600 * number / seconds if seconds > 0 else 0.0
