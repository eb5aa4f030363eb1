"""Running a confirmation, or planning one: the work of `xoresnet confirm` once its arguments are understood."""

from __future__ import annotations

import math
from collections.abc import Mapping
from functools import partial
from typing import Any

import pandas as pd

from xoresnet.measures.metrics import duration, metric_of
from xoresnet.results.analysis.confirmation import confirmed_metric, confirmed_networks, ranking_kept
from xoresnet.results.analysis.networks import describe
from xoresnet.results.tables.loading import RunTables
from xoresnet.search.commands.jobs.retraining_job import carry_out, estimated_seconds, total_lines
from xoresnet.search.commands.run_tables import read_run, row_fields
from xoresnet.search.confirmation.confirming import ConfirmRun, confirm, plan_confirm
from xoresnet.search.folders.mirror import copied, named_run
from xoresnet.search.views.console import print_json, print_table
from xoresnet.search.views.data_bar import DecodingBar
from xoresnet.search.views.messages import say
from xoresnet.search.views.network_table import NetworkTable
from xoresnet.search.views.retraining import network_name
from xoresnet.search.views.words import counted, describe_arch, next_commands

__all__ = ["run_job", "show_plan"]


def run_job(run: str, chosen: Mapping[str, Any], command: str, *, nodes: int | None, as_json: bool) -> int:
    """Confirm, or resume the confirmation; returns the exit code.

    chosen: arguments of `xoresnet.search.confirm`. command: the command line that resumes it. nodes: how many nodes the
    first training waits for.
    """
    code = carry_out(
        partial(confirm, run, **chosen),
        run,
        command,
        lambda confirmation: [_headline(confirmation)],
        lambda: _show(run, as_json=as_json),
        nodes=nodes,
        as_json=as_json,
    )
    if not code and not as_json:
        say(f"next: {next_commands(run)}")
    return code


def show_plan(run: str, chosen: Mapping[str, Any], *, as_json: bool) -> None:
    """Print what would be trained and how long it would take; nothing is written."""
    with DecodingBar() as progress, copied(run) as folder:
        plan = plan_confirm(folder, **chosen, progress=progress)
        estimates = estimated_seconds(plan)
        totals, left, shown = total_lines(plan, estimates), plan.left(), plan.folder.shown
    first = plan.jobs[: plan.networks]
    if as_json:
        rows = [
            {
                "trial_id": job.trial_id,
                "arch_id": job.arch.arch_id,
                "source": job.source,
                "epochs": job.recipe.epochs,
                "estimated_seconds": seconds,
            }
            for job, seconds in zip(first, estimates, strict=True)
        ]
        seeds = sorted({job.recipe.seed for job in plan.jobs})
        print_json({"run": shown, "seeds": seeds, "trainings_left": len(left), "networks": rows})
        return
    for job, seconds in zip(first, estimates, strict=True):
        what = f"{counted(job.recipe.epochs, 'epoch')}, about {duration(seconds)}"
        say(f"{network_name(job)} {job.arch.arch_id}  {what}  {describe_arch(job.arch)}")
    for line in totals:
        say(line)


def _headline(confirmation: ConfirmRun) -> str:
    plan, total = confirmation.plan, len(confirmation.plan.jobs)
    left = f"; {confirmation.to_do} of {total} trainings left" if confirmation.to_do < total else ""
    return f"{counted(plan.networks, 'network')} on {counted(total // plan.networks, 'seed')} each{left}"


def _show(run: str, *, as_json: bool) -> None:
    tables = read_run(run)
    networks = confirmed_networks(tables)
    kept = ranking_kept(networks, tables.objectives)
    if as_json:
        rows = [row_fields(row) for row in networks.to_dict("records")]
        print_json({"run": named_run(run), "networks": rows, "kendall_tau": kept})
        return
    print_table(_table(networks, tables))
    known = [f"{metric_of(metric).short} {value:.2f}" for metric, value in kept.items() if not math.isnan(value)]
    if known:
        say(f"Kendall's tau between the rankings of search and test: {', '.join(known)} (1 = the same order)")


def _table(networks: pd.DataFrame, run: RunTables) -> NetworkTable:
    columns = [confirmed_metric(metric) for metric in run.objectives]
    title = "test set: mean ± standard deviation over seeds; * = on the front of these networks"
    budgets = ("epochs",) if networks["config.recipe.epochs"].nunique() > 1 else ()  # else all have the same
    cells = []
    for row, network in zip(networks.to_dict("records"), describe(networks), strict=True):
        figures = [_spread(name, row[f"{name}_mean"], row[f"{name}_std"]) for name in columns]
        source = f" ({row['source']})" if isinstance(row["source"], str) else ""
        seeds = f"{row['seeds']}" + (f", {row['failed']} failed" if row["failed"] else "")
        number = "" if pd.isna(row["trial_id"]) else str(row["trial_id"])
        star = "*" if row["is_pareto"] else ""
        epochs = (str(row["config.recipe.epochs"]),) if budgets else ()
        cells.append([number, row["arch_id"], star, *figures, seeds, *epochs, network + source])
    return NetworkTable(title, ["trial", "arch_id", "", *columns, "seeds", *budgets, "network"], cells, columns)


def _spread(name: str, mean: float, deviation: float) -> str:
    return "" if math.isnan(mean) else metric_of(name).spread_text(mean, deviation, compact=True)
