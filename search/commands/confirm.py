"""`xoresnet confirm`: the meaning of its arguments."""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from typing import Any

import click

from xoresnet.errors import UsageError
from xoresnet.limits import MOST_EPOCHS, MOST_SEEDS
from xoresnet.results.analysis.pick import PICKS
from xoresnet.search.commands.arguments import CommandWithSettings
from xoresnet.search.commands.overrides import Settings
from xoresnet.search.config import CONFIRM_LIMITS, SearchConfig
from xoresnet.search.interrupts import interruption_waits

__all__ = ["confirm"]

_SETTINGS = Settings(
    {"config": dict.fromkeys(name.partition(".")[0] for name in CONFIRM_LIMITS)}, nested={"data": ("root", "verify")}
)
_OF_SEARCH = Settings({"config": SearchConfig.model_fields})


@click.command(cls=CommandWithSettings, settings=_SETTINGS)
@click.argument("run", metavar="RUN")
@click.argument("changes", nargs=-1, metavar="[KEY=VALUE]...")
@click.option(
    "--seeds", type=click.IntRange(1, MOST_SEEDS), default=3, show_default=True, metavar="N", help="Seeds per network."
)
@click.option(
    "--epochs",
    type=click.IntRange(1, MOST_EPOCHS),
    metavar="N",
    help="Epochs per training.  [default: as in the search]",
)
@click.option(
    "--pick",
    "wanted",
    multiple=True,
    metavar="WHICH",
    help=f"Instead of the front: {PICKS}, or a baseline's name. May be repeated.",
)
@click.option("--baselines", "with_baselines", is_flag=True, help="Also confirm all baselines of the space.")
@click.option("--dry-run", is_flag=True, help="Print what would be trained and a time estimate; write nothing.")
@click.option("--json", "as_json", is_flag=True, help="Print the results as JSON.")
def confirm(
    run: str,
    changes: Sequence[str],
    seeds: int,
    epochs: int | None,
    wanted: Sequence[str],
    with_baselines: bool,
    dry_run: bool,
    as_json: bool,
) -> int:
    """Retrain the front of a search on several seeds and measure it on the test set.

    The same command resumes a confirmation that was interrupted.

    RUN is the folder of the search. KEY=VALUE changes resources and limits: cpus_per_trial=2, max_concurrent=1,
    address=auto. Everything else is as in the search.
    """
    options = {"seeds": seeds, "epochs": epochs}
    words = [f"--{name}={value}" for name, value in options.items() if value is not None]
    words += [f"--pick={pick}" for pick in wanted] + (["--baselines"] if with_baselines else [])
    command = shlex.join(["xoresnet", "confirm", run, *changes, *words])
    chosen = {**options, "wanted": wanted, "with_baselines": with_baselines, "limits": _limits(changes)}
    with interruption_waits():  # torch and Ray, which `--help` and wrong options do not need
        from xoresnet.search.commands.confirm_job import run_job, show_plan

    if dry_run:
        show_plan(run, chosen, as_json=as_json)
        return 0
    return run_job(run, chosen, command, as_json=as_json)


def _limits(changes: Sequence[str]) -> dict[str, Any]:
    """Raises `UsageError` for everything but limits."""
    for text in changes:
        key, equals, _ = text.partition("=")
        if equals and not _SETTINGS.accepts(key) and _OF_SEARCH.accepts(key):
            raise UsageError(f"{key} is fixed by the search; confirm accepts only {', '.join(CONFIRM_LIMITS)}")
    return _SETTINGS.read(changes)["config"]
