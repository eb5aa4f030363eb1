"""`xoresnet confirm`: the networks of a search trained again on several seeds, then measured on the test set."""

from __future__ import annotations

import math
import shlex
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from xoresnet.errors import UsageError
from xoresnet.measures.metrics import duration, metric_of
from xoresnet.results.analysis.pick import PICKS
from xoresnet.search.commands.overrides import read_overrides
from xoresnet.search.config import SearchConfig
from xoresnet.search.views.console import print_json
from xoresnet.search.views.messages import print_error

if TYPE_CHECKING:
    import pandas as pd
    from rich.table import Table

    from xoresnet.results.tables.loading import Run
    from xoresnet.search.confirmation.confirming import ConfirmPlan, ConfirmRun

__all__ = ["confirm"]


@click.command()
@click.argument("run", metavar="RUN")
@click.argument("changes", nargs=-1, metavar="[KEY=VALUE]...")
@click.option("--seeds", type=click.IntRange(1), default=3, show_default=True, metavar="N", help="For each network.")
@click.option("--epochs", type=click.IntRange(1), metavar="N", help="Of each training.  [default: the search's]")
@click.option("--pick", "wanted", multiple=True, metavar="WHICH",
              help=f"Instead of the front: {PICKS}, or a baseline's name; may be given several times.")  # fmt: skip
@click.option("--baselines", "with_baselines", is_flag=True, help="The known networks of the space as well.")
@click.option("--dry-run", is_flag=True, help="Show what would be trained and how long it takes; write nothing.")
@click.option("--json", "as_json", is_flag=True, help="Print what came of it as JSON.")
def confirm(
    run: str, changes: Sequence[str], seeds: int, epochs: int | None, wanted: Sequence[str], with_baselines: bool,
    dry_run: bool, as_json: bool,
) -> int:  # fmt: skip
    """Train the front of a search again on other seeds, and measure it on the test set; the same command goes on.

    RUN is the folder of a search. KEY=VALUE: resources and limits (cpus_per_trial=2, max_concurrent=1, address=auto)
    where they are not to be the search's.
    """
    from xoresnet.search.confirmation.confirming import confirm as carry_out
    from xoresnet.search.confirmation.confirming import plan_confirm
    from xoresnet.search.views.confirm import ConfirmView
    from xoresnet.search.views.data_bar import DecodingBar

    chosen: dict[str, Any] = {"seeds": seeds, "epochs": epochs, "wanted": wanted, "with_baselines": with_baselines}
    chosen["limits"] = _limits(changes)
    if dry_run:
        with DecodingBar() as progress:
            plan = plan_confirm(run, **chosen, progress=progress)
        _show_plan(plan, as_json=as_json)
        return 0

    view = ConfirmView(lines=not as_json)

    def begin(found: ConfirmRun) -> None:
        if not as_json:
            left = f"; {_count(found.to_do, 'training')} left" if found.to_do < len(found.plan.jobs) else ""
            click.echo(f"{_count(found.plan.networks, 'network')} on {_count(seeds, 'seed')}{left}")
        view.begin(found)

    with DecodingBar() as progress, view:
        outcome = carry_out(run, **chosen, on_begin=begin, on_step=view.look, progress=progress)
    words = [f"--{name}={value}" for name, value in (("seeds", seeds), ("epochs", epochs)) if value is not None]
    words += [f"--pick={one}" for one in wanted] + (["--baselines"] if with_baselines else [])
    command = shlex.join(["xoresnet", "confirm", run, *changes, *words])
    _show(run, as_json=as_json)
    for error in outcome.errors[:3]:
        print_error(error)
    if outcome.interrupted:
        print_error(f"interrupted; everything finished is kept in {outcome.folder}; to go on: {command}")
        return 128 + outcome.interrupted
    if outcome.failed:
        print_error(f"{outcome.ended}; everything finished is kept in {outcome.folder}; to go on: {command}")
        return 1
    if not as_json:
        click.echo(f"next: xoresnet report {run}; xoresnet export {run}")
    return 0


def _limits(changes: Sequence[str]) -> dict[str, Any]:
    """Raises `UsageError` for what is no field of a configuration."""
    for text in changes:
        if text.partition("=")[0] in ("epochs", "seeds"):
            raise UsageError(f"{text}: that is an option here: --{text}")
    from xoresnet.search.confirmation.confirming import LIMITS

    others = [name for name in SearchConfig.model_fields if any(text.startswith(name) for text in changes)]
    heads = dict.fromkeys(name.partition(".")[0] for name in LIMITS)
    return read_overrides(changes, {"config": [*heads, *others]})["config"]


