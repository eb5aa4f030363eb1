"""The running trials as rows of a table."""

from __future__ import annotations

from collections.abc import Sequence

from rich.console import Group
from rich.table import Table
from rich.text import Text

from xoresnet.description.arch import Arch
from xoresnet.search.execution.bridge import LiveTrial, TrialBridge
from xoresnet.search.views.words import describe_arch, figure_text

__all__ = ["RunningRows"]


class RunningRows:
    """A row per running trial: its number, its epoch, its latest values and its network; the longest running first."""

    def __init__(self, bridge: TrialBridge, metrics: Sequence[str]) -> None:
        self._bridge, self._metrics = bridge, metrics
        self._fixed: dict[int, tuple[int | None, str]] = {}
        """What does not change of a trial, by its number: its last epoch, and its network in words."""

    def table(self, most: int, *, wrap: bool = True) -> Group:
        """At most so many rows, and in the last one how many more there are; wrap: whether networks may take lines."""
        live = [*self._bridge.live.values()]
        shown = live if len(live) <= most else live[: max(1, most - 1)]
        known = [name for name in self._metrics if any(name in each.metrics for each in shown)]
        table = Table.grid(padding=(0, 2))
        for place in range(len(known) + 3):
            table.add_column(no_wrap=place < len(known) + 2)
        self._fixed = {each.trial.number: self._fixed_of(each) for each in shown}
        for each in shown:
            table.add_row(*map(Text, self._figures(each, known)), self._network(each, wrap=wrap))
        more = len(live) - len(shown)
        return Group(table, *([f"and {more:,} more"] if more else []))

    def _figures(self, live: LiveTrial, metrics: Sequence[str]) -> list[str]:
        epochs, _ = self._fixed[live.trial.number]
        figures = [figure_text(name, float(live.metrics[name])) if name in live.metrics else "" for name in metrics]
        return [f"#{live.trial.number}", f"epoch {live.epoch}/{epochs}", *figures]

    def _network(self, live: LiveTrial, *, wrap: bool) -> Text:
        _, network = self._fixed[live.trial.number]
        return Text(network) if wrap else Text(network, no_wrap=True, overflow="ellipsis")

    def _fixed_of(self, live: LiveTrial) -> tuple[int | None, str]:
        known = self._fixed.get(live.trial.number)
        if known is not None:
            return known
        return self._bridge.source.last_step(live.trial), describe_arch(Arch.from_json(live.config["arch"]))
