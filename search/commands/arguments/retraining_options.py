"""Options of the commands that train networks again."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

import click

from xoresnet.limits import MOST_EPOCHS, MOST_SEEDS
from xoresnet.results.analysis.pick import PICKS
from xoresnet.search.commands.arguments.options import WholeNumber

__all__ = ["dry_run_option", "epochs_option", "pick_option", "seeds_option"]

Command = TypeVar("Command", bound=Callable[..., Any])

epochs_option = click.option(
    "--epochs",
    type=WholeNumber(1, MOST_EPOCHS),
    metavar="N",
    help="Epochs per training.  [default: as in the search]",
)
dry_run_option = click.option(
    "--dry-run", is_flag=True, help="Print what would be trained and a time estimate; write nothing."
)


def seeds_option(default: int | None) -> Callable[[Command], Command]:
    """default: the number of seeds; None for the one that the search names."""
    otherwise = "" if default is not None else "  [default: confirm_seeds of the search, 3]"
    return click.option(
        "--seeds",
        type=WholeNumber(1, MOST_SEEDS),
        default=default,
        show_default=default is not None,
        metavar="N",
        help=f"Seeds per network.{otherwise}",
    )


def pick_option(otherwise: str) -> Callable[[Command], Command]:
    """otherwise: what is trained without it, as in `the front`."""
    which = f"Instead of {otherwise}: {PICKS}, or a baseline's name. May be repeated."
    return click.option("--pick", "wanted", multiple=True, metavar="WHICH", help=which)
