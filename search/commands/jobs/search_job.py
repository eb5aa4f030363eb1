"""Running a search, or planning one: the work of `xoresnet search` once its arguments are understood."""

from __future__ import annotations

import os
import shlex
from contextlib import suppress
from random import Random
from typing import Any

import torch
from optuna.trial import TrialState

from xoresnet.errors import RunError
from xoresnet.files.yaml_text import write_yaml
from xoresnet.measures.metrics import duration
from xoresnet.results.analysis.leading import search_figures
from xoresnet.results.analysis.trust import guessing_findings
from xoresnet.search.commands.ending import last_words, show_end, show_interruption
from xoresnet.search.config import SearchConfig
from xoresnet.search.execution.cluster.places import check_machine
from xoresnet.search.execution.execute import Outcome
from xoresnet.search.execution.outcomes import PLATEAU
from xoresnet.search.folders.mirror import copied, named_run, shown_run
from xoresnet.search.folders.run import RunFolder
from xoresnet.search.interrupts import termination_raises
from xoresnet.search.prepare import plan_search
from xoresnet.search.prior.cost import check_prior, prior_cost
from xoresnet.search.run import SearchRun, run_search
from xoresnet.search.study.front import front_of
from xoresnet.search.study.opening import has_begun, read_search
from xoresnet.search.study.same_data import check_same_data
from xoresnet.search.study.spending import may_go_on, spent_trainings
from xoresnet.search.study.trials import own_trials
from xoresnet.search.views.console import print_json, print_table
from xoresnet.search.views.data_bar import DecodingBar
from xoresnet.search.views.data_notes import data_notes
from xoresnet.search.views.front import front_table
from xoresnet.search.views.messages import print_note, say
from xoresnet.search.views.nodes import wait_for
from xoresnet.search.views.search import SearchView
from xoresnet.search.views.words import counted, next_commands
from xoresnet.training.fit import estimate_epoch_seconds

__all__ = ["run_job", "show_plan"]


def run_job(config: SearchConfig, run: str, command: str, *, nodes: int | None, as_json: bool) -> int:
    """Run the search, or resume it; returns the exit code.

    run: a folder or a URL. command: the command line that resumes it. nodes: how many nodes the first trial waits for.
    """
    view = SearchView(lines=not as_json)

    def begin(search: SearchRun) -> None:
        if not as_json:
            say(_headline(search))
            if search.bridge.spent:
                more = ", more than the budget allows" if search.bridge.spent > config.budget + 0.05 else ""
                say(f"Resuming: {search.bridge.spent:.1f} of {_trainings(config.budget)} are spent{more}.")
        for note in data_notes(search.plan.data, config.data):
            print_note(note)
        _note_other_images(config, search.config)
        view.begin(search)

    try:
        with termination_raises(), DecodingBar() as progress, view:
            stuck = last_words(command, view)
            outcome = run_search(
                config,
                run,
                on_begin=begin,
                on_step=view.look,
                on_stuck=stuck,
                progress=progress,
                wait=wait_for(nodes, view),
                on_wait=view.print,
            )
    except KeyboardInterrupt as interrupt:
        return show_interruption(interrupt, named_run(run), command)
    if outcome.is_folder_gone:  # and the study with it
        return show_end(outcome, command)
    if as_json:
        print_json(_outcome_fields(outcome, config))
    else:
        print_table(front_table(outcome.study))
    code = show_end(outcome, command, view.printed)
    if not code:
        _note_guessing(outcome)
    if not code and not as_json:
        say(f"ended: {outcome.ended}{_may_go_on(outcome, config)}{_failed(outcome)}")
        if front_of(outcome.study):
            say(f"next: {next_commands(shown_run(outcome.folder))}")
    return code


def _note_guessing(outcome: Outcome) -> None:
    """Say so if no network is better than guessing."""
    with suppress(RunError):  # a folder that can no longer be read
        run = outcome.run
        for finding in guessing_findings(run, search_figures(run)):
            print_note(finding.sentence)


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


def _failed(outcome: Outcome) -> str:
    """How many trials have failed, as a clause; empty where none has."""
    trials = own_trials(outcome.study)
    failed = sum(trial.state == TrialState.FAIL for trial in trials)
    if not failed:
        return ""
    status = shlex.join(["xoresnet", "status", str(shown_run(outcome.folder))])
    return f"; {failed:,} of {counted(len(trials), 'trial')} failed: {status} says why"


def show_plan(config: SearchConfig, run: str, *, as_json: bool) -> None:
    """Print the configuration and how long the search would take; nothing is written.

    run: a folder or a URL.
    """
    with copied(run) as path:
        _show_plan(config, RunFolder(path), as_json=as_json)


def _show_plan(config: SearchConfig, folder: RunFolder, *, as_json: bool) -> None:
    begun = has_begun(folder)
    with DecodingBar() as progress:
        plan = plan_search(config, begun=begun, progress=progress)
    for note in data_notes(plan.data, config.data):
        print_note(note)
    earlier = read_search(folder.path) if begun or folder.is_recorded() else None
    if earlier is not None:
        if earlier.fault:
            raise RunError(earlier.fault)
        check_same_data(earlier.study, plan.data)
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
                "run": folder.shown,
                "config": fields,
                "networks": networks,
                "estimated_epoch_seconds": seconds,
                "prior_epochs": cost,
            }
        )
        return
    _note_other_images(config, plan.config)
    say(write_yaml(fields))
    say("Recipe: " + ", ".join(f"{name} {value}" for name, value in plan.recipe if value is not None))
    say(f"The space has {counted(networks, 'network')}.")
    epochs = plan.recipe.epochs
    work = f"as much as {_trainings(config.budget)} of {counted(epochs, 'epoch')} x {duration(seconds)}"
    longest = duration(seconds * epochs * config.budget)
    say(f"About {longest}: {work}; less with parallel trials, more on a busy machine.")
    if cost:
        say(f"Shared weights cost {counted(cost, 'epoch')} of these.")
    if earlier is not None:
        spent = spent_trainings(earlier.study)
        say(f"Nothing was trained or written; {spent:.1f} of these are spent already in {folder.shown}")
    else:
        say(f"Nothing was trained or written; the run would be written to {folder.shown}")


def _trainings(budget: float) -> str:
    return f"{budget:g} full {'training' if budget == 1 else 'trainings'}"


def _headline(run: SearchRun) -> str:
    networks = counted(run.space.size().networks, "network")
    return f"{networks} on {run.config.data.name}; a budget of {_trainings(run.config.budget)} for {run.folder.shown}"


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
        "run": shown_run(outcome.folder),
        "ended": outcome.ended,
        "interrupted": bool(outcome.interrupted),
        "front": [
            {"trial_id": trial.number, "arch_id": trial.arch_id, **dict(zip(metrics, trial.values, strict=True))}
            for trial in front_of(outcome.study)
        ],
    }
