"""A table of networks that fits the terminal: ids, numbers and names are never cut, however narrow it is."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence

from rich.cells import cell_len
from rich.console import Console, ConsoleOptions, RenderableType
from rich.table import Table
from rich.text import Text

from xoresnet.measures.metrics import metric_of

__all__ = ["NetworkTable"]

_GAP = 2
"""Blank columns between two columns."""
_NETWORK = 14
"""Columns in which a network can be read, in several lines."""


class NetworkTable:
    """Rows of texts under names, the last of which describes the network.

    On a narrow terminal the network is written in several lines; where that is not enough, metrics have their short
    names, and on the narrowest each row becomes a paragraph.
    """

    def __init__(
        self, title: str, names: Sequence[str], rows: Sequence[Sequence[str]], metrics: Collection[str] = ()
    ) -> None:
        """names: of all columns. metrics: those of them that are metrics."""
        self._title, self._names, self._rows, self._metrics = title, names, rows, metrics

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> Iterator[RenderableType]:
        short = [metric_of(name).heading if name in self._metrics else name for name in self._names]
        fitting = (heads for heads in (self._names, short) if self._narrowest(heads) <= options.max_width)
        heads = next(fitting, None)
        if heads is not None:
            yield self._table(heads)
            return
        yield Text(self._title)
        for row in self._rows:
            yield Text("\n".join(f"{head} {cell}".strip() for head, cell in zip(short, row, strict=True) if cell))
            yield Text("")

    def _narrowest(self, heads: Sequence[str]) -> int:
        """The width of the table with its network in several lines."""
        columns = list(zip(heads, *self._rows, strict=True))
        widths = [max(map(cell_len, column)) + _GAP for column in columns[:-1]]
        longest = max(cell_len(word) for text in columns[-1] for word in text.split())
        return sum(widths) + max(longest, min(_NETWORK, max(map(cell_len, columns[-1]))))

    def _table(self, heads: Sequence[str]) -> Table:
        table = Table(box=None, padding=(0, _GAP, 0, 0), pad_edge=False, title_justify="left", title=self._title)
        for name, head in zip(self._names, heads, strict=True):
            is_network = name == self._names[-1]
            table.add_column(head, justify="right" if name in self._metrics else "left", no_wrap=not is_network)
        for row in self._rows:
            table.add_row(*map(Text, row))
        return table
