"""What the trials of a bridge do on which nodes, in one to three lines of a picture that is redrawn."""

from __future__ import annotations

from rich.text import Text

from xoresnet.results.analysis.failures import by_kind
from xoresnet.search.execution.bridge import TrialBridge
from xoresnet.search.views.activity import live_pace, node_names, reasons_line
from xoresnet.search.views.live import Sparing
from xoresnet.search.views.watch import BridgeWatch
from xoresnet.search.views.words import counted

__all__ = ["ClusterLines"]

_NAMED = 4
"""Nodes that are named; of more, only the number is told."""
_PAUSE = 2.0
"""Seconds until the figures are computed again, at least."""


class ClusterLines:
    """The nodes that run trials, utilisation, trials and epochs an hour, and failures by reason, from now on."""

    def __init__(self, bridge: TrialBridge) -> None:
        self._bridge, self._watch = bridge, BridgeWatch(bridge)
        self.lines = Sparing(self._lines, _PAUSE)

    def _lines(self) -> list[Text]:
        activity = self._watch.activity()
        running = f"running: {counted(len(self._bridge.live), 'trial')}"
        names = [*node_names(activity).values()]
        where = f", reports from {counted(len(names), 'node')}" if len(names) > 1 else ""
        if 1 < len(names) <= _NAMED:
            where += f": {', '.join(names)}"
        texts = [running + where, live_pace(activity)]
        texts.append(reasons_line("failed", by_kind(self._watch.failed)))
        texts.append(reasons_line("tried again", by_kind(self._watch.retried)))
        return [Text(text) for text in texts if text]
