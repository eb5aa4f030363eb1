"""`xoresnet status`: the progress of a search, from another terminal or afterwards."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click
from optuna.study import Study
from optuna.trial import TrialState

from xoresnet.description.user_code import names_only
from xoresnet.errors import RunError
from xoresnet.results.tables.loading import Run, load
from xoresnet.results.tables.spending import spent_trainings as spent_by_table
from xoresnet.results.tables.spending import without_continued
from xoresnet.search.commands.arguments import trust_code_option
from xoresnet.search.config import SearchConfig
from xoresnet.search.folders.run import RunFolder
from xoresnet.search.study.faults import FINISHED
from xoresnet.search.study.front import front_of
from xoresnet.search.study.opening import read_search
from xoresnet.search.study.spending import may_go_on, spent_trainings
from xoresnet.search.study.trials import own_trials
from xoresnet.search.views.console import print_json, print_table
from xoresnet.search.views.front import front_table
from xoresnet.search.views.messages import print_note, say
from xoresnet.search.views.saved_front import saved_front_table
from xoresnet.search.views.words import counted

__all__ = ["status"]


@click.command()
@click.argument("run", metavar="RUN")
@trust_code_option
@click.option("--json", "as_json", is_flag=True, help="Print the progress and the front as JSON.")
def status(run: str, trust_code: bool, as_json: bool) -> None:
    """Show the progress of a search, its running trials and its front.

    RUN is the folder of the search. Nothing in it is changed.
    """
    with names_only(run, trust_code=trust_code):
        study, fields, fault = _of_study(run)
        tables = _tables(run) if fault else None
        saved = _fields_of(tables, fields) if tables is not None else {"finished": 0}
        if fault and study is None and not saved["finished"]:
            raise RunError(fault)
        if fault:
            print_note(fault)
        if tables is not None and saved["finished"] > fields["finished"]:
            fields |= saved
            table: Any = saved_front_table(tables.front, tables)
        else:
            assert study is not None
            table = front_table(study)
        if as_json:
            print_json(fields)
        else:
            _show(fields)
            print_table(table)


def _of_study(run: str) -> tuple[Study | None, dict[str, Any], str]:
    """The study, what it tells of the progress, and what is wrong with it; nothing of a study that is lost."""
    try:
        folder, config, study, fault = read_search(run)
    except RunError as error:
        folder = RunFolder(Path(run))
        saved = folder.saved_config() if (folder.path / "config.yaml").exists() else None
        if saved is None:
            raise
        nothing = {"searching": folder.is_busy(), "budget": saved.budget, "spent": 0.0, "finished": 0, "running": []}
        return None, nothing, str(error)
    return study, _fields(study, config, busy=folder.is_busy()), fault


def _fields(study: Study, config: SearchConfig, *, busy: bool) -> dict[str, Any]:
    trials = own_trials(study)
    states = {state: sum(trial.state == state for trial in trials) for state in TrialState}
    metrics = study.metric_names or []
    continued = {trial.rescues for trial in trials}
    return {
        "searching": busy,
        "budget": config.budget,
        "spent": round(spent_trainings(study), 3),
        "finished": sum(trial.counts_as_finished for trial in trials),
        "complete": states[TrialState.COMPLETE],
        "paused": sum(bool(trial.paused_at) for trial in trials),
        "pruned": sum(trial.is_pruned and trial.number not in continued for trial in trials),
        "failed": states[TrialState.FAIL],
        "may_go_on": may_go_on(study) if config.strategy != "classic" else 0,
        "running": [
            {
                "trial_id": trial.number,
                "arch_id": trial.arch_id if trial.has_network else None,
                "epoch": trial.last_step,
            }
            for trial in trials
            if trial.is_running
        ],
        "front": [
            {
                "trial_id": trial.number,
                "arch_id": trial.arch_id,
                **dict(zip(metrics, trial.values, strict=True)),
            }
            for trial in front_of(study)
        ],
    }


def _tables(run: str) -> Run | None:
    """The tables of a run whose journal is damaged; None where they are damaged too."""
    try:
        return load(run)
    except RunError:
        return None


def _fields_of(tables: Run, fields: dict[str, Any]) -> dict[str, Any]:
    """What the tables of a run tell of its progress; fields: what its journal tells."""
    trials = tables.trials
    stopped = set(trials.loc[trials["state"].isin((*FINISHED, "PAUSED")), "trial_id"])
    states = without_continued(trials)["state"].value_counts()
    front = tables.front[["trial_id", "arch_id", *tables.objectives]]
    pauses = tables.config.get("strategy", "classic") != "classic"
    return {
        "spent": max(fields["spent"], round(spent_by_table(trials), 3)),
        "finished": int((trials["state"].isin(("COMPLETE", "PRUNED")) & trials["rescues"].isna()).sum()),
        "complete": int(states.get("COMPLETE", 0)),
        "paused": int(states.get("PAUSED", 0)),
        "pruned": int(states.get("PRUNED", 0)),
        "failed": int(states.get("FAIL", 0)),
        "may_go_on": int(states.get("PAUSED", 0) + states.get("PRUNED", 0)) if pauses else 0,
        "running": [trial for trial in fields["running"] if trial["trial_id"] not in stopped],
        "front": front.to_dict("records"),
    }


def _show(fields: dict[str, Any]) -> None:
    state = "running" if fields["searching"] else "not running"
    ends = ", ".join(f"{fields[name]} {name}" for name in ("complete", "paused", "pruned", "failed") if name in fields)
    spent_all = fields["budget"] - fields["spent"] < 1
    stopped = 0 if fields["searching"] else fields.get("may_go_on", 0)
    more = f"; {counted(stopped, 'network')} may go on{' with a larger budget' if spent_all else ''}" if stopped else ""
    say(f"{state}: {fields['spent']:.1f} of {fields['budget']:g} full trainings spent ({ends}){more}")
    for trial in fields["running"]:
        what = "running" if fields["searching"] else "interrupted"
        say(f"  #{trial['trial_id']} {trial['arch_id']} {what} after epoch {trial['epoch']}")
