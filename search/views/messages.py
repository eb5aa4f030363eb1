"""Messages on stderr. Imports nothing heavy, so that the command line starts quickly."""

from __future__ import annotations

import click

from xoresnet.files.secrets import hidden

__all__ = ["print_error"]


def print_error(sentence: str) -> None:
    """Print `error: sentence` to stderr; a password in an address is not shown, whoever wrote the sentence."""
    click.echo(f"{click.style('error:', fg='red', bold=True)} {hidden(sentence)}", err=True)
