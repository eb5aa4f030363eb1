"""What running and planning have in common for confirmations and ablations."""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Any

import torch

from xoresnet.measures.metrics import duration
from xoresnet.search.commands.ending import last_words, show_end, show_interruption
from xoresnet.search.execution.cluster.places import check_machine
from xoresnet.search.execution.execute import Outcome
from xoresnet.search.folders.mirror import named_run
from xoresnet.search.interrupts import termination_raises
from xoresnet.search.retraining.planning import RetrainingPlan
from xoresnet.search.retraining.retraining import Retraining
from xoresnet.search.views.console import print_lines
from xoresnet.search.views.data_bar import DecodingBar
from xoresnet.search.views.nodes import wait_for
from xoresnet.search.views.retraining import RetrainingView
from xoresnet.search.views.words import counted
from xoresnet.training.fit import estimate_epoch_seconds

__all__ = ["carry_out", "estimated_seconds", "total_lines"]


def carry_out(
    start: Callable[..., Outcome],
    run: str,
    command: str,
    begin_lines: Callable[[Any], list[str]],
    show: Callable[[], None],
    *,
    nodes: int | None,
    as_json: bool,
) -> int:
    """Run trainings, or resume them, and show what they came to; returns the exit code.

    start: called with the callbacks of `confirm`. command: the command line that resumes it. begin_lines: what is
    printed of a `Retraining` before it runs; it is called in any case. show: prints the results. nodes: how many nodes
    the first training waits for.
    """
    view = RetrainingView(lines=not as_json)

    def begin(retraining: Retraining[Any]) -> None:
        lines = begin_lines(retraining)
        if not as_json:
            print_lines(lines)
        view.begin(retraining)

    try:
        with termination_raises(), DecodingBar() as progress, view:
            stuck = last_words(command, view)
            wait = wait_for(nodes, view)
            outcome = start(
                on_begin=begin,
                on_step=view.look,
                on_stuck=stuck,
                progress=progress,
                wait=wait,
                on_wait=view.print,
            )
    except KeyboardInterrupt as interrupt:
        return show_interruption(interrupt, named_run(run), command)
    if outcome.is_folder_gone:
        return show_end(outcome, command)
    show()
    return show_end(outcome, command, view.printed)


def estimated_seconds(plan: RetrainingPlan) -> list[float]:
    """How long one training of each network takes. Raises `ClusterError` for trainings that do not fit here."""
    if plan.config.address is None:
        check_machine(plan.config)
    torch.set_num_threads(min(plan.config.cpus_per_trial, os.cpu_count() or 1))
    first = plan.jobs[: plan.networks]
    return [estimate_epoch_seconds(job.arch, plan.data, job.recipe) * job.recipe.epochs for job in first]


def total_lines(plan: RetrainingPlan, estimates: list[float]) -> list[str]:
    """What a dry run says at its end; estimates: of one training of each network."""
    left = plan.left()
    seeds = dict.fromkeys(job.recipe.seed for job in plan.jobs)
    total = duration(sum(estimates[place % plan.networks] for place, job in enumerate(plan.jobs) if job in left))
    todo = f"{len(left)} of {counted(len(plan.jobs), 'training')} left"
    seed_list = ", ".join(map(str, sorted(seeds)))
    return [f"seeds {seed_list}: {todo}, {total} without parallel trainings", "Nothing was trained or written."]
