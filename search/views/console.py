"""What commands print: figures to stdout, what moves and what went wrong to stderr where the two are apart."""

from __future__ import annotations

import json
import math
import sys
from typing import Any

import click
from rich.console import Console

__all__ = ["json_text", "live_console", "print_json"]


def live_console() -> Console:
    """For bars that are drawn anew: the terminal that stdout is, else the one that stderr is, else nothing moves."""
    # not rich's own idea of a terminal, which FORCE_COLOR changes
    if sys.stdout.isatty():
        return Console(highlight=False, force_terminal=True)
    return Console(stderr=True, highlight=False, force_terminal=sys.stderr.isatty())


def print_json(value: Any) -> None:
    """As `json_text`, to stdout."""
    click.echo(json_text(value))


def json_text(value: Any) -> str:
    """Numbers that JSON has no word for become null."""
    return json.dumps(_plain(value), indent=2)


def _plain(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _plain(inner) for key, inner in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(inner) for inner in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value
