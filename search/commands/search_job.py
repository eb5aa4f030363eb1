"""Running a search, or planning one: the work of `xoresnet search` once its arguments are understood."""

from __future__ import annotations

import os
from random import Random
from typing import Any

import torch

from xoresnet.files.yaml_text import write_yaml
from xoresnet.measures.metrics import duration
from xoresnet.search.commands.ending import last_words, show_end, show_interruption
from xoresnet.search.config import SearchConfig
from xoresnet.search.execution.execute import Outcome
from xoresnet.search.execution.outcomes import PLATEAU
from xoresnet.search.execution.places import check_machine
from xoresnet.search.folders.run import RunFolder
from xoresnet.search.interrupts import termination_raises
from xoresnet.search.prepare import plan_search
from xoresnet.search.prior.cost import check_prior, prior_cost
from xoresnet.search.run import SearchRun, run_search
from xoresnet.search.study.front import front_of
from xoresnet.search.study.opening import has_begun, read_search
from xoresnet.search.study.spending import may_go_on, spent_trainings
from xoresnet.search.views.console import print_json, print_table
from xoresnet.search.views.data_bar import DecodingBar
from xoresnet.search.views.front import front_table
from xoresnet.search.views.messages import say
from xoresnet.search.views.search import SearchView
from xoresnet.search.views.words import counted, next_commands
from xoresnet.training.fit import estimate_epoch_seconds

__all__ = ["run_job", "show_plan"]


def run_job(config: SearchConfig, folder: RunFolder, command: str, *, as_json: bool) -> int:
    """Run the search, or resume it; returns the exit code. command: the command line that resumes it."""
    view = SearchView(lines=not as_json)

    def begin(run: SearchRun) -> None:
        if not as_json:
            say(_headline(run))
            if run.bridge.spent:
                more = ", more than the budget allows" if run.bridge.spent > config.budget + 0.05 else ""
                say(f"Resuming: {run.bridge.spent:.1f} of {_trainings(config.budget)} are spent{more}.")
            if run.config.address is not None and run.bridge.affords_new:  # which may take a minute
                say(f"Joining the Ray cluster at {run.config.address}.")
        _note_other_images(config, run.config)
        view.begin(run)

    try:
        with termination_raises(), DecodingBar() as progress, view:
            stuck = last_words(command, view)
            outcome = run_search(
                config, folder.path, on_begin=begin, on_step=view.look, on_stuck=stuck, progress=progress
            )
    except KeyboardInterrupt as interrupt:
        return show_interruption(interrupt, folder.path, command)
    if outcome.is_folder_gone:  # and the study with it
        return show_end(outcome, command)
    if as_json:
        print_json(_outcome_fields(outcome, config))
    else:
        print_table(front_table(outcome.study))
    code = show_end(outcome, command)
    if not code and not as_json:
        say(f"ended: {outcome.ended}{_may_go_on(outcome, config)}")
        if front_of(outcome.study):
            say(f"next: {next_commands(outcome.folder)}")
    return code


def _may_go_on(outcome: Outcome, config: SearchConfig) -> str:
    """What could still be trained, as a clause; empty where nothing could."""
    stopped = may_go_on(outcome.study) if config.strategy != "classic" else 0
    if not stopped:
        return ""
    how = ""
    if outcome.ended.startswith(PLATEAU):
        how = " with stop=budget"
    elif config.budget - spent_trainings(outcome.study) < 1:
        how = " with a larger budget"
    return f"; {counted(stopped, 'network')} stopped before the end, and may go on{how}"


def show_plan(config: SearchConfig, folder: RunFolder, *, as_json: bool) -> None:
    """Print the configuration and how long the search would take; nothing is written."""
    begun = has_begun(folder)
    with DecodingBar() as progress:
        plan = plan_search(config, begun=begun, progress=progress)
    if config.address is None:
        check_machine(config)
    cost = prior_cost(plan) if begun else check_prior(plan)
    fields = folder.check(plan.config).shown_fields()
    rng = Random(0)
    torch.set_num_threads(min(config.cpus_per_trial, os.cpu_count() or 1))
    seconds = sorted(estimate_epoch_seconds(plan.space.sample(rng), plan.data, plan.recipe) for _ in range(5))[2]
    networks = plan.space.size().networks
    if as_json:
        print_json(
            {
                "run": str(folder.path),
                "config": fields,
                "networks": networks,
                "estimated_epoch_seconds": seconds,
                "prior_epochs": cost,
            }
        )
        return
    _note_other_images(config, plan.config)
    say(write_yaml(fields))
    say(f"The space has {counted(networks, 'network')}.")
    epochs = plan.recipe.epochs
    work = f"as much as {_trainings(config.budget)} of {counted(epochs, 'epoch')} x {duration(seconds)}"
    longest = duration(seconds * epochs * config.budget)
    say(f"About {longest}: {work}; less with parallel trials, more on a busy machine.")
    if cost:
        say(f"Shared weights cost {counted(cost, 'epoch')} of these.")
    if begun:
        spent = spent_trainings(read_search(folder.path).study)
        say(f"Nothing was trained or written; {spent:.1f} of these are spent already in {folder.path}")
    else:
        say(f"Nothing was trained or written; the run would be written to {folder.path}")


def _trainings(budget: float) -> str:
    return f"{budget:g} full {'training' if budget == 1 else 'trainings'}"


def _headline(run: SearchRun) -> str:
    networks = counted(run.space.size().networks, "network")
    return f"{networks} on {run.config.data.name}; a budget of {_trainings(run.config.budget)} for {run.folder.path}"


def _note_other_images(asked: SearchConfig, resolved: SearchConfig) -> None:
    """Say so if the space was written for other images than the data set has."""
    before, now = (
        (list(space.input_shape), space.num_classes) for space in (asked.search_space, resolved.search_space)
    )
    if before == now or not {"input_shape", "num_classes"} <= set(asked.space["arch"]):
        return
    (images, classes), (fitted, fitted_classes) = before, now
    described = f"the space describes images {images} in {classes} classes"
    say(
        f"note: {described}, but {asked.data.name} has {fitted} in {fitted_classes}; the search uses "
        f"{asked.data.name} (for other data, add data=NAME)",
        err=True,
    )


def _outcome_fields(outcome: Outcome, config: SearchConfig) -> dict[str, Any]:
    metrics = [objective.metric for objective in config.objectives]
    return {
        "run": str(outcome.folder),
        "ended": outcome.ended,
        "interrupted": bool(outcome.interrupted),
        "front": [
            {"trial_id": trial.number, "arch_id": trial.arch_id, **dict(zip(metrics, trial.values, strict=True))}
            for trial in front_of(outcome.study)
        ],
    }
