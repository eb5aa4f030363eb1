"""Running an ablation, or planning one: the work of `xoresnet ablate` once its arguments are understood."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import Any, NamedTuple

import pandas as pd

from xoresnet.measures.metrics import duration, metric_of
from xoresnet.results.analysis.confirmation import confirmed_metric
from xoresnet.results.analysis.effects import paired_effects
from xoresnet.results.tables.loading import load_ablation
from xoresnet.search.ablation.ablating import AblateRun, ablate_network
from xoresnet.search.ablation.folder import OneNetwork
from xoresnet.search.ablation.planning import AblatePlan, Base, plan_ablate
from xoresnet.search.commands.jobs.retraining_job import carry_out, estimated_seconds, total_lines
from xoresnet.search.commands.run_tables import row_fields
from xoresnet.search.folders.mirror import copied, named_run
from xoresnet.search.views.ablation import READING, effects_table
from xoresnet.search.views.console import print_json, print_lines, print_table
from xoresnet.search.views.data_bar import DecodingBar
from xoresnet.search.views.messages import say
from xoresnet.search.views.words import counted, describe_arch, next_commands, report_command

__all__ = ["run_job", "show_plan"]


def run_job(
    run: str, one: OneNetwork | None, chosen: Mapping[str, Any], command: str, *, nodes: int | None, as_json: bool
) -> int:
    """Ablate, or resume the ablation; returns the exit code.

    run: the folder that is written to. one: a network that belongs to no search. chosen: further arguments of
    `xoresnet.search.ablate`. command: the command line that resumes it. nodes: how many nodes the first training waits
    for.
    """
    plans: list[AblatePlan] = []

    def begin(ablation: AblateRun) -> list[str]:
        plans.append(ablation.plan)
        return _headlines(ablation)

    code = carry_out(
        partial(ablate_network, run, one, chosen),
        run,
        command,
        begin,
        lambda: _show(run, plans[0], as_json=as_json),
        nodes=nodes,
        as_json=as_json,
    )
    if not code and not as_json:
        say(f"next: {next_commands(run) if one is None else report_command(run)}")
    return code


def show_plan(run: str, one: OneNetwork | None, chosen: Mapping[str, Any], *, as_json: bool) -> None:
    """Print what would be trained and how long it would take; nothing is written."""
    with DecodingBar() as progress, copied(run) as folder:
        plan = plan_ablate(folder, one, **chosen, progress=progress)
        estimates = estimated_seconds(plan)
        totals, left, shown = total_lines(plan, estimates), plan.left(), plan.folder.shown
    seconds = {job.arch.arch_id: each for job, each in zip(plan.jobs[: plan.networks], estimates, strict=True)}
    if as_json:
        seeds = sorted({job.recipe.seed for job in plan.jobs})
        networks = [_planned(base, seconds) for base in plan.bases]
        print_json({"run": shown, "seeds": seeds, "trainings_left": len(left), "networks": networks})
        return
    for base in plan.bases:
        arch = base.network.arch
        what = f"{counted(base.network.recipe.epochs, 'epoch')}, about {duration(seconds[arch.arch_id])}"
        say(f"{base.label} {arch.arch_id}  {what}  {describe_arch(arch)}")
        width = max((len(f"{change.field}={change.value}") for change in base.changes), default=0)
        for change in base.changes:
            name = f"{change.field}={change.value}"
            known = change.reason if change.arch is None else _change_text(change.arch.arch_id, seconds)
            say(f"  {name:<{width}}  {known}")
    for line in totals:
        say(line)


def _change_text(arch_id: str, seconds: Mapping[str, float]) -> str:
    return f"{arch_id}  about {duration(seconds[arch_id])}"


def _planned(base: Base, seconds: Mapping[str, float]) -> dict[str, Any]:
    trial_id, source, arch, recipe = base.network
    rows = [
        {
            "field": change.field,
            "value": change.value,
            "reference": change.reference,
            "arch_id": None if change.arch is None else change.arch.arch_id,
            "reason": change.reason or None,
            "estimated_seconds": None if change.arch is None else seconds[change.arch.arch_id],
        }
        for change in base.changes
    ]
    about = {"trial_id": trial_id, "source": source, "arch_id": arch.arch_id, "epochs": recipe.epochs}
    return {**about, "estimated_seconds": seconds[arch.arch_id], "changes": rows}


def _headlines(ablation: AblateRun) -> list[str]:
    plan, total = ablation.plan, len(ablation.plan.jobs)
    seeds = total // plan.networks
    left = f"; {ablation.to_do} of {total} trainings left" if ablation.to_do < total else ""
    count, others = len(plan.bases), plan.networks - len(plan.bases)
    what = f"{counted(count, 'network')} and {counted(others, 'network')} with one change"
    lines = [f"{what}, on {counted(seeds, 'seed')} each{left}"]
    for base in plan.bases:
        about = f"{base.label}, " if len(plan.bases) > 1 else ""
        lines += [
            f"{about}{change.field}={change.value} is not trained: {change.reason}"
            for change in base.changes
            if change.arch is None
        ]
    return lines


class _Part(NamedTuple):
    """The effects on one unchanged network, or pooled over several."""

    title: str
    effects: pd.DataFrame
    several_references: bool


def _show(run: str, plan: AblatePlan, *, as_json: bool) -> None:
    ablations = load_ablation(run)
    metrics = [confirmed_metric(objective.metric) for objective in plan.config.objectives]
    effects = paired_effects(ablations, metrics)
    parts = [_part(base, ablations, effects, metrics) for base in plan.bases]
    if len(plan.bases) > 1:
        epochs = [base.network.recipe.epochs for base in plan.bases]
        pooled = effects[effects["base_arch_id"].isna() & effects["epochs"].isin(epochs)]
        parts.append(_Part("all of these networks together: the mean of their differences", pooled, True))
    parts = [part for part in parts if len(part.effects)]
    if as_json:
        rows = [_row(row) for part in parts for row in part.effects.to_dict("records")]
        skipped = [
            {"base_arch_id": base.network.arch.arch_id, "field": change.field, "value": change.value}
            | {"reason": change.reason}
            for base in plan.bases
            for change in base.changes
            if change.arch is None
        ]
        print_json({"run": named_run(run), "effects": rows, "skipped": skipped})
        return
    for part in parts:
        print_lines([part.title])
        print_table(effects_table(part.effects, metrics, several_references=part.several_references))
    if parts:
        print_lines([READING])


def _row(row: Mapping[Any, Any]) -> dict[str, Any]:
    return {name: value for name, value in row_fields(dict(row)).items() if name != "config"}


def _part(base: Base, ablations: pd.DataFrame, effects: pd.DataFrame, metrics: list[str]) -> _Part:
    arch_id = base.network.arch.arch_id
    mine = effects[_is_of(base, effects, "epochs")]
    own = ablations[_is_of(base, ablations, "config.recipe.epochs") & ablations["field"].isna()]
    own = own[own["state"] == "COMPLETE"]
    references = dict(zip(mine["field"], mine["reference"], strict=True))
    named = ", ".join(f"{field} {value}" for field, value in references.items())
    means = ", ".join(f"{metric_of(name).short} {metric_of(name).compact_text(own[name].mean())}" for name in metrics)
    label = base.label if base.label == arch_id else f"{base.label} {arch_id}"
    return _Part(f"{label} ({named}): {means}", mine, several_references=False)


def _is_of(base: Base, rows: pd.DataFrame, epochs: str) -> pd.Series[bool]:
    """Which rows are of this unchanged network; epochs: their column. Trials may differ in their recipes alone."""
    network = base.network
    same = (rows["base_arch_id"] == network.arch.arch_id) & (rows[epochs] == network.recipe.epochs).fillna(False)
    if network.trial_id is not None:
        same &= (rows["base_trial_id"] == network.trial_id).fillna(False)
    return same.astype(bool)
