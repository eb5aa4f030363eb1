"""Running a confirmation, or planning one: the work of `xoresnet confirm` once its arguments are understood."""

from __future__ import annotations

import math
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pandas as pd
import torch

from xoresnet.measures.metrics import duration, metric_of
from xoresnet.results.analysis.confirmation import confirmed_metric, confirmed_networks, ranking_kept
from xoresnet.results.figures.kit.networks import describe
from xoresnet.results.tables.loading import Run
from xoresnet.search.commands.ending import last_words, show_end, show_interruption
from xoresnet.search.commands.run_tables import read_run, row_fields
from xoresnet.search.confirmation.confirming import ConfirmRun, confirm, plan_confirm
from xoresnet.search.execution.places import check_machine
from xoresnet.search.interrupts import termination_raises
from xoresnet.search.views.confirm import ConfirmView
from xoresnet.search.views.console import print_json, print_table
from xoresnet.search.views.data_bar import DecodingBar
from xoresnet.search.views.messages import say
from xoresnet.search.views.network_table import NetworkTable
from xoresnet.search.views.words import counted, describe_arch, next_commands
from xoresnet.training.fit import estimate_epoch_seconds

__all__ = ["run_job", "show_plan"]


def run_job(run: str, chosen: Mapping[str, Any], command: str, *, as_json: bool) -> int:
    """Confirm, or resume the confirmation; returns the exit code.

    chosen: arguments of `xoresnet.search.confirm`. command: the command line that resumes it.
    """
    view = ConfirmView(lines=not as_json)

    def begin(confirmation: ConfirmRun) -> None:
        if not as_json:
            say(_headline(confirmation))
        view.begin(confirmation)

    try:
        with termination_raises(), DecodingBar() as progress, view:
            stuck = last_words(command, view)
            outcome = confirm(run, **chosen, on_begin=begin, on_step=view.look, on_stuck=stuck, progress=progress)
    except KeyboardInterrupt as interrupt:
        return show_interruption(interrupt, Path(run).absolute(), command)
    if outcome.is_folder_gone:
        return show_end(outcome, command)
    _show(run, as_json=as_json)
    code = show_end(outcome, command)
    if not code and not as_json:
        say(f"next: {next_commands(run)}")
    return code


def show_plan(run: str, chosen: Mapping[str, Any], *, as_json: bool) -> None:
    """Print what would be trained and how long it would take; nothing is written."""
    with DecodingBar() as progress:
        plan = plan_confirm(run, **chosen, progress=progress)
        if plan.config.address is None:
            check_machine(plan.config)
        torch.set_num_threads(min(plan.config.cpus_per_trial, os.cpu_count() or 1))
    first, left = plan.jobs[: plan.networks], plan.left()
    estimates = [estimate_epoch_seconds(job.arch, plan.data, job.recipe) * job.recipe.epochs for job in first]
    seeds = sorted({job.recipe.seed for job in plan.jobs})
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
        print_json({"run": str(plan.folder.path), "seeds": seeds, "trainings_left": len(left), "networks": rows})
        return
    for job, seconds in zip(first, estimates, strict=True):
        number = f"#{job.trial_id}" if job.trial_id is not None else job.source
        what = f"{number} {job.arch.arch_id}  {counted(job.recipe.epochs, 'epoch')}, about {duration(seconds)}"
        say(f"{what}  {describe_arch(job.arch)}")
    total = duration(sum(estimates[place % plan.networks] for place, job in enumerate(plan.jobs) if job in left))
    todo = f"{len(left)} of {counted(len(plan.jobs), 'training')} left"
    say(f"seeds {', '.join(map(str, seeds))}: {todo}, {total} without parallel trainings")
    say("Nothing was trained or written.")


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
        print_json({"run": str(Path(run)), "networks": rows, "kendall_tau": kept})
        return
    print_table(_table(networks, tables))
    known = [f"{metric_of(metric).short} {value:.2f}" for metric, value in kept.items() if not math.isnan(value)]
    if known:
        say(f"Kendall's tau between the rankings of search and test: {', '.join(known)} (1 = the same order)")


def _table(networks: pd.DataFrame, run: Run) -> NetworkTable:
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
    text = metric_of(name).compact_text
    if math.isnan(mean):
        return ""
    return text(mean) + ("" if math.isnan(deviation) else f" ± {text(deviation)}")
