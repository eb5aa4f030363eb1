"""What commands print: figures to stdout, what moves and what went wrong to stderr where the two are apart."""

from __future__ import annotations

import sys
from typing import Any

import click
from rich.console import Console

from xoresnet.files.json_text import json_text

__all__ = ["live_console", "print_json"]


def live_console() -> Console:
    """For bars that are drawn anew: the terminal that stdout is, else the one that stderr is, else nothing moves."""
    # not rich's own idea of a terminal, which FORCE_COLOR changes
    if sys.stdout.isatty():
        return Console(highlight=False, force_terminal=True)
    return Console(stderr=True, highlight=False, force_terminal=sys.stderr.isatty())


def print_json(value: Any) -> None:
    """As `json_text`, to stdout."""
    click.echo(json_text(value))
