"""Nodes, utilisation, trials an hour and failures by reason, as lines of text."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from itertools import islice

from xoresnet.measures.metrics import duration
from xoresnet.plain_text import cut
from xoresnet.results.analysis.activity import Activity
from xoresnet.search.study.activity import WINDOW_SECONDS
from xoresnet.search.views.words import counted

__all__ = ["activity_lines", "live_pace", "node_names", "nodes_line", "pace", "reasons_line"]

_NODES = 6
"""Nodes that are named; of more, those that have not reported for the longest time."""
_SHORT = 10.0
"""Seconds of which no share and no rate is told yet."""
_REASONS = 5
"""Kinds of reasons that are named."""
_LONGEST_REASON = 100
"""Characters."""


def activity_lines(activity: Activity, now: float, *, is_over: bool) -> list[str]:
    """Nodes and rates of a search, seen from another process; now: in seconds since 1970, after the window."""
    if activity.seconds < _SHORT:
        return []
    if is_over:
        where = _size(activity)
        return [pace(activity, f"its last {duration(activity.seconds)}{f' ({where})' if where else ''}")]
    nodes = [nodes_line(activity, now)] if activity.nodes else []
    return [*nodes, pace(activity, f"the last {duration(activity.seconds)}")]


def live_pace(activity: Activity) -> str:
    """The rates while a search goes on; empty as long as little is known: at first, and before the first report."""
    if activity.seconds < (_SHORT if activity.epochs else WINDOW_SECONDS):
        return ""
    return pace(activity, f"the last {duration(activity.seconds)}")


def nodes_line(activity: Activity, now: float) -> str:
    """The nodes with their workers and the time since each one last reported; now: in seconds since 1970."""
    nodes, names = activity.nodes, node_names(activity)
    head = _size(activity) if len(nodes) > 1 else "1 node"
    if len(nodes) > _NODES:
        nodes = tuple(sorted(nodes, key=lambda node: node.last_report)[: _NODES - 1])
        head += "; the longest without a report"
    texts = []
    for node in nodes:
        workers = f"{counted(node.workers, 'worker')}, " if node.workers else ""
        texts.append(f"{names[node.node]} ({workers}last report {duration(max(0.0, now - node.last_report))} ago)")
    return f"{head}: {', '.join(texts)}"


def node_names(activity: Activity) -> dict[str, str]:
    """By the id of each node its name, with the beginning of the id where several have the same one."""
    several = Counter(node.name for node in activity.nodes)
    return {
        node.node: node.name if several[node.name] == 1 else f"{node.name} {node.node[:6]}" for node in activity.nodes
    }


def _size(activity: Activity) -> str:
    """How many nodes and workers there are; empty where no node is known."""
    numbers = ((len(activity.nodes), "node"), (activity.workers, "worker"))
    return ", ".join(counted(number, noun) for number, noun in numbers if number)


def pace(activity: Activity, window: str) -> str:
    """The utilisation, and trials and epochs an hour; window: what the figures are of, as `the last 10 min`."""
    if not activity.epochs:
        return f"no epoch was reported in {window}"
    rates = f"{_rate(activity.trials_per_hour, 'trial')} and {_rate(activity.epochs_per_hour, 'epoch')} an hour"
    if activity.utilisation is None:
        return f"{rates} in {window}"
    return f"busy {100 * activity.utilisation:.0f} % of {window}; {rates}"


def _rate(number: float, noun: str) -> str:
    text = f"{number:,.0f}" if number >= 10 else f"{number:.2g}"
    return f"{text} {noun}{'' if text == '1' else 's'}"


def reasons_line(label: str, kinds: Mapping[str, int]) -> str:
    """How often each kind of reason occurred, as `by_kind` counts them; empty where there is none."""
    if not kinds:
        return ""
    texts = [f"{count:,} x {cut(kind, _LONGEST_REASON)}" for kind, count in islice(kinds.items(), _REASONS)]
    rest = [*kinds.values()][_REASONS:]
    more = [f"{sum(rest):,} x for {counted(len(rest), 'other reason')}"] if rest else []
    return f"{label}: {', '.join([*texts, *more])}"
