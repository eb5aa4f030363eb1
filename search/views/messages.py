"""What commands print: sentences on stdout and stderr. Imports nothing heavy, so that the command line starts quickly.

Texts are printed as `visible` makes them: names of files, classes, runs and merges come from strangers, and a control
character in one would steer the terminal.
"""

from __future__ import annotations

import click

from xoresnet.files.secrets import hidden
from xoresnet.plain_text import visible

__all__ = ["print_error", "print_note", "say"]


def say(text: str = "", *, heading: str = "", newline: bool = True, err: bool = False) -> None:
    """Print a text on stdout or stderr, after a heading in bold."""
    click.echo(f"{click.style(visible(heading), bold=True) if heading else ''}{visible(text)}", nl=newline, err=err)


def print_error(sentence: str) -> None:
    """Print `error: sentence` to stderr; a password in an address is not shown, whoever wrote the sentence."""
    click.echo(f"{click.style('error:', fg='red', bold=True)} {visible(hidden(sentence))}", err=True)


def print_note(sentence: str) -> None:
    """Print `note: sentence` to stderr, as safely."""
    click.echo(f"note: {visible(hidden(sentence))}", err=True)
