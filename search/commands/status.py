"""`xoresnet status`: the progress of a search, from another terminal or afterwards."""

from __future__ import annotations

import time
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, NamedTuple

import click
from optuna.study import Study
from optuna.trial import TrialState

from xoresnet.description.user_code import names_only
from xoresnet.errors import NoRunError, RunError
from xoresnet.results.analysis.activity import Activity
from xoresnet.results.analysis.failures import by_kind
from xoresnet.results.analysis.leading import search_figures
from xoresnet.results.tables.loading import RunTables, load
from xoresnet.results.tables.spending import spent_trainings as spent_by_table
from xoresnet.results.tables.spending import without_continued
from xoresnet.search.commands.arguments.completing import complete_run
from xoresnet.search.commands.arguments.options import trust_code_option
from xoresnet.search.config import SearchConfig
from xoresnet.search.folders.mirror import copied, with_url
from xoresnet.search.folders.run import RunFolder
from xoresnet.search.study.activity import failure_reasons, recent_activity
from xoresnet.search.study.faults import FINISHED
from xoresnet.search.study.front import front_of
from xoresnet.search.study.opening import read_search
from xoresnet.search.study.spending import may_go_on, spent_trainings
from xoresnet.search.study.trials import own_trials, trials_of
from xoresnet.search.views.activity import activity_lines, reasons_line
from xoresnet.search.views.console import print_json, print_lines, print_table
from xoresnet.search.views.front import front_table
from xoresnet.search.views.messages import print_note
from xoresnet.search.views.saved_front import saved_front_table
from xoresnet.search.views.words import counted

__all__ = ["status"]

_RUNNING = 20
"""Lines of running trials at most."""


@click.command()
@click.argument("run", metavar="RUN", shell_complete=complete_run)
@trust_code_option
@click.option("--json", "as_json", is_flag=True, help="Print the progress and the front as JSON.")
def status(run: str, trust_code: bool, as_json: bool) -> None:
    """Show the progress of a search, its running trials and its front.

    RUN is the folder of the search, or its URL. Nothing in it is changed.
    """
    with copied(run) as folder, names_only(run, trust_code=trust_code):
        study, fields, activity, fault = _of_study(str(folder))
        tables = _tables(str(folder)) if fault else None
        saved = _fields_of(tables, fields) if tables is not None else {"finished": 0}
        if fault and study is None and not saved["finished"]:
            raise RunError(fault)
        if fault and not RunFolder(folder).is_recorded():
            print_note(with_url(fault, folder))
        if tables is not None and saved["finished"] > fields["finished"]:
            fields |= saved
            lead = search_figures(tables)
            table: Any = saved_front_table(lead.front, lead)
        else:
            assert study is not None
            table = front_table(study)
        if as_json:
            print_json(fields)
        else:
            print_lines(_lines(fields, activity))
            print_table(table)


class _Progress(NamedTuple):
    study: Study | None
    """None if it is lost."""
    fields: dict[str, Any]
    """What the study tells of the progress; nothing of a study that is lost."""
    activity: Activity | None
    """Of the last minutes; None if nothing is known of them."""
    fault: str
    """What is wrong with the study; empty if nothing is."""


def _of_study(run: str) -> _Progress:
    try:
        folder, config, study, fault = read_search(run)
    except NoRunError:
        raise
    except RunError as error:
        folder = RunFolder(Path(run))
        saved = folder.saved_config() if (folder.path / "config.yaml").exists() else None
        if saved is None:
            raise
        nothing = {"searching": folder.is_busy(), "budget": saved.budget, "spent": 0.0, "finished": 0, "running": []}
        reasons: dict[str, dict[str, int]] = {"failures": {}, "retries": {}, "given_back": {}}
        return _Progress(None, {**nothing, **_activity_fields(None), **reasons}, None, str(error))
    busy = folder.is_busy()
    activity = recent_activity(study, folder.opened_at(), time.time() if busy else None)
    found = failure_reasons(trials_of(study))
    reasons = {
        "failures": by_kind(found.failed),
        "retries": by_kind(found.retried),
        "given_back": by_kind(found.given_back),
    }
    fields = {**_fields(study, config, busy=busy), **_activity_fields(activity), **reasons}
    return _Progress(study, fields, activity, fault)


def _activity_fields(activity: Activity | None) -> dict[str, Any]:
    if activity is None:
        rates = dict.fromkeys(("utilisation", "trials_per_hour", "epochs_per_hour"))
        return {"window_seconds": 0.0, "nodes": [], **rates}
    return {
        "window_seconds": round(activity.seconds, 3),
        "nodes": [
            {
                "node_id": node.node,
                "name": node.name,
                "workers": node.workers,
                "last_report": datetime.fromtimestamp(node.last_report, UTC).isoformat(),
            }
            for node in activity.nodes
        ],
        "utilisation": activity.utilisation,
        "trials_per_hour": activity.trials_per_hour,
        "epochs_per_hour": activity.epochs_per_hour,
    }


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


def _tables(run: str) -> RunTables | None:
    """The tables of a run whose journal is damaged; None where they are damaged too."""
    try:
        return load(run)
    except RunError:
        return None


def _fields_of(tables: RunTables, fields: dict[str, Any]) -> dict[str, Any]:
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
        "failures": by_kind(trials.loc[trials["state"] == "FAIL", "reason"].fillna("unknown reason")),
        "may_go_on": int(states.get("PAUSED", 0) + states.get("PRUNED", 0)) if pauses else 0,
        "running": [trial for trial in fields["running"] if trial["trial_id"] not in stopped],
        "front": front.to_dict("records"),
    }


def _lines(fields: dict[str, Any], activity: Activity | None) -> Iterator[str]:
    """The progress in lines."""
    state = "running" if fields["searching"] else "not running"
    ends = ", ".join(f"{fields[name]} {name}" for name in ("complete", "paused", "pruned", "failed") if name in fields)
    spent_all = fields["budget"] - fields["spent"] < 1
    stopped = 0 if fields["searching"] else fields.get("may_go_on", 0)
    more = f"; {counted(stopped, 'network')} may go on{' with a larger budget' if spent_all else ''}" if stopped else ""
    yield f"{state}: {fields['spent']:.1f} of {fields['budget']:g} full trainings spent ({ends}){more}"
    if activity is not None:
        yield from activity_lines(activity, time.time(), is_over=not fields["searching"])
    for label, name in (("failed", "failures"), ("tried again", "retries"), ("gone on elsewhere", "given_back")):
        if fields.get(name):
            yield reasons_line(label, fields[name])
    what = "running" if fields["searching"] else "interrupted"
    running = fields["running"]
    shown = running if len(running) <= _RUNNING else running[: _RUNNING - 1]
    for trial in shown:
        yield f"  #{trial['trial_id']} {trial['arch_id']} {what} after epoch {trial['epoch']}"
    if len(running) > len(shown):
        yield f"  and {len(running) - len(shown):,} more {what}; --json lists all"
