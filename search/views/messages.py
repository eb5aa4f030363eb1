"""Messages on stderr. Imports click only, so that the command line starts quickly."""

from __future__ import annotations

import click

__all__ = ["print_error"]


def print_error(sentence: str) -> None:
    """Print `error: sentence` to stderr."""
    click.echo(f"{click.style('error:', fg='red', bold=True)} {sentence}", err=True)
