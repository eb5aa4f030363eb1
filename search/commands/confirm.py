"""`xoresnet confirm`: the meaning of its arguments."""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from typing import Any

import click

from xoresnet.errors import UsageError
from xoresnet.search.commands.arguments.completing import complete_run
from xoresnet.search.commands.arguments.options import (
    CommandWithSettings,
    address_option,
    client_address,
    run_through_client,
    wait_for_nodes_option,
)
from xoresnet.search.commands.arguments.retraining_options import (
    dry_run_option,
    epochs_option,
    pick_option,
    seeds_option,
)
from xoresnet.search.commands.arguments.settings import Settings
from xoresnet.search.config import CONFIRM_LIMITS, SearchConfig
from xoresnet.search.interrupts import interruption_waits

__all__ = ["confirm"]

_SETTINGS = Settings(
    {"config": dict.fromkeys(name.partition(".")[0] for name in CONFIRM_LIMITS)}, nested={"data": ("root", "verify")}
)
_OF_SEARCH = Settings({"config": SearchConfig.model_fields})


@click.command(cls=CommandWithSettings, settings=_SETTINGS)
@click.argument("run", metavar="RUN", shell_complete=complete_run)
@click.argument("changes", nargs=-1, metavar="[KEY=VALUE]...")
@seeds_option(None)
@epochs_option
@pick_option("the front")
@click.option("--baselines", "with_baselines", is_flag=True, help="Also confirm all baselines of the space.")
@address_option
@wait_for_nodes_option
@dry_run_option
@click.option("--json", "as_json", is_flag=True, help="Print the results as JSON.")
def confirm(
    run: str,
    changes: Sequence[str],
    seeds: int | None,
    epochs: int | None,
    wanted: Sequence[str],
    with_baselines: bool,
    address: str | None,
    nodes: int | None,
    dry_run: bool,
    as_json: bool,
) -> int:
    """Retrain the front of a search on several seeds and measure it on the test set.

    The same command resumes a confirmation that was interrupted.

    RUN is the folder of the search, or its URL. KEY=VALUE changes resources and limits: cpus_per_trial=2,
    max_concurrent=1. Everything else is as in the search.
    """
    if address is not None:
        changes = (*changes, f"address={address}")
    options = {"seeds": seeds, "epochs": epochs}
    given = {**options, "wait-for-nodes": nodes}
    words = [f"--{name}={value}" for name, value in given.items() if value is not None]
    words += [f"--pick={pick}" for pick in wanted] + (["--baselines"] if with_baselines else [])
    command = shlex.join(["xoresnet", "confirm", run, *changes, *words])
    limits = _limits(changes)
    chosen = {**options, "wanted": wanted, "with_baselines": with_baselines, "limits": limits}
    there = client_address(limits.get("address"))
    if there is not None:
        of_env = [] if "address" in limits else [f"address={there}"]
        flags = ["--dry-run"] * dry_run + ["--json"] * as_json
        return run_through_client(there, ["confirm", run, *changes, *of_env, *words, *flags], run, command)
    with interruption_waits():  # torch and Ray, which `--help` and wrong options do not need
        from xoresnet.search.commands.jobs.confirm_job import run_job, show_plan

    if dry_run:
        show_plan(run, chosen, as_json=as_json)
        return 0
    return run_job(run, chosen, command, nodes=nodes, as_json=as_json)


def _limits(changes: Sequence[str]) -> dict[str, Any]:
    """Raises `UsageError` for everything but limits."""
    for text in changes:
        key, equals, _ = text.partition("=")
        if equals and not _SETTINGS.accepts(key) and _OF_SEARCH.accepts(key):
            raise UsageError(f"{key} is fixed by the search; confirm accepts only {', '.join(CONFIRM_LIMITS)}")
    return _SETTINGS.read(changes)["config"]
