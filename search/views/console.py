"""Where commands print: results on stdout; progress on stdout or stderr, whichever is a terminal; errors on stderr."""

from __future__ import annotations

import sys
from typing import Any

from rich.console import Console, RenderableType

from xoresnet.files.json_text import json_text
from xoresnet.search.views.messages import say

__all__ = ["live_console", "print_json", "print_table"]

_WIDE = 200
"""Columns of a table in a file or a pipe, where rich would assume 80 and cut cells."""


def live_console() -> Console:
    """The console for progress bars: stdout if it is a terminal, else stderr; only on a terminal do they move."""
    # rich's own test for a terminal can be overruled by FORCE_COLOR
    if sys.stdout.isatty():
        return Console(highlight=False, force_terminal=True)
    return Console(stderr=True, highlight=False, force_terminal=sys.stderr.isatty())


def print_json(value: Any) -> None:
    """Print a value as JSON on stdout; NaN and infinity become null."""
    say(json_text(value))


def print_table(table: RenderableType) -> None:
    """Print a table on stdout, as wide as the terminal; without a terminal nothing is cut."""
    Console(highlight=False, width=None if sys.stdout.isatty() else _WIDE).print(table)
