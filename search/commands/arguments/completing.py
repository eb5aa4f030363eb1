"""What the Tab key offers for the arguments of commands; click asks for it when a shell completes a word.

`dir` and `file` leave the word to the shell. bash does that only where no other word is offered, zsh and fish in any
case, so they come first in a list.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import click
from click.shell_completion import CompletionItem

from xoresnet.data.datasets import data_names
from xoresnet.description.arch import baseline_names
from xoresnet.space.presets import preset_names

__all__ = ["complete_data", "complete_file", "complete_folder", "complete_network", "complete_run", "complete_space"]

_RUNS = Path("runs")


def complete_run(ctx: click.Context, param: click.Parameter, incomplete: str) -> list[CompletionItem]:
    """The runs in `runs`, by their path or the beginning of their name, and any folder."""
    return [CompletionItem(incomplete, type="dir"), *map(CompletionItem, _runs(incomplete))]


def complete_network(ctx: click.Context, param: click.Parameter, incomplete: str) -> list[CompletionItem]:
    """Networks with names, once a letter is typed, because there are many; runs, and files."""
    named = _beginning(incomplete, baseline_names()) if incomplete else []
    return [CompletionItem(incomplete, type="file"), *map(CompletionItem, [*named, *_runs(incomplete)])]


def complete_space(ctx: click.Context, param: click.Parameter, incomplete: str) -> list[CompletionItem]:
    """The presets, and files."""
    presets = _beginning(incomplete, preset_names())
    return [CompletionItem(incomplete, type="file"), *map(CompletionItem, presets)]


def complete_data(ctx: click.Context, param: click.Parameter, incomplete: str) -> list[CompletionItem]:
    """The data sets."""
    return list(map(CompletionItem, _beginning(incomplete, data_names())))


def complete_folder(ctx: click.Context, param: click.Parameter, incomplete: str) -> list[CompletionItem]:
    """Folders."""
    return [CompletionItem(incomplete, type="dir")]


def complete_file(ctx: click.Context, param: click.Parameter, incomplete: str) -> list[CompletionItem]:
    """Files."""
    return [CompletionItem(incomplete, type="file")]


def _beginning(incomplete: str, words: Iterable[str]) -> list[str]:
    return [word for word in words if word.startswith(incomplete)]


def _runs(incomplete: str) -> list[str]:
    try:
        runs = sorted(file.parent for file in _RUNS.glob("*/config.yaml"))
    except OSError:  # a folder that may not be read
        return []
    return [str(run) for run in runs if str(run).startswith(incomplete) or run.name.startswith(incomplete)]
