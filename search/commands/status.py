"""`xoresnet status`: how far a search is, from another terminal or afterwards."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from xoresnet.errors import RunError
from xoresnet.search.config import SearchConfig
from xoresnet.search.folders.run import RunFolder
from xoresnet.search.views.console import print_json

if TYPE_CHECKING:
    from optuna.study import Study

__all__ = ["status"]


@click.command()
@click.argument("run", metavar="RUN")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def status(run: str, as_json: bool) -> None:
    """Show how far a search is, what runs, and its front; RUN is its folder. Changes nothing."""
    folder = RunFolder(Path(run))
    if not folder.path.is_dir():
        raise RunError(f"there is no folder {run}")
    config = folder.saved_config() if (folder.path / "config.yaml").exists() else None
    if config is None:
        raise RunError(f"{run} holds no search")
    study = _study(config, folder)
    fields = _fields(study, config, busy=folder.is_busy())
    if as_json:
        print_json(fields)
        return
    _show(study, fields)


def _study(config: SearchConfig, folder: RunFolder) -> Study:
    from xoresnet.search.study.opening import look_at_study

    found = look_at_study(config, folder.path)
    if found is None:
        raise RunError(f"{folder.path} has no study yet")
    return found


def _fields(study: Study, config: SearchConfig, *, busy: bool) -> dict[str, Any]:
    from optuna.trial import TrialState

    from xoresnet.search.prior.guidance import budget_of
    from xoresnet.search.study.front import front_of
    from xoresnet.search.study.trials import own_trials

    trials = own_trials(study)
    states = {state: sum(trial.state == state for trial in trials) for state in TrialState}
    metrics = study.metric_names or []
    rescues = sum(trial.is_complete and trial.rescues is not None for trial in trials)
    return {
        "searching": busy,
        "trials": budget_of(study, config.trials),
        "finished": sum(trial.counts_as_finished for trial in trials),
        "complete": states[TrialState.COMPLETE] - rescues,
        "pruned": states[TrialState.PRUNED],
        "failed": states[TrialState.FAIL],
        "rescued": rescues,
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


def _show(study: Study, fields: dict[str, Any]) -> None:
    from rich.console import Console

    from xoresnet.search.views.search import front_table

    state = "searching" if fields["searching"] else "not searching"
    ends = ", ".join(f"{fields[name]} {name}" for name in ("complete", "pruned", "failed"))
    more = f", and {fields['rescued']} rescued" if fields["rescued"] else ""
    click.echo(f"{state}: {fields['finished']} of {fields['trials']} trials finished ({ends}){more}")
    for trial in fields["running"]:
        what = "running" if fields["searching"] else "interrupted"
        click.echo(f"  #{trial['trial_id']} {trial['arch_id']} {what} after epoch {trial['epoch']}")
    Console(highlight=False, width=None if sys.stdout.isatty() else 200).print(front_table(study))