def _show_plan(plan: ConfirmPlan, *, as_json: bool) -> None:
    import torch

    from xoresnet.search.views.search import describe_arch
    from xoresnet.training.fit import estimate_epoch_seconds

    torch.set_num_threads(plan.config.cpus_per_trial)
    data = plan.config.data.load()
    first, left = plan.jobs[: plan.networks], plan.left()
    seconds = [estimate_epoch_seconds(job.arch, data, job.recipe) * job.recipe.epochs for job in first]
    seeds = sorted({job.recipe.seed for job in plan.jobs})
    if as_json:
        rows = [
            {"trial_id": job.trial_id, "arch_id": job.arch.arch_id, "source": job.source, "epochs": job.recipe.epochs,
             "estimated_seconds": one} for job, one in zip(first, seconds, strict=True)
        ]  # fmt: skip
        print_json({"run": str(plan.folder.path), "seeds": seeds, "trainings_left": len(left), "networks": rows})
        return
    for job, one in zip(first, seconds, strict=True):
        number = f"#{job.trial_id}" if job.trial_id is not None else job.source
        what = f"{number} {job.arch.arch_id}  {_count(job.recipe.epochs, 'epoch')}, about {duration(one)}"
        click.echo(f"{what}  {describe_arch(job.arch)}")
    total = sum(seconds[place % plan.networks] for place, job in enumerate(plan.jobs) if job in left)
    what = f"{len(left)} of {_count(len(plan.jobs), 'training')} left, one after the other {duration(total)}"
    click.echo(f"seeds {', '.join(map(str, seeds))}; {what}")
    click.echo("nothing was trained or written")


def _show(run: str, *, as_json: bool) -> None:
    from rich.console import Console

    from xoresnet.results.analysis.confirmation import confirmed_networks, ranking_kept
    from xoresnet.search.commands.front import read_run, row_fields

    found = read_run(run)
    networks = confirmed_networks(found)
    kept = ranking_kept(networks, found.objectives)
    if as_json:
        rows = [row_fields(row) for row in networks.to_dict("records")]
        print_json({"run": str(Path(run)), "networks": rows, "kendall_tau": kept})
        return
    Console(highlight=False, width=None if sys.stdout.isatty() else 200).print(_table(networks, found))
    known = [f"{value:.2f} of {metric}" for metric, value in kept.items() if not math.isnan(value)]
    if known:
        click.echo(f"the search's ranking held with Kendall's tau {', '.join(known)} (1: the same order)")


def _table(networks: pd.DataFrame, run: Run) -> Table:
    import pandas as pd
    from rich.table import Table
    from rich.text import Text

    from xoresnet.results.analysis.confirmation import confirmed_metric
    from xoresnet.results.figures.kit.networks import describe

    columns = [confirmed_metric(metric) for metric in run.objectives]
    title = "measured on the test set, mean and standard deviation over seeds; * on the front of these"
    table = Table(box=None, padding=(0, 2, 0, 0), title_justify="left", title=title)
    budgets = ("epochs",) if networks["config.recipe.epochs"].nunique() > 1 else ()  # else there is nothing to say
    for name in ("trial", "arch_id", "", *columns, "seeds", *budgets, "network"):
        table.add_column(name, justify="right" if name in columns else "left", no_wrap=True)
    for row, network in zip(networks.to_dict("records"), describe(networks), strict=True):
        figures = [_spread(name, row[f"{name}_mean"], row[f"{name}_std"]) for name in columns]
        source = f" ({row['source']})" if isinstance(row["source"], str) else ""
        seeds = f"{row['seeds']}" + (f", {row['failed']} failed" if row["failed"] else "")
        number = "" if pd.isna(row["trial_id"]) else str(row["trial_id"])
        star = "*" if row["is_pareto"] else ""
        epochs = (str(row["config.recipe.epochs"]),) if budgets else ()
        table.add_row(number, row["arch_id"], star, *figures, seeds, *epochs, Text(network + source))
    return table


def _spread(name: str, mean: float, deviation: float) -> str:
    text = metric_of(name).compact_text
    if math.isnan(mean):
        return ""
    return text(mean) + ("" if math.isnan(deviation) else f" ± {text(deviation)}")


def _count(number: int, what: str) -> str:
    return f"{number} {what}{'' if number == 1 else 's'}"
