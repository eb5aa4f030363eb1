"""Where commands print: results on stdout; progress on stdout or stderr, whichever is a terminal; errors on stderr."""

from __future__ import annotations

import shutil
import sys
import textwrap
from collections.abc import Iterable, Iterator
from typing import Any

from rich.console import Console, ConsoleOptions, RenderableType
from rich.segment import Segment

from xoresnet.files.json_text import json_text
from xoresnet.plain_text import visible
from xoresnet.search.views.messages import say

__all__ = ["live_console", "print_json", "print_lines", "print_table"]

_WIDE = 200
"""Columns of a table in a file or a pipe, where rich would assume 80 and cut cells."""


def live_console() -> Console:
    """The console for progress bars: stdout if it is a terminal, else stderr; only on a terminal do they move."""
    # rich's own test for a terminal can be overruled by FORCE_COLOR
    if sys.stdout.isatty():
        return _PlainConsole(force_terminal=True)
    return _PlainConsole(stderr=True, force_terminal=sys.stderr.isatty())


def print_json(value: Any) -> None:
    """Print a value as JSON on stdout; NaN and infinity become null."""
    say(json_text(value))


def print_lines(lines: Iterable[str]) -> None:
    """Print lines on stdout; on a terminal long ones go on in the next line, between two words and indented."""
    width = shutil.get_terminal_size().columns
    for line in lines:
        say(_wrapped(line, width) if sys.stdout.isatty() else line)


def _wrapped(line: str, width: int) -> str:
    return textwrap.fill(line, max(width, 20), subsequent_indent="    ", break_long_words=False, break_on_hyphens=False)


def print_table(table: RenderableType) -> None:
    """Print a table on stdout, as wide as the terminal; elsewhere nothing is cut, and no line ends in blanks."""
    if sys.stdout.isatty():
        _PlainConsole().print(table)
        return
    console = _PlainConsole(width=_WIDE)
    with console.capture() as capture:
        console.print(table)
    say("\n".join(line.rstrip() for line in capture.get().splitlines()))


class _PlainConsole(Console):
    """A console that takes nothing in texts for a command: no markup, no emoji, no control characters."""

    def __init__(self, **options: Any) -> None:
        super().__init__(highlight=False, markup=False, emoji=False, **options)

    def render(self, renderable: RenderableType, options: ConsoleOptions | None = None) -> Iterator[Segment]:
        """All that is drawn passes here; what rich itself steers the terminal with is marked as such."""
        for segment in super().render(renderable, options):
            yield segment if segment.control else segment._replace(text=visible(segment.text))
