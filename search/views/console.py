"""What commands print: figures to stdout, what moves and what went wrong to stderr where the two are apart."""

from __future__ import annotations

import json
import math
import sys
from typing import Any

import click
from rich.console import Console

__all__ = ["count", "json_text", "live_console", "percent", "print_json"]


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


def percent(share: float) -> str:
    return f"{100 * share:.2f} %"


def count(number: float) -> str:
    """A number of spikes and the like, with four digits or so.

    >>> count(1234.4), count(0.512), count(123456), count(2e9)
    ('1,234', '0.512', '123.5 k', '2 G')
    """
    if abs(number) < 1e4:
        return f"{number:,.0f}" if abs(number) >= 100 or number == int(number) else f"{number:.3g}"
    rounded = float(f"{number:.4g}")  # 999,960 is 1 M
    power = min(4, int(math.log10(abs(rounded)) // 3))
    return f"{number / 1000**power:.4g} {'kMGT'[power - 1]}"


def _plain(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _plain(inner) for key, inner in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(inner) for inner in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value
