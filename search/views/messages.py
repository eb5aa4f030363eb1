"""Messages on stderr. Imports nothing heavy, so that the command line starts quickly."""

from __future__ import annotations

import click

from xoresnet.files.secrets import hidden

__all__ = ["print_error", "print_note"]


def print_error(sentence: str) -> None:
    """Print `error: sentence` to stderr; a password in an address is not shown, whoever wrote the sentence."""
    click.echo(f"{click.style('error:', fg='red', bold=True)} {hidden(sentence)}", err=True)


def print_note(sentence: str) -> None:
    """Print `note: sentence` to stderr, as safely."""
    click.echo(f"note: {hidden(sentence)}", err=True)
